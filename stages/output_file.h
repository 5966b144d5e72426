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

#include "common/buf.h"
#include "stages/cursor.h"
#include "stages/stage.h"

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
    struct buf waiting; /* not yet written */
};

/*
 * Opens the file at path (relative to dir_fd) with the cursor in state_fd.
 *
 *   fresh   a file that the cursor knows nothing of may be emptied
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO; then *o needs no closing.
 */
int output_file_open(struct output_file *o, int dir_fd, const char *path, int state_fd,
                     bool durable, bool fresh, struct err *e);
void output_file_close(struct output_file *o);

/* Where the caller puts its next bytes; output_file_flush_some() now and then writes them. */
static inline struct buf *output_file_buffer(struct output_file *o)
{
    return &o->waiting;
}

/* Writes what is waiting if it is enough to be worth a call. Returns 0 or ERR_IO. */
int output_file_flush_some(struct output_file *o, struct err *e);

/* Writes what is waiting, makes it safe, and notes that it is complete up to seq. */
int output_file_commit(struct output_file *o, seq_number seq, struct err *e);

#endif
