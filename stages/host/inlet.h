/* SPDX-License-Identifier: MIT */
/*
 * inlet.h - the receiving side of one edge in a stage process
 *
 * Takes frames from the present link, refuses what is not for it, cuts off what it has already,
 * and hands out records in order. The invariant: every seq below `expected` was received exactly
 * once, whatever links and senders came and went. What came of a seq that goes on in a frame to
 * come belongs to the present link, and goes with it.
 */
#ifndef BULKHEAD_STAGES_HOST_INLET_H
#define BULKHEAD_STAGES_HOST_INLET_H

#include <stdbool.h>
#include <stddef.h>

#include "ipc/frame.h"
#include "ipc/link.h"
#include "topology/graph.h"

struct inlet_frame {
    uint8_t *bytes;
    size_t len;
    struct frame_header header;
    seq_number cut_below; /* records below were received before */
    seq_number cut_from;  /* records from here on were forgotten again, and come anew */
    struct inlet_frame *next;
};

struct inlet {
    const struct edge *edge;
    struct link *link;   /* NULL: there is none now */
    bool up;             /* the peer is connected: acks may be sent */
    seq_number expected; /* the next seq to come, or to come whole */
    uint32_t part;       /* so many frames that end within that seq have come */
    struct inlet_frame *first, *last;
    size_t queued_bytes;
    bool reading; /* reader stands in the first frame */
    bool read;    /* and at its end */
    struct frame_reader reader;
    /* Records of the first frame that are read already; all point into it. */
    struct inlet_ahead {
        struct record record;
        struct value fields[FIELDS_MAX];
    } * ahead;
    size_t ahead_first, ahead_count;
    seq_number ack_sent; /* on this link */
    uint64_t refused;    /* frames that were not taken */
};

/* Prepares an inlet for an edge, which must outlive it. */
void inlet_init(struct inlet *i, const struct edge *edge);
void inlet_done(struct inlet *i);

/* Says up to where everything was received and done before this process. */
void inlet_set_position(struct inlet *i, seq_number position);

/* Takes a link over; closes the one before, and forgets what is not whole. link may be NULL. */
void inlet_set_link(struct inlet *i, struct link *link);

/*
 * Receives what there is while less than INBOX_BYTES_MAX is queued, or a seq is not whole.
 * Returns: 0, or an error for which the link must be made anew; nothing is lost by it.
 */
int inlet_receive(struct inlet *i, struct err *e);

/* Whether inlet_receive() would take more. */
bool inlet_has_room(const struct inlet *i);

/* The last seq up to which all records are here. */
seq_number inlet_covered(const struct inlet *i);

/* Whether nothing is read that was not popped. */
static inline bool inlet_is_read_out(const struct inlet *i)
{
    return i->ahead_count == 0;
}

/*
 * Reads the next records of what is here, INLET_AHEAD at the most, all of one frame.
 * Requires: inlet_is_read_out().
 * Returns: 0, or ERR_PROTOCOL: a verified frame breaks its contract, so its sender is wrong and
 *          would be again.
 */
int inlet_read(struct inlet *i, struct err *e);

/* What is read and not popped: the first is place 0. NULL if there is nothing at a place. */
static inline struct record *inlet_peek(const struct inlet *i, size_t place)
{
    return place < i->ahead_count ? &i->ahead[i->ahead_first + place].record : NULL;
}

/* Passes on what is first. Requires: inlet_peek() gives one. */
void inlet_pop(struct inlet *i);

/*
 * Tells the peer, if it is connected and does not know yet.
 * Returns: 0, ERR_AGAIN (try again when the link's send fd is readable), ERR_IO.
 */
int inlet_send_ack(struct inlet *i, seq_number acked, struct err *e);

#endif
