/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for a stream of lines, and for one of packed records. In whatever pieces it comes,
 * and whoever goes on behind any record, the records are the same ones, and all bytes are in one of
 * them or in a rest. The journal counts as many. What msgpack-c takes for one value is one record.
 */
#include "common/hash.h"
#include "common/packed.h"
#include "stages/journal/journal_block.h"
#include "stages/kit/line_records.h"
#include "stages/kit/packed_records.h"
#include "tests/fuzz/fuzz.h"

#define RECORD_BYTES_MAX_HERE 64u

/* A stream, and the sizes of the pieces in which it comes: of one size, or of sizes by a number. */
struct stream {
    const uint8_t *bytes;
    size_t len;
    uint64_t pieces;
};

static size_t piece_len(struct stream *s, size_t most)
{
    s->pieces = s->pieces * 6364136223846793005u + 1442695040888963407u;
    size_t len = 1 + (size_t)(s->pieces >> 60);
    return len < most ? len : most;
}

static int fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct stream *s = context;
    (void)e;
    if (offset == s->len)
        return ERR_END;
    size_t left = s->len - (size_t)offset, most = left < len ? left : len;
    *ret_len = s->pieces != 0 ? piece_len(s, most) : most;
    memcpy(bytes, s->bytes + offset, *ret_len);
    return 0;
}

static bool begins(const void *context, uint64_t offset)
{
    (void)context;
    return offset == 0;
}

static int next(struct record_reader *r, struct record_cut *cut)
{
    struct err e;
    int rc;
    while ((rc = record_reader_next(r, cut, &e)) == ERR_UNFINISHED)
        ;
    return rc;
}

/* A reader is large, so there are two for all inputs. */
static struct record_reader *open_at(size_t number, const struct record_format *format,
                                     struct stream *s, size_t at, bool unreadable)
{
    static struct record_reader readers[2];
    struct record_reader *r = &readers[number];
    if (r->buffer == NULL)
        record_reader_init(r, format, RECORD_BYTES_MAX_HERE, fill, begins, s);
    r->format = format;
    r->context = s;
    record_reader_set(r, at, hash_crc32c(0, s->bytes, at), unreadable);
    return r;
}

static bool is_same(const struct record_cut *a, const struct record_cut *b)
{
    return a->len == b->len && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0) &&
           a->whole_len == b->whole_len && a->fault == b->fault && a->blank == b->blank &&
           a->unterminated == b->unterminated;
}

/* What a process that begins there, and is given all at once, finds next. */
static void check_resumed(const struct record_format *format, const struct stream *s, size_t at,
                          bool unreadable, const struct record_cut *wanted, size_t wanted_end)
{
    struct stream again = {.bytes = s->bytes, .len = s->len};
    struct record_reader *reader = open_at(1, format, &again, at, unreadable);
    struct record_cut cut;
    ALWAYS(next(reader, &cut) == 0);
    if (wanted->rest)
        ALWAYS(cut.rest && reader->offset == s->len);
    else
        ALWAYS(is_same(&cut, wanted) && reader->offset == wanted_end);
}

/* The records of a stream: how many, and how many of its bytes are in one that has no end. */
static uint64_t check_records(const struct record_format *format, struct stream *s,
                              uint64_t *ret_carry)
{
    struct record_reader *reader = open_at(0, format, s, 0, false);
    struct record_cut cut;
    uint64_t count = 0;
    size_t at = 0;
    *ret_carry = 0;
    for (bool unreadable = false; next(reader, &cut) == 0; unreadable = reader->unreadable) {
        ALWAYS(reader->offset > at && reader->offset <= s->len);
        ALWAYS(reader->crc == hash_crc32c(0, s->bytes, (size_t)reader->offset));
        ALWAYS(cut.rest || cut.fault != RECORD_GOOD || cut.len == cut.whole_len);
        ALWAYS(cut.len <= cut.whole_len && cut.whole_len <= reader->offset - at);
        check_resumed(format, s, at, unreadable, &cut, (size_t)reader->offset);
        count += cut.rest || cut.unterminated ? 0 : 1;
        *ret_carry = cut.unterminated ? reader->offset - at : 0;
        at = (size_t)reader->offset;
    }
    ALWAYS(at == s->len);
    return count;
}

static void check_format(const struct record_format *format, struct stream *s)
{
    struct journal_state state = {
        .next_seq = 1, .packed = format == &packed_records, .first = true};
    uint64_t carry, count = check_records(format, s, &carry);
    for (size_t at = 0; at < s->len;) {
        size_t len = piece_len(s, s->len - at);
        journal_state_count(&state, s->bytes + at, len);
        at += len;
    }
    ALWAYS(state.offset == s->len && state.lines == count && state.carry == carry);
    ALWAYS(!state.packed || state.next_seq == count + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct stream s = {.pieces = fuzz_byte(&in)};
    s.bytes = in.at;
    s.len = fuzz_left(&in);
    struct packed *packed;
    struct err e;
    check_format(&line_records, &s);
    check_format(&packed_records, &s);
    if (packed_read(s.bytes, s.len, &packed, &e) == 0) {
        struct record_cut cut;
        struct record_reader *reader = open_at(0, &packed_records, &s, 0, false);
        ALWAYS(next(reader, &cut) == 0 && reader->offset == s.len && !cut.unterminated);
        ALWAYS(packed_is_map(packed_root(packed)) == (cut.fault != RECORD_NO_MAP));
        packed_free(packed);
    }
    return 0;
}
