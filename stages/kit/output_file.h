/* SPDX-License-Identifier: MIT */
/*
 * output_file.h - a file that grows by records, and never shrinks while what it has shown comes again
 *
 * The cursor beside it says (seq, length, CRC of the last bytes). What a process that was killed
 * has shown behind that length comes again as the same bytes and is written over them in place, so
 * whoever follows the file sees it only grow. Bytes that are still left when all has come again
 * never will: output_file_settle() cuts them off. docs/decisions/0011-outputs-never-shrink.md.
 *
 * The file must belong to its state: one that is gone, shorter than committed, has other bytes
 * before that length, or is written by another run, is refused and left as it is; also if that
 * happens while it is written. So is one that holds records of another format than is to be written:
 * nobody could read it. What was written is known without reading it: the bytes from
 * somewhat before the commit on are kept in memory. A copy that was put in its place, as from a
 * backup, is as good as the file itself if it ends where the commit does.
 */
#ifndef BULKHEAD_STAGES_KIT_OUTPUT_FILE_H
#define BULKHEAD_STAGES_KIT_OUTPUT_FILE_H

#include <sys/stat.h>

#include "common/buf.h"
#include "common/seq_queue.h"
#include "stages/kit/record_formats.h"
#include "stages/kit/source_marks.h"
#include "stages/stage.h"
#include "stages/store/cursor.h"

#define OUTPUT_MAGIC 0x554f4842u /* "BHOU": of the cursor */

/* Where in the file the lines of a seq begin. */
struct output_mark {
    seq_number seq;
    uint64_t start;
};

struct output_file {
    char *path; /* relative to dir_fd */
    int dir_fd;
    const char *shown; /* of path, for messages */
    int fd;
    struct cursor cursor;
    enum record_format_number format; /* of what is written */
    bool durable;
    bool usable;               /* it is open, and nothing has failed */
    bool ended;                /* the cursor says that nothing was shown behind the length */
    struct file_identity file; /* which one it is */
    uint64_t length;           /* written so far */
    uint64_t end;              /* of the file: length, or more where a former life has shown more */
    bool differs;              /* what a former life has shown is not what came; that was said */
    seq_number committed;
    uint64_t committed_length;
    struct buf bytes;       /* of the file from kept_from on, and behind length what waits */
    uint64_t kept_from;     /* at least a block before committed_length */
    struct seq_queue marks; /* struct output_mark: of what is not committed */
    /* Set by the caller after opening, or NULL. */
    void (*note)(const char *text); /* says something to a person */
    bool *
        full; /* true while so much is not committed, and kept in memory, that no more is to come */
};

/*
 * Opens the file at path (relative to dir_fd) with the cursor in state_fd.
 *
 *   format         of what will be written
 *   begins_after   nothing up to this seq is to be written here: see stage_env
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO; then *o needs no closing.
 */
int output_file_open(struct output_file *o, int dir_fd, const char *path,
                     enum record_format_number format, int state_fd, bool durable,
                     seq_number begins_after, struct err *e);

/*
 * Closes it. If all that was written is committed, the cursor is told that this is an orderly end:
 * what is found behind it later was added by somebody else.
 */
void output_file_close(struct output_file *o);

/*
 * Looks whether output_file_open() would refuse, and changes nothing. But for what lies in a file
 * that no cursor tells of: that is the business of the plan of a start, which may empty it.
 *
 *   format      of what will be written
 *   stages_fd   the directory of all stages
 *   state_fd    that of the stage; -1: it is new, so there is no cursor to compare with
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO.
 */
int output_file_check(int dir_fd, const char *path, enum record_format_number format, int stages_fd,
                      int state_fd, struct err *e);

/*
 * How many bytes lie behind the committed length, shown by a process that was killed. Returns as
 * output_file_check().
 */
int output_file_shown_bytes(int dir_fd, const char *path, int state_fd, uint64_t *ret_bytes,
                            struct err *e);

/*
 * How many bytes are committed by the cursor in state_fd, if a process has not come to an orderly
 * end since: it may have shown more. *ret_open: whether that is so. Returns 0, ERR_CORRUPT, ERR_IO.
 */
int output_file_open_bytes(int state_fd, bool *ret_open, uint64_t *ret_bytes, struct err *e);

/*
 * Whether the file at a path is what the cursor in state_fd tells of, so that it may be emptied: it
 * holds all that was committed to it, in whatever format. One that is not there, or empty, needs no emptying.
 *
 *   ret_st   of the file, if so
 *
 * Returns: 0, ERR_CORRUPT, ERR_IO.
 */
int output_file_is_ours(const char *path, int state_fd, bool *ret_ours, struct stat *ret_st,
                        struct err *e);

/*
 * Where the caller puts the bytes of a record with this seq. Writes what is waiting before that, if
 * it is enough to be worth a call.
 *
 * Returns: 0; ERR_NO_SPACE: no bytes of the record may be put anywhere, call it again later;
 *          ERR_IO.
 */
int output_file_begin(struct output_file *o, seq_number seq, struct buf **ret_buffer,
                      struct err *e);

/*
 * Writes what is waiting, so that it can be read; it is not safe yet.
 * Returns: 0; ERR_NO_SPACE: some still waits; ERR_MISMATCH: somebody else has changed the file's
 *          length; ERR_IO.
 */
int output_file_flush(struct output_file *o, struct err *e);

/*
 * Writes what is waiting, makes it safe, and notes where the lines up to seq end; lines of later
 * seqs may be there already.
 * Returns: 0; ERR_NO_SPACE: call it again, with this seq or a later one; ERR_MISMATCH: the file was
 *          moved away, replaced, truncated or overwritten, and nothing is committed; ERR_IO.
 */
int output_file_commit(struct output_file *o, seq_number seq, struct err *e);

/* Whether nothing was put into it by any life. */
bool output_file_is_empty(const struct output_file *o);

/* Whether bytes of a former life lie behind what this one has written: they may come again. */
bool output_file_is_unsettled(const struct output_file *o);

/*
 * Everything that any former life was given has come again: cuts off what it has left behind that,
 * and says so. Returns 0, ERR_MISMATCH (the file was changed by somebody else), ERR_NO_SPACE,
 * ERR_IO.
 */
int output_file_settle(struct output_file *o, struct err *e);

#endif
