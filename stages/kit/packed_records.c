/* SPDX-License-Identifier: MIT */
#include "stages/kit/packed_records.h"

#include <inttypes.h>

#include "common/pack.h"
#include "common/packed.h"

const struct dead_reason packed_records_too_long = {"packed-too-long",
                                                    "longer than max_line_bytes"};
const struct dead_reason packed_records_no_map = {"not-a-map", "a msgpack value, but not a map"};
const struct dead_reason packed_records_lost = {
    "lost-framing", "a byte that cannot begin a msgpack value; where the next record begins is "
                    "unknown, so the rest of the file or stream is not read"};
const struct dead_reason packed_records_cut_off = {
    "cut-off", "the file or stream ends in the middle of the record"};

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

/* The first entry whose bound is above the tag gives its type. */
static enum packed_type type_of(uint8_t tag)
{
    static const struct {
        unsigned below;
        enum packed_type type;
    } types[] = {{PACK_FIX_MAP, PACKED_INT},     {PACK_FIX_ARRAY, PACKED_MAP},
                 {PACK_FIX_STR, PACKED_LIST},    {PACK_NIL, PACKED_STRING},
                 {PACK_FALSE, PACKED_NIL},       {PACK_BIN_8, PACKED_BOOL},
                 {PACK_EXT_8, PACKED_BYTES},     {PACK_FLOAT_32, PACKED_EXTENSION},
                 {PACK_UINT_8, PACKED_FLOAT},    {PACK_FIX_EXT_1, PACKED_INT},
                 {PACK_STR_8, PACKED_EXTENSION}, {PACK_ARRAY_16, PACKED_STRING},
                 {PACK_MAP_16, PACKED_LIST},     {PACK_MAP_16 + 2, PACKED_MAP},
                 {UINT8_MAX + 1, PACKED_INT}};
    size_t i = 0;
    while (tag >= types[i].below)
        i++;
    return types[i].type;
}

const char *packed_records_type_name(uint8_t first)
{
    return packed_type_name(type_of(first));
}

static void refuse_lost(const struct record_reader *r, const struct record_cut *cut,
                        const char *shown, struct emitter *out)
{
    emitter_dead(out, &packed_records_lost, cut->bytes, cut->len, false,
                 "0xc1 at offset %" PRIu64 "%s is not valid msgpack (the record begins at offset "
                 "%" PRIu64 "); where the next record begins is unknown, so the rest of the %s%s",
                 r->offset - 1, r->is_stream ? " of everything read from standard input" : "",
                 r->offset - cut->whole_len,
                 r->is_stream ? "stream is discarded" : "file is not read", shown);
}

static void refuse(const struct record_reader *r, const struct record_cut *cut, struct emitter *out)
{
    const char *shown = cut->len < cut->whole_len ? "; the input shown is its beginning" : "";
    if (cut->fault == RECORD_CUT_OFF)
        emitter_dead(out, &packed_records_cut_off, cut->bytes, cut->len, false,
                     "the %s ends in the middle of a record, after %" PRIu64 " byte%s of it%s",
                     r->is_stream ? "stream" : "file", cut->whole_len,
                     cut->whole_len == 1 ? "" : "s", shown);
    else if (cut->fault == RECORD_LOST)
        refuse_lost(r, cut, shown, out);
    else if (cut->fault == RECORD_NO_MAP)
        emitter_dead(out, &packed_records_no_map, cut->bytes, cut->len, false,
                     "expected a map, found %s%s", packed_records_type_name(cut->bytes[0]), shown);
    else
        emitter_dead(out, &packed_records_too_long, cut->bytes, cut->len, false,
                     "the record is %" PRIu64 " bytes long, and max_line_bytes is %zu%s",
                     cut->whole_len, r->record_bytes_max, shown);
}

const struct record_format packed_records = {
    .field = PACKED_FIELD,
    .unit = "packed record",
    .is_chain = true,
    .find_end = find_end,
    .describe = describe,
    .refuse = refuse,
};
