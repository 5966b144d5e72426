/* SPDX-License-Identifier: MIT */
/*
 * output_file.h - a file that grows by lines and can be cut back to what is committed
 *
 * The cursor beside it says (seq, length, CRC of the last bytes). After a kill the file is cut to
 * that length before the first byte that follows is written, and ends up as if nothing had
 * happened. It must belong to its state: a file that is gone, shorter than committed, has other
 * bytes before that length, or is written by another run, is refused and left as it is. A copy
 * that was put in its place, as from a backup, is as good as the file itself.
 */
#ifndef BULKHEAD_STAGES_OUTPUT_FILE_H
#define BULKHEAD_STAGES_OUTPUT_FILE_H

#include <sys/stat.h>

#include "common/buf.h"
#include "stages/cursor.h"
#include "stages/stage.h"

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
    bool durable;
    uint64_t length; /* written so far */
    bool cut;        /* what lies behind length was cut off in this life */
    seq_number committed;
    struct buf waiting;        /* not yet written */
    struct output_mark *marks; /* of what is not committed, rising */
    size_t mark_first, mark_count, mark_capacity;
};

/*
 * Opens the file at path (relative to dir_fd) with the cursor in state_fd.
 *
 *   begins_after   nothing up to this seq is to be written here: see stage_env
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO; then *o needs no closing.
 */
int output_file_open(struct output_file *o, int dir_fd, const char *path, int state_fd,
                     bool durable, seq_number begins_after, struct err *e);
void output_file_close(struct output_file *o);

/*
 * Whether the file at a path is what the cursor in state_fd tells of, so that it may be emptied: it
 * holds all that was committed to it. One that is not there, or empty, needs no emptying.
 *
 *   ret_st   of the file, if so
 *
 * Returns: 0, ERR_MISMATCH (it is being written by another run), ERR_CORRUPT, ERR_IO.
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
 * Returns: 0; ERR_NO_SPACE: some still waits; ERR_IO.
 */
int output_file_flush(struct output_file *o, struct err *e);

/*
 * Writes what is waiting, makes it safe, and notes where the lines up to seq end; lines of later
 * seqs may be there already. After ERR_NO_SPACE it may be called again, with this seq or a later
 * one.
 */
int output_file_commit(struct output_file *o, seq_number seq, struct err *e);

#endif
