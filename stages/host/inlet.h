/* SPDX-License-Identifier: MIT */
/*
 * inlet.h - the receiving side of one edge in a stage process
 *
 * Receives frames from the current link, refuses those that are not meant for it, skips what it
 * already has, and passes on records in order. The invariant: every seq below `expected` was
 * received exactly once, however many links and senders came and went. The part of a seq that has
 * arrived while the rest is still in a later frame belongs to the current link, and is dropped with
 * it.
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
    seq_number cut_below; /* records below this seq were received before */
    seq_number cut_from;  /* records from this seq on were dropped, and will be sent again */
    struct inlet_frame *next;
};

struct inlet {
    const struct edge *edge;
    struct link *link;   /* NULL: there is none now */
    bool up;             /* the peer is connected: acks may be sent */
    seq_number expected; /* the next seq that has not been received completely */
    uint32_t part;       /* how many frames that end within that seq have arrived */
    struct inlet_frame *first, *last;
    size_t queued_bytes;
    bool reading; /* the reader is in the first frame */
    bool read;    /* the reader is at the end of the first frame */
    struct frame_reader reader;
    /* Records of the first frame that have been read but not popped; all point into the frame. */
    struct inlet_ahead {
        struct record record;
        struct value fields[FIELDS_MAX];
    } * ahead;
    size_t ahead_first, ahead_count;
    seq_number ack_sent; /* the last ack sent on this link */
    uint64_t refused;    /* how many frames were refused */
};

/* Prepares an inlet for an edge, which must outlive it. */
void inlet_init(struct inlet *i, const struct edge *edge);
void inlet_done(struct inlet *i);

/* Sets the seq up to which everything was received and processed before this process began. */
void inlet_set_position(struct inlet *i, seq_number position);

/*
 * Replaces the link, closes the previous one, and drops a seq of which only a part has arrived.
 * Ownership: takes the link, which may be NULL.
 */
void inlet_set_link(struct inlet *i, struct link *link);

/*
 * Receives what has arrived, as long as inlet_has_room().
 * Returns: 0, or an error after which the link must be replaced; nothing is lost by that.
 */
int inlet_receive(struct inlet *i, struct err *e);

/*
 * Whether inlet_receive() would accept more: less than INBOX_BYTES_MAX is queued, or only a part of
 * a seq has arrived.
 */
bool inlet_has_room(const struct inlet *i);

/* The seq up to which all records have been received. */
seq_number inlet_covered(const struct inlet *i);

/* Whether every record that was read has been popped. */
static inline bool inlet_is_read_out(const struct inlet *i)
{
    return i->ahead_count == 0;
}

/*
 * Reads the next of the received records, at most INLET_AHEAD of them, all from one frame.
 * Requires: inlet_is_read_out().
 * Returns: 0, or ERR_PROTOCOL: a frame verifies but breaks its contract, so its sender is wrong and
 *          would send the same again.
 */
int inlet_read(struct inlet *i, struct err *e);

/* A record that was read but not popped; place 0 is the first. NULL if there is none at a place. */
static inline struct record *inlet_peek(const struct inlet *i, size_t place)
{
    return place < i->ahead_count ? &i->ahead[i->ahead_first + place].record : NULL;
}

/* Removes the first record. Requires: inlet_peek(i, 0) is not NULL. */
void inlet_pop(struct inlet *i);

/*
 * Sends an ack to the peer, if it is connected and has not been sent this one.
 * Returns: 0, ERR_AGAIN (try again when the link's send fd is readable), ERR_IO.
 */
int inlet_send_ack(struct inlet *i, seq_number acked, struct err *e);

#endif
