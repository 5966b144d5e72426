/* SPDX-License-Identifier: MIT */
/*
 * journal_block.h - a block of a journal: its header, and the counts before and after it
 *
 * A state is what was counted up to a place between two blocks: lines, records, and the unfinished
 * record. The header of a block follows entirely from the state before it, its offset and its
 * bytes, so a reader makes the header again and compares. Pure. Format: docs/protocol.md,
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

/* Offsets in the header. The CRC covers everything before it. */
enum {
    BLOCK_AT_MAGIC = 0,
    BLOCK_AT_LEN = 4,
    BLOCK_AT_OFFSET = 8,
    BLOCK_AT_NEXT_SEQ = 16,
    BLOCK_AT_LINES = 24,
    BLOCK_AT_CARRY = 32, /* of the state after the block */
    BLOCK_AT_NONCE = 40, /* XOR the offset of the block in the file */
    BLOCK_AT_RECORDS = 48,
    BLOCK_AT_PAYLOAD_CRC = 52,
    BLOCK_AT_FLAGS = 56,
    BLOCK_AT_CRC = 60,
};

/* What is known at a place between two blocks. */
struct journal_state {
    seq_number next_seq; /* of the next record that will be complete */
    uint64_t lines;      /* the number of complete lines or packed records before this place */
    uint64_t offset;     /* the number of bytes of all streams before this place */
    uint64_t carry;      /* how many of these are of an unfinished line or packed record */
    bool carry_blank;    /* the carry is white space */
    bool first;          /* no line of the stream is complete; a byte order mark may come first */
    bool carry_mark;     /* the carry is the beginning of that mark, but not all of it */
    bool packed;         /* records are msgpack values, in the whole journal */
    bool lost;           /* a byte of the stream began no value: the rest of it is not records */
    struct packed_walk walk; /* the walk through the carry, if packed */
    bool ended;              /* the seq before next_seq is the end of an input */
    uint64_t stream;         /* the id of the stream; a segment has the bytes of one stream */
    uint64_t nonce;          /* of the segment; distinguishes its headers from bytes from outside */
    uint32_t chain;          /* the CRC of the last header before this place */
};

/* A block that was read or is going to be written. */
struct journal_block {
    uint64_t at; /* the offset of its header in the file */
    uint32_t len;
    bool ends;  /* without bytes: the unfinished record ends here, and its stream with it */
    bool marks; /* without bytes: an input ends here, with a seq of its own */
    struct journal_state before, after;
};

/* Where the next block begins. A header is within one page, so that it is never torn. */
uint64_t journal_block_end(const struct journal_block *block);

/*
 * Makes the block of len bytes. If len is 0, makes the one that ends the unfinished record, or, if
 * there is no such record, the one that marks the end of the input.
 *
 *   ret_header   JOURNAL_BLOCK_HEADER_BYTES, to write at `at`
 */
void journal_block_make(uint64_t at, const struct journal_state *before, const uint8_t *payload,
                        uint32_t len, struct journal_block *ret_block, uint8_t *ret_header);

/*
 * Moves a state to the end of the current line or packed record, or, if that does not end within
 * the bytes, past all of them. The chain stays as it is.
 *
 *   len       above 0
 *   ret_used  how many of the bytes were counted
 *
 * Returns: whether a line or packed record has ended.
 */
bool journal_state_take(struct journal_state *state, const uint8_t *bytes, size_t len,
                        size_t *ret_used);

/* Moves a state past more bytes. The chain stays as it is. */
void journal_state_count(struct journal_state *state, const uint8_t *bytes, size_t len);

#endif
