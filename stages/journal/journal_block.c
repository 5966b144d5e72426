/* SPDX-License-Identifier: MIT */
#include "stages/journal/journal_block.h"

#include <string.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "stages/kit/line_records.h"
#include "stages/kit/packed_walk.h"

enum {
    FLAG_CARRY_BLANK = 1u,
    FLAG_ENDS = 2u,
    FLAG_MARKS = 4u,
};

_Static_assert(BLOCK_AT_CRC + 4 == JOURNAL_BLOCK_HEADER_BYTES, "the CRC ends the header");
_Static_assert(4096 % JOURNAL_BLOCK_HEADER_BYTES == 0, "a header is within one page");

uint64_t journal_block_end(const struct journal_block *block)
{
    const uint64_t step = JOURNAL_BLOCK_HEADER_BYTES;
    return (block->at + JOURNAL_BLOCK_HEADER_BYTES + block->len + step - 1) / step * step;
}

/*
 * How much of a byte order mark the current line begins with, if these bytes follow the carry; 0
 * unless it is the first line of its stream.
 */
static size_t mark_len(const struct journal_state *state, const uint8_t *bytes, size_t len)
{
    if (!state->first || (state->carry != 0 && !state->carry_mark))
        return 0;
    size_t have = (size_t)state->carry, n = 0;
    while (n < len && have + n < LINE_MARK_BYTES && bytes[n] == (uint8_t)LINE_MARK[have + n])
        n++;
    return have + n;
}

/* Updates what is known about the current line with the bytes that follow the carry. */
static void look(struct journal_state *state, const uint8_t *bytes, size_t len)
{
    size_t have = mark_len(state, bytes, len);
    if (have == LINE_MARK_BYTES) {
        size_t rest = LINE_MARK_BYTES - (size_t)state->carry;
        state->carry_mark = false;
        state->carry_blank = line_is_blank(bytes + rest, len - rest);
    } else {
        state->carry_mark = have != 0 && have == state->carry + len;
        state->carry_blank = (state->carry == 0 || state->carry_blank) && line_is_blank(bytes, len);
    }
}

/* Ends the current record, which may be only a blank line. */
static void end_record(struct journal_state *state, bool blank)
{
    state->lines++;
    state->next_seq += blank ? 0 : 1;
    state->ended = state->ended && blank;
    state->carry = 0;
    state->carry_blank = state->carry_mark = state->first = false;
    state->walk = (struct packed_walk){0};
}

/* Ends the current line with its last len bytes. */
static void end_line(struct journal_state *state, const uint8_t *bytes, size_t len)
{
    look(state, bytes, len);
    end_record(state, state->carry_blank);
}

static bool take_line(struct journal_state *state, const uint8_t *bytes, size_t len,
                      size_t *ret_used)
{
    const uint8_t *newline = memchr(bytes, '\n', len);
    if (newline != NULL) {
        *ret_used = (size_t)(newline - bytes) + 1;
        end_line(state, bytes, *ret_used - 1);
        return true;
    }
    *ret_used = len;
    look(state, bytes, len);
    state->carry += len;
    return false;
}

static bool take_packed(struct journal_state *state, const uint8_t *bytes, size_t len,
                        size_t *ret_used)
{
    *ret_used = len;
    if (state->lost)
        return false;
    enum packed_step step = packed_walk(&state->walk, bytes, len, ret_used);
    if (step == PACKED_GOES_ON) {
        state->carry += *ret_used;
        return false;
    }
    state->lost = step == PACKED_IS_LOST;
    end_record(state, false);
    return true;
}

bool journal_state_take(struct journal_state *state, const uint8_t *bytes, size_t len,
                        size_t *ret_used)
{
    bool ends = state->packed ? take_packed(state, bytes, len, ret_used)
                              : take_line(state, bytes, len, ret_used);
    state->offset += *ret_used;
    return ends;
}

void journal_state_count(struct journal_state *state, const uint8_t *bytes, size_t len)
{
    size_t used;
    for (size_t at = 0; at < len; at += used)
        (void)journal_state_take(state, bytes + at, len - at, &used);
}

void journal_block_make(uint64_t at, const struct journal_state *before, const uint8_t *payload,
                        uint32_t len, struct journal_block *ret_block, uint8_t *ret_header)
{
    struct journal_state after = *before;
    bool ends = len == 0 && before->carry != 0, marks = len == 0 && before->carry == 0;
    if (ends && before->packed)
        end_record(&after, false);
    else if (ends)
        end_line(&after, payload, 0);
    else
        journal_state_count(&after, payload, len);
    if (marks) {
        after.next_seq++;
        after.ended = true;
    }
    uint8_t *h = ret_header;
    memset(h, 0, JOURNAL_BLOCK_HEADER_BYTES);
    bytes_put_u32(h + BLOCK_AT_MAGIC, JOURNAL_BLOCK_MAGIC);
    bytes_put_u32(h + BLOCK_AT_LEN, len);
    bytes_put_u64(h + BLOCK_AT_OFFSET, before->offset);
    bytes_put_u64(h + BLOCK_AT_NEXT_SEQ, before->next_seq);
    bytes_put_u64(h + BLOCK_AT_LINES, before->lines);
    bytes_put_u64(h + BLOCK_AT_CARRY, after.carry);
    bytes_put_u64(h + BLOCK_AT_NONCE, before->nonce ^ at);
    bytes_put_u32(h + BLOCK_AT_RECORDS, (uint32_t)(after.next_seq - before->next_seq));
    bytes_put_u32(h + BLOCK_AT_PAYLOAD_CRC, hash_crc32c(0, payload, len));
    bytes_put_u32(h + BLOCK_AT_FLAGS, (after.carry_blank ? FLAG_CARRY_BLANK : 0) |
                                          (ends ? FLAG_ENDS : 0) | (marks ? FLAG_MARKS : 0));
    after.chain = hash_crc32c(before->chain, h, BLOCK_AT_CRC);
    bytes_put_u32(h + BLOCK_AT_CRC, after.chain);
    *ret_block = (struct journal_block){
        .at = at, .len = len, .ends = ends, .marks = marks, .before = *before, .after = after};
}
