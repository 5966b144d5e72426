/* SPDX-License-Identifier: MIT */
/*
 * frame.h - one message on a link: all records of the seqs first..last, in order
 *
 * If a seq has more records than one message should hold, the frame says that its last seq
 * continues, and the next frame begins with the next part of that seq. Only complete seqs count: a
 * receiver passes on nothing of a seq before its last part has arrived.
 *
 * A header of our own (magic, version, link, range, contract, lengths, two CRC32Cs) is followed by
 * a body in msgpack. That has one array for each record, [seq - previous seq, position - previous
 * position, field 0, field 1 …], with the record's order before the fields if the link carries it,
 * and a map of one pair for each tick or end. The header is checked before the body is read. The
 * body is read by position, within its bounds and with exactly the types of the contract; nothing
 * is allocated or guessed. The exact format: docs/protocol.md, "Frame".
 *
 * Acks go in the other direction. They have a fixed form without msgpack.
 */
#ifndef BULKHEAD_IPC_FRAME_H
#define BULKHEAD_IPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/contract.h"
#include "common/err.h"
#include "common/value.h"

#define FRAME_HEADER_BYTES 64u
#define FRAME_VERSION 1u
#define ACK_BYTES 40u

struct frame_header {
    uint32_t edge;
    uint32_t record_count;
    uint64_t serial; /* the number of the link's incarnation */
    seq_number first;
    seq_number last;
    uint64_t fingerprint; /* of the contract */
    uint32_t body_len;
    uint32_t body_crc;
    uint32_t part; /* how many earlier frames hold parts of seq `first` */
    bool goes_on;  /* `last` continues in the next frame */
};

/* A frame under construction. */
struct frame_builder {
    uint32_t edge;
    uint64_t fingerprint;
    const struct contract *contract;
    uint8_t
        tags[FIELDS_MAX]; /* of the fields; for an optional one, of the value that it may hold */
    bool ordered;         /* records carry their order */
    struct buf bytes;     /* room for the header, and the body so far */
    seq_number first;     /* the beginning of the range */
    uint32_t part;        /* how many earlier frames hold parts of that seq */
    uint32_t record_count;
    seq_number previous_seq;
    uint64_t previous_position;
};

/*
 * Prepares a builder for one edge. The contract must outlive it. ordered: records carry their
 * order.
 */
void frame_builder_init(struct frame_builder *b, uint32_t edge, const struct contract *contract,
                        uint64_t fingerprint, bool ordered);
void frame_builder_done(struct frame_builder *b);

/* Begins an empty frame whose range starts at first. */
void frame_builder_start(struct frame_builder *b, seq_number first);

/*
 * Adds a record, a tick or an end. Fields that came packed are not packed again.
 * Requires: its seq is not below that of the record before or the beginning of the range, the
 *           fields of a record are those of the contract, and it is at most RECORD_BYTES_MAX.
 */
void frame_builder_add(struct frame_builder *b, const struct record *record);

/*
 * Ends the frame with the last seq of its range and fills in the header except the serial, which
 * frame_stamp() writes before each sending. The caller takes b->bytes, and starts the builder again
 * before the next use. Requires: last is not below the seq of anything added.
 */
void frame_builder_finish(struct frame_builder *b, seq_number last);

/*
 * Ends the frame within the seq of the last record added, which continues in the next frame: after
 * the bytes were taken, frame_builder_go_on() starts the builder for that. Returns the seq.
 * Requires: something was added.
 */
seq_number frame_builder_finish_part(struct frame_builder *b);
void frame_builder_go_on(struct frame_builder *b);

/* Writes the serial of a link into a finished frame and updates the CRC of its header. */
void frame_stamp(uint8_t *frame, uint64_t serial);

/*
 * Checks a frame's header, lengths and CRCs. bytes may hold anything.
 * Returns: 0, or ERR_PROTOCOL with what is wrong.
 */
int frame_open(const uint8_t *bytes, size_t len, struct frame_header *ret_header, struct err *e);

/* How a field is read; derived from its type when a reader starts. */
struct frame_field {
    uint8_t tag;
    uint8_t form;
    bool optional;
    bool bounded; /* not every value of the form belongs to the type */
};

/* Reads the records of an opened frame. Views in a record live as long as the frame's bytes. */
struct frame_reader {
    const struct contract *contract;
    struct frame_field fields[FIELDS_MAX];
    bool ordered;
    const uint8_t *at;
    const uint8_t *end;
    uint32_t records_left;
    seq_number seq;
    seq_number last;
    uint64_t position;
};

/* Starts reading. Requires: header came from frame_open() on these bytes. */
void frame_reader_init(struct frame_reader *r, const struct frame_header *header,
                       const uint8_t *bytes, const struct contract *contract, bool ordered);

/*
 * Reads the next record. fields has room for those of the contract, and the record points to them.
 * Returns: 0, ERR_END (after the last record), or ERR_PROTOCOL (the body does not match its
 *          contract, and the frame must be discarded).
 */
int frame_reader_next(struct frame_reader *r, struct value *fields, struct record *ret_record,
                      struct err *e);

struct ack {
    uint32_t edge;
    uint64_t serial;
    seq_number acked; /* everything up to here is processed and safe at the sender of the ack */
};

/* Writes an ack. */
void ack_encode(const struct ack *ack, uint8_t ret_bytes[ACK_BYTES]);

/* Reads an ack. bytes may hold anything. Returns 0 or ERR_PROTOCOL. */
int ack_decode(const uint8_t *bytes, size_t len, struct ack *ret_ack, struct err *e);

#endif
