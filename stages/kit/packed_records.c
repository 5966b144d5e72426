/* SPDX-License-Identifier: MIT */
#include "stages/kit/packed_records.h"

#include <inttypes.h>

const struct dead_reason packed_records_too_long = {"packed-too-long",
                                                    "longer than max_line_bytes"};
const struct dead_reason packed_records_no_map = {"not-a-map", "msgpack, but not a map"};
const struct dead_reason packed_records_lost = {
    "lost-framing", "a byte that begins no value of msgpack: nobody can tell where the next record "
                    "begins, so the rest of the file or stream is not read"};
const struct dead_reason packed_records_cut_off = {"cut-off",
                                                   "the file or stream ends within the record"};

static size_t find_end(struct record_reader *r, const uint8_t *bytes, size_t len)
{
    size_t used;
    enum packed_step step = packed_walk(&r->walk, bytes, len, &used);
    r->is_lost = step == PACKED_IS_LOST;
    return step == PACKED_GOES_ON ? 0 : used;
}

static void describe(struct record_reader *r, size_t len, struct record_cut *cut)
{
    cut->blank = false;
    cut->whole_len = r->skipped + len;
    bool too_long = r->skipping || cut->whole_len > r->record_bytes_max;
    if (cut->unterminated)
        cut->fault = RECORD_CUT_OFF;
    else if (r->is_lost)
        cut->fault = RECORD_LOST;
    else if (!r->walk.is_map)
        cut->fault = RECORD_NO_MAP;
    else
        cut->fault = too_long ? RECORD_TOO_LONG : RECORD_GOOD;
    cut->bytes = r->skipping ? r->excerpt : r->buffer + r->start;
    cut->len = r->skipping || (too_long && len > DEAD_EXCERPT_BYTES) ? DEAD_EXCERPT_BYTES : len;
    r->unreadable = r->is_lost;
    r->is_lost = false;
    r->walk = (struct packed_walk){0};
}

static void refuse(const struct record_reader *r, const struct record_cut *cut, struct emitter *out)
{
    const char *shown = cut->len < cut->whole_len ? "; the input shown is its beginning" : "";
    if (cut->fault == RECORD_CUT_OFF)
        emitter_dead(out, &packed_records_cut_off, cut->bytes, cut->len, false,
                     "the file or stream ends within a record, behind %" PRIu64 " bytes of it%s",
                     cut->whole_len, shown);
    else if (cut->fault == RECORD_LOST)
        emitter_dead(out, &packed_records_lost, cut->bytes, cut->len, false,
                     "the byte at offset %" PRIu64 " (0xc1) begins no value of msgpack, so nobody "
                     "can tell where the next record begins: the rest of the file or stream is not "
                     "read%s",
                     r->offset - 1, shown);
    else if (cut->fault == RECORD_NO_MAP)
        emitter_dead(out, &packed_records_no_map, cut->bytes, cut->len, false,
                     "a packed record must be a map%s", shown);
    else
        emitter_dead(out, &packed_records_too_long, cut->bytes, cut->len, false,
                     "%" PRIu64 " bytes; max_line_bytes is %zu%s", cut->whole_len,
                     r->record_bytes_max, shown);
}

const struct record_format packed_records = {
    .field = "packed",
    .unit = "packed record",
    .is_chain = true,
    .find_end = find_end,
    .describe = describe,
    .refuse = refuse,
};
