/* SPDX-License-Identifier: MIT */
/*
 * journal_block.h - a block of a journal: its header, and what is counted across it
 *
 * What was counted up to a place between two blocks (lines, records, the unfinished one) is a
 * state. The header of a block follows from the state before it, its place and its bytes alone, so
 * whoever reads a block makes its header again and compares. Pure. Format: docs/protocol.md,
 * "Journal".
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_BLOCK_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/value.h"
#include "stages/kit/packed_walk.h"

#define JOURNAL_BLOCK_MAGIC 0x424a4842u /* "BHJB" */
#define JOURNAL_BLOCK_HEADER_BYTES 64u

/* Places in the header; the CRC covers all before it. */
enum {
    BLOCK_AT_MAGIC = 0,
    BLOCK_AT_LEN = 4,
    BLOCK_AT_OFFSET = 8,
    BLOCK_AT_NEXT_SEQ = 16,
    BLOCK_AT_LINES = 24,
    BLOCK_AT_CARRY = 32, /* behind the block */
    BLOCK_AT_NONCE = 40, /* XOR the place of the block in the file */
    BLOCK_AT_RECORDS = 48,
    BLOCK_AT_PAYLOAD_CRC = 52,
    BLOCK_AT_FLAGS = 56,
    BLOCK_AT_CRC = 60,
};

/* What is known at a place between two blocks. */
struct journal_state {
    seq_number next_seq;     /* of the next record that is completed */
    uint64_t lines;          /* or packed records; completed before */
    uint64_t offset;         /* bytes of all streams before */
    uint64_t carry;          /* of these, bytes of a line or packed record that is not complete */
    bool carry_blank;        /* they are white space */
    bool first;              /* none of the stream is complete; a mark may stand before a line */
    bool carry_mark;         /* the carry is the beginning of that mark, and not all of it */
    bool packed;             /* records are values of msgpack, in the whole journal */
    bool lost;               /* a byte of the stream began none: what comes of it is no record */
    struct packed_walk walk; /* in the carry, if packed */
    bool ended;              /* the seq before the next one is the end of an input */
    uint64_t stream;         /* whose bytes they are; one segment has those of one stream */
    uint64_t nonce; /* of the segment: what tells its headers from bytes that came from outside */
    uint32_t chain; /* CRC of the last header before */
};

/* A block as it was read or is to be written; before and after are the states around it. */
struct journal_block {
    uint64_t at; /* of its header in the file */
    uint32_t len;
    bool ends;  /* no bytes: the record that is not complete ends here, and with it its stream */
    bool marks; /* no bytes: an input is at its end, which has a seq of its own */
    struct journal_state before, after;
};

/* Where the block behind this one begins: a header lies in one page, so that it is never torn. */
uint64_t journal_block_end(const struct journal_block *block);

/*
 * Makes the block of len bytes; of none, the one that ends the unfinished record, or, if there is no
 * such record, marks the end of the input.
 *
 *   ret_header   JOURNAL_BLOCK_HEADER_BYTES, to be written at `at`
 */
void journal_block_make(uint64_t at, const struct journal_state *before, const uint8_t *payload,
                        uint32_t len, struct journal_block *ret_block, uint8_t *ret_header);

/*
 * Moves a state behind the bytes up to the end of the line or packed record in hand, or behind all
 * of them, which is none; the chain stays. *ret_used is how many. Returns whether one has ended.
 *
 *   len   above 0
 */
bool journal_state_take(struct journal_state *state, const uint8_t *bytes, size_t len,
                        size_t *ret_used);

/* Moves a state behind more bytes; the chain stays. */
void journal_state_count(struct journal_state *state, const uint8_t *bytes, size_t len);

#endif
