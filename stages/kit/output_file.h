/* SPDX-License-Identifier: MIT */
/*
 * output_file.h - a file that grows by records and never shrinks
 *
 * The cursor in the state directory holds (seq, length, CRC of the last bytes). A process that was
 * killed may have written more than that length, where readers could see it. Those records come
 * again as the same bytes and are written over the old ones in place, so anyone who follows the
 * file only ever sees it grow. Bytes that are left when everything has come again will never be
 * overwritten; output_file_settle() cuts them off. docs/decisions/0011-outputs-never-shrink.md has
 * the reasons.
 *
 * The file must belong to its state. It is refused, and left as it is, if it
 *
 *   - is missing or shorter than what was committed,
 *   - has different bytes right before the committed length,
 *   - is being written by another run, or
 *   - holds records of another format, because no reader could make sense of a mixture.
 *
 * The same is checked while the file is written. What was written is known without reading it back:
 * the bytes from a block before the last commit on are kept in memory. A copy that was put in the
 * file's place, such as a backup, is accepted if it ends exactly at the committed length.
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

#define OUTPUT_MAGIC 0x554f4842u /* "BHOU", the magic number of the cursor */

/* Where the records of a seq begin in the file. */
struct output_mark {
    seq_number seq;
    uint64_t start;
};

/* An open output file. The members above note are for output_file.c; callers may read them. */
struct output_file {
    char *path; /* relative to dir_fd */
    int dir_fd;
    const char *shown; /* the path or its last part, for messages; points into path */
    int fd;
    struct cursor cursor;
    enum record_format_number format; /* the format of the records that are written */
    bool durable;                     /* a commit survives a power failure */

    bool usable; /* the file is open and nothing has failed */
    /* The cursor says that nothing was written after the committed length. */
    bool ended;
    struct file_identity file; /* the identity of the open file */
    /* Bytes written so far by this process and, up to the commit, by earlier ones. */
    uint64_t length;
    /* The length of the file: `length`, or more if an earlier process had written more. */
    uint64_t end;
    /* What an earlier process wrote differs from what came again; this was reported. */
    bool differs;
    seq_number committed;      /* the last seq that is safe in the file */
    uint64_t committed_length; /* where the records up to that seq end */
    /* The file's bytes from kept_from on; those after `length` wait to be written. */
    struct buf bytes;
    uint64_t kept_from;     /* FILE_TAIL_BYTES or more before committed_length, or 0 */
    struct seq_queue marks; /* of struct output_mark: where uncommitted seqs begin */
    /* The caller may set these after opening; both may be NULL. */
    void (*note)(const char *text); /* reports something to the user */
    /*
     * Set to true while the uncommitted bytes, which are kept in memory, are at their limit. The
     * host gives the stage no more records then.
     */
    bool *full;
};

/*
 * Opens the file at path (relative to dir_fd) with the cursor in state_fd.
 *
 *   format         of the records that will be written
 *   begins_after   nothing up to this seq is to be written here: see stage_env
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO. On an error, *o need not be closed.
 */
int output_file_open(struct output_file *o, int dir_fd, const char *path,
                     enum record_format_number format, int state_fd, bool durable,
                     seq_number begins_after, struct err *e);

/*
 * Closes the file. If everything that was written is committed, the cursor notes that this was an
 * orderly end: any bytes found after it later were added by another program.
 */
void output_file_close(struct output_file *o);

/*
 * Finds out whether output_file_open() would refuse the file, and changes nothing. It does not
 * judge the bytes in a file that has no cursor: the plan of a start does that, and may empty the
 * file.
 *
 *   format      of the records that will be written
 *   stages_fd   the directory of all stages
 *   state_fd    the directory of this stage; -1: it is new, so there is no cursor to compare with
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO.
 */
int output_file_check(int dir_fd, const char *path, enum record_format_number format, int stages_fd,
                      int state_fd, struct err *e);

/*
 * Counts the bytes after the committed length, written by a process that was killed. Returns the
 * same codes as output_file_check().
 */
int output_file_shown_bytes(int dir_fd, const char *path, int state_fd, uint64_t *ret_bytes,
                            struct err *e);

/*
 * Counts the bytes committed by the cursor in state_fd, if the last process did not come to an
 * orderly end and so may have written more.
 *
 *   ret_open   whether that is so; if not, *ret_bytes is 0
 *
 * Returns: 0, ERR_CORRUPT, ERR_IO.
 */
int output_file_open_bytes(int state_fd, bool *ret_open, uint64_t *ret_bytes, struct err *e);

/*
 * Finds out whether the file at a path is the one that the cursor in state_fd describes, so that it
 * may be emptied: it holds everything that was committed to it, in any format. A file that is
 * missing or empty does not need to be emptied and is not reported.
 *
 *   ret_st   set to the file's status if it is
 *
 * Returns: 0, ERR_CORRUPT, ERR_IO.
 */
int output_file_is_ours(const char *path, int state_fd, bool *ret_ours, struct stat *ret_st,
                        struct err *e);

/*
 * Gives the caller the buffer to append the bytes of a record with this seq to. First writes what
 * is waiting, if it is enough to be worth a system call.
 *
 * Returns: 0; ERR_NO_SPACE: the record must not be added anywhere, call it again later; ERR_IO.
 */
int output_file_begin(struct output_file *o, seq_number seq, struct buf **ret_buffer,
                      struct err *e);

/*
 * Writes what is waiting, so that readers can see it. It is not safe yet.
 *
 * Returns: 0; ERR_NO_SPACE: some of it still waits; ERR_MISMATCH: another program has changed the
 * length of the file; ERR_IO.
 */
int output_file_flush(struct output_file *o, struct err *e);

/*
 * Writes what is waiting, makes it safe, and commits the records up to this seq. The file may
 * already hold records of later seqs.
 *
 * Returns: 0; ERR_NO_SPACE: call it again, with this seq or a later one; ERR_MISMATCH: the file was
 * moved away, replaced, truncated or overwritten, and nothing is committed; ERR_IO.
 */
int output_file_commit(struct output_file *o, seq_number seq, struct err *e);

/* Whether the file holds no record and none is waiting, of this process or an earlier one. */
bool output_file_is_empty(const struct output_file *o);

/*
 * Whether the file still has bytes of an earlier process after those that this one has written.
 * They may still come again.
 */
bool output_file_is_unsettled(const struct output_file *o);

/*
 * To be called when everything that earlier processes were given has come again. Cuts off the bytes
 * that they left after it, and reports that. Returns 0, ERR_MISMATCH (another program changed the
 * file), ERR_NO_SPACE, ERR_IO.
 */
int output_file_settle(struct output_file *o, struct err *e);

#endif
