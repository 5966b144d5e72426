/* SPDX-License-Identifier: MIT */
/*
 * outlet.h - the sending side of one edge in a stage process
 *
 * Collects records into frames, keeps the frames until they are acked, and sends on the current
 * link what its peer does not have. Every record emitted for a seq is in the window or was acked:
 * nothing depends on a link.
 */
#ifndef BULKHEAD_STAGES_HOST_OUTLET_H
#define BULKHEAD_STAGES_HOST_OUTLET_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/frame.h"
#include "ipc/link.h"
#include "ipc/window.h"
#include "topology/graph.h"

struct outlet {
    const struct edge *edge;
    struct link *link; /* NULL: there is none now */
    struct frame_builder builder;
    struct window window;
    bool peer_known; /* a peer has reported what it acked */
    seq_number peer_acked;
    seq_number peer_expected; /* the seq that the peer of the current link expects next */
    int64_t time_sent;        /* the latest event time that was sent to the peer */
    uint64_t refused;         /* how many acks were refused */
    bool made_room;           /* frames were closed for their size since the last flush */
    bool quiet;               /* carries dead letters: they are rare, and nothing waits for them */
    uint64_t flushed_at_us;
};

/* Prepares an outlet for an edge, which must outlive it. */
void outlet_init(struct outlet *o, const struct edge *edge);
void outlet_done(struct outlet *o);

/* Begins after a seq: the next one is position + 1. */
void outlet_set_position(struct outlet *o, seq_number position);

/*
 * Replaces the link by one to a peer that reported these positions; closes the previous one.
 * Ownership: takes the link.
 */
void outlet_connect_take(struct outlet *o, struct link *link, seq_number acked,
                         seq_number expected);

/* Closes the link. */
void outlet_disconnect(struct outlet *o);

/*
 * Prepares to send what the peer of the current link expects. Call it once the outlet has a
 * position. Returns 0, or ERR_PROTOCOL if the peer expects records that were acked and discarded.
 */
int outlet_rewind(struct outlet *o);

/*
 * Adds a record or an end to the frame under construction, or, if that is large enough, to the next
 * one. A seq may continue from one frame to the next, so it may have any number of outputs; all of
 * them are in the window.
 *
 *   clock_field  the field that moves the peer's clock, or -1
 */
void outlet_add(struct outlet *o, const struct record *record, int clock_field);

/*
 * Adds a tick in place of a record that another worker receives, unless the peer was already sent a
 * time as late as this one.
 */
void outlet_add_tick(struct outlet *o, const struct record *record, int clock_field);

/* Whether the frame under construction is large enough to send, or others were. */
bool outlet_is_ripe(const struct outlet *o, seq_number done);

/* Whether outlet_flush() would close a frame. */
bool outlet_has_unflushed(const struct outlet *o, seq_number done);

/*
 * Closes the frame under construction, which then covers everything up to `done`. Does nothing if
 * it would cover nothing, or while it has outputs of a later seq, which is still being processed.
 */
void outlet_flush(struct outlet *o, seq_number done);

/* Whether the window is full. */
bool outlet_is_full(const struct outlet *o);

/* Whether frames are waiting to be sent on the current link. */
bool outlet_has_unsent(struct outlet *o);

/* Sends what can be sent without blocking. Returns 0, or an error: replace the link. */
int outlet_send(struct outlet *o, struct err *e);

/* Processes the acks that have arrived. Returns 0, or an error: replace the link. */
int outlet_receive_acks(struct outlet *o, struct err *e);

#endif
