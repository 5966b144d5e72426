/* SPDX-License-Identifier: MIT */
/*
 * window.h - unacknowledged frames of one edge, kept for replay
 *
 * Frames come in rising, gapless ranges and leave when the peer has acked all of them; a frame may
 * begin with the seq that the one before it ends with, which then goes on in it. Which of
 * them still have to be sent is counted apart, so that a new link rewinds without copying. The
 * invariant: acked <= last pushed, both only grow, and every seq between them is held.
 * Not thread safe; does no I/O; never logs.
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
    bool continues; /* `first` has begun in the frame before */
};

/* Buffers of frames that have left, kept for the next ones: enough to save most allocations. */
#define WINDOW_SPARES_MAX 8u

struct window {
    struct window_frame *frames; /* a ring */
    size_t capacity;
    size_t head; /* of the oldest frame */
    size_t count;
    size_t sent; /* so many of the oldest need no sending on this link */
    size_t bytes;
    seq_number acked;  /* everything up to here is gone */
    seq_number pushed; /* last seq that was ever pushed whole */
    bool goes_on;      /* and the one behind it was begun */
    struct buf spares[WINDOW_SPARES_MAX];
    size_t spare_count;
};

/* Begins an empty window behind a seq: the next frame must begin at acked + 1. */
void window_init(struct window *w, seq_number acked);
void window_done(struct window *w);

/*
 * Adds a frame, and takes its bytes: *bytes is then an empty buffer, which may have memory of a
 * frame that has left. A frame that the peer has acked already is not kept.
 * goes_on: its last seq is not whole, and goes on in the next frame.
 * Requires: first == pushed + 1, last >= first.
 */
void window_push_take(struct window *w, struct buf *bytes, seq_number first, seq_number last,
                      bool goes_on);

/*
 * Notes that the peer has everything up to seq safe, and frees the frames that are wholly below.
 * An ack may repeat an older one, or lie above what was pushed when this process is behind its
 * peer after a restart; then it also counts for frames to come.
 */
void window_ack(struct window *w, seq_number seq);

/*
 * Prepares for a new link whose peer has everything below `expected`: frames that hold expected
 * or more will be sent again.
 * Returns 0, or ERR_PROTOCOL if the peer wants a seq that was acked and is gone.
 */
int window_rewind(struct window *w, seq_number expected);

/* The next frame to send, or NULL. */
struct window_frame *window_next(struct window *w);

/* The frame that window_next() gave has been sent. */
void window_sent(struct window *w);

#endif
