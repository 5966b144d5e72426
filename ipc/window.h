/* SPDX-License-Identifier: MIT */
/*
 * window.h - unacknowledged frames of one edge, kept for replay
 *
 * Frames are added with rising ranges of seqs without gaps, and removed when the peer has acked
 * them wholly. A frame may begin with the seq with which the frame before it ends, which then
 * continues in it. How many frames were sent is counted separately, so that a new link rewinds
 * without copying. The invariant: acked <= last pushed, both only grow, and every seq between them
 * is held. Not thread safe; does no I/O; never logs.
 */
#ifndef BULKHEAD_IPC_WINDOW_H
#define BULKHEAD_IPC_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"

struct window_frame {
    struct buf bytes;
    seq_number first;
    seq_number last;
    bool continues; /* `first` began in the frame before */
};

/* How many buffers of removed frames are kept for new ones: enough to avoid most allocations. */
#define WINDOW_SPARES_MAX 8u

struct window {
    struct window_frame *frames; /* a ring */
    size_t capacity;
    size_t head; /* the index of the oldest frame */
    size_t count;
    size_t sent; /* how many of the oldest frames need not be sent on this link */
    size_t bytes;
    seq_number acked;  /* everything up to here was acked and removed */
    seq_number pushed; /* the last seq that was pushed to its end */
    bool goes_on;      /* a part of the seq after it was pushed */
    struct buf spares[WINDOW_SPARES_MAX];
    size_t spare_count;
};

/* Begins an empty window after a seq: the next frame must begin at acked + 1. */
void window_init(struct window *w, seq_number acked);
void window_done(struct window *w);

/*
 * Adds a frame and takes over its bytes. *bytes is then an empty buffer, which may have the memory
 * of a removed frame. A frame that the peer has acked already is not kept.
 *
 *   goes_on   its last seq is not complete and continues in the next frame
 *
 * Requires: first == pushed + 1, last >= first.
 */
void window_push_take(struct window *w, struct buf *bytes, seq_number first, seq_number last,
                      bool goes_on);

/*
 * Notes that everything up to seq is safe at the peer, and frees the frames that are wholly acked.
 * An ack may repeat an older one. After a restart, when this process is behind its peer, it may be
 * above what was pushed; then it also counts for later frames.
 */
void window_ack(struct window *w, seq_number seq);

/*
 * Prepares for a new link whose peer has everything below `expected`: frames with that seq or
 * higher ones will be sent again.
 * Returns 0, or ERR_PROTOCOL if the peer expects a seq that was acked and removed.
 */
int window_rewind(struct window *w, seq_number expected);

/* The next frame to send, or NULL. */
struct window_frame *window_next(struct window *w);

/* Notes that the frame from window_next() has been sent. */
void window_sent(struct window *w);

#endif
