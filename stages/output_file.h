/* SPDX-License-Identifier: MIT */
/*
 * output_file.h - a file that grows by lines and can be cut back to what is committed
 *
 * The cursor beside it says (seq, length, which file). After a kill the file is cut to that
 * length and goes on from there, so that it ends up as if nothing had happened. It must belong to
 * its state: a file that was replaced, is shorter than committed, or has a content that the state
 * knows nothing of, is refused and left as it is.
 */
#ifndef BULKHEAD_STAGES_OUTPUT_FILE_H
#define BULKHEAD_STAGES_OUTPUT_FILE_H

#include "common/buf.h"
#include "stages/cursor.h"
#include "stages/stage.h"

struct output_file {
    char *path;
    int fd;
    struct cursor cursor;
    bool durable;
    uint64_t device, inode;
    uint64_t length; /* written so far */
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
