/* SPDX-License-Identifier: MIT */
/*
 * outlet.h - the sending side of one edge in a stage process
 *
 * Gathers records into frames, keeps the frames until they are acked, and sends on the present
 * link whatever its peer does not have. Every record emitted for a seq is in the window, or was
 * acked: nothing depends on any link.
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
    bool peer_known; /* a peer has said what it acked */
    seq_number peer_acked;
    seq_number peer_expected; /* on the present link */
    int64_t time_sent;        /* the latest that a record or a tick told the peer */
    uint64_t refused;         /* acks that were not taken */
    bool made_room;           /* frames were closed since the last flush, because they were large */
    bool quiet;               /* what it brings is seldom and waited for by nobody: dead letters */
    uint64_t flushed_at_us;
};

/* Prepares an outlet for an edge, which must outlive it. */
void outlet_init(struct outlet *o, const struct edge *edge);
void outlet_done(struct outlet *o);

/* Begins behind a seq: what comes next is position + 1. */
void outlet_set_position(struct outlet *o, seq_number position);

/*
 * Takes a link to a peer that has acked and expects what it says; closes the one before.
 * Ownership: takes the link in any case.
 */
void outlet_connect_take(struct outlet *o, struct link *link, seq_number acked,
                         seq_number expected);

/* Closes the link. */
void outlet_disconnect(struct outlet *o);

/*
 * Prepares to send what the peer of the present link expects. Call it once the outlet has a
 * position. Returns 0, or ERR_PROTOCOL if the peer wants what was acked and is gone.
 */
int outlet_rewind(struct outlet *o);

/*
 * Adds a record or an end to the frame that is being made; if that is large enough, to the next
 * one. A seq may go on from one frame to the next, so it may have outputs without bound; they are
 * all in the window. clock_field: the field whose time the peer's clock goes by, or -1.
 */
void outlet_add(struct outlet *o, const struct record *record, int clock_field);

/*
 * Adds a tick in place of a record that another worker gets; not if the peer was told of a time as
 * late as this already.
 */
void outlet_add_tick(struct outlet *o, const struct record *record, int clock_field);

/* Whether the frame that is being made has reached the size for sending, or others have. */
bool outlet_is_ripe(const struct outlet *o, seq_number done);

/* Whether outlet_flush() would end a frame. */
bool outlet_has_unflushed(const struct outlet *o, seq_number done);

/*
 * Ends the frame that is being made, if it covers anything: all up to done is in it. Not while it
 * has outputs of the seq after that, which is being worked on.
 */
void outlet_flush(struct outlet *o, seq_number done);

/* Whether the window holds as much as it may. */
bool outlet_is_full(const struct outlet *o);

/* Whether frames wait to be sent on the present link. */
bool outlet_has_unsent(struct outlet *o);

/* Sends what can be sent without blocking. Returns 0, or an error: make the link anew. */
int outlet_send(struct outlet *o, struct err *e);

/* Takes the acks that have come. Returns 0, or an error: make the link anew. */
int outlet_receive_acks(struct outlet *o, struct err *e);

#endif
