/* SPDX-License-Identifier: MIT */
/*
 * frame.h - one message on a link: every output for the seqs first..last, in order
 *
 * If a seq has more outputs than one message should hold, the frame says that its last seq goes on,
 * and the next one begins with that same seq, as the next part of it. Only what is whole counts:
 * a receiver hands out nothing of a seq before its last part has come.
 *
 * A header of our own (magic, version, link, range, contract, lengths, two CRC32Cs) stands in
 * front of a body of msgpack: one array per record, [seq - previous seq, position - previous
 * position, field 0, field 1 …], with the record's order before the fields where the link carries
 * it, and one map of one pair per tick or end. The header is checked before the body is looked at,
 * and the body is read within its bounds, by position, with exactly the types of the contract:
 * nothing is allocated and nothing is guessed. To the byte: docs/protocol.md, "Frame".
 *
 * The other way go acks, of a fixed form without msgpack.
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
    uint64_t serial; /* of the link's incarnation */
    seq_number first;
    seq_number last;
    uint64_t fingerprint; /* of the contract */
    uint32_t body_len;
    uint32_t body_crc;
    uint32_t part; /* so many frames before it end with seq `first`, which goes on in it */
    bool goes_on;  /* `last` goes on in the next frame */
};

/* A frame that is being made. bytes holds the header's room and the body so far. */
struct frame_builder {
    uint32_t edge;
    uint64_t fingerprint;
    const struct contract *contract;
    uint8_t tags[FIELDS_MAX]; /* of the fields; of an optional one, of what it may have */
    bool ordered;
    struct buf bytes;
    seq_number first; /* begin of the range */
    uint32_t part;    /* of that seq: so many frames that end with it came before */
    uint32_t record_count;
    seq_number previous_seq;
    uint64_t previous_position;
};

/*
 * Prepares a builder for one edge; the contract must outlive it. ordered: records carry their
 * order.
 */
void frame_builder_init(struct frame_builder *b, uint32_t edge, const struct contract *contract,
                        uint64_t fingerprint, bool ordered);
void frame_builder_done(struct frame_builder *b);

/* Begins an empty frame whose range starts at first. */
void frame_builder_start(struct frame_builder *b, seq_number first);

/*
 * Adds a record, a tick or an end. Fields that came packed are not packed again.
 * Requires: its seq is not below the last one's nor the range's begin, the fields of a record are
 *           those of the contract, and it is not larger than RECORD_BYTES_MAX.
 */
void frame_builder_add(struct frame_builder *b, const struct record *record);

/*
 * Ends the frame with the range's last seq and fills in all of the header but the serial, which
 * frame_stamp() does for every sending. The bytes then go to whoever takes b->bytes; start the
 * builder again before the next use. Requires: last is not below what was added.
 */
void frame_builder_finish(struct frame_builder *b, seq_number last);

/*
 * Ends the frame within the seq of what was added last, which goes on in the next one: after the
 * bytes were taken, frame_builder_go_on() starts the builder for that. Returns the seq.
 * Requires: something was added.
 */
seq_number frame_builder_finish_part(struct frame_builder *b);
void frame_builder_go_on(struct frame_builder *b);

/* Writes the serial of a link into a finished frame and makes its header verify. */
void frame_stamp(uint8_t *frame, uint64_t serial);

/*
 * Checks a frame's header, lengths and CRCs.
 * Returns: 0, or ERR_PROTOCOL with what is wrong. bytes may hold anything.
 */
int frame_open(const uint8_t *bytes, size_t len, struct frame_header *ret_header, struct err *e);

/* How a field is read: made of its type when a reader starts. */
struct frame_field {
    uint8_t tag;
    uint8_t form;
    bool optional;
    bool bounded; /* not every value of the form can be one of the type */
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
 * Reads the next record. fields has room for those of the contract; the record points to them.
 * Returns: 0, ERR_END (behind the last one), ERR_PROTOCOL (the body is not what its contract
 *          says; the frame must be thrown away).
 */
int frame_reader_next(struct frame_reader *r, struct value *fields, struct record *ret_record,
                      struct err *e);

struct ack {
    uint32_t edge;
    uint64_t serial;
    seq_number acked; /* everything up to here is done and safe with the sender of the ack */
};

/* Writes an ack in its form. */
void ack_encode(const struct ack *ack, uint8_t ret_bytes[ACK_BYTES]);

/* Reads one. Returns 0 or ERR_PROTOCOL; bytes may hold anything. */
int ack_decode(const uint8_t *bytes, size_t len, struct ack *ret_ack, struct err *e);

#endif
