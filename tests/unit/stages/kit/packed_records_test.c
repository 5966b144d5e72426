/* SPDX-License-Identifier: MIT */
/*
 * Tests msgpack values against a second way to find them, which has the whole stream at once, knows
 * every level of nesting and is recursive: whatever the pieces in which the stream comes, wherever
 * reading resumes in it, and wherever it is cut off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/hash.h"
#include "common/memory.h"
#include "common/packed.h"
#include "stages/kit/packed_records.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define RECORD_MAX_BYTES 300u
#define STREAM_BYTES_MAX 20000u
#define RECORDS_MAX 20000u
#define NESTED_MAX 4u

/* The input, and how much of it is available already. */
struct stream {
    uint8_t bytes[STREAM_BYTES_MAX];
    size_t len, there;
    size_t piece_max;
};

static int fill(void *context, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                struct err *e)
{
    struct stream *s = context;
    (void)e;
    if (offset == s->len)
        return ERR_END;
    if (offset >= s->there) {
        s->there += 1 + random_below(s->piece_max);
        s->there = s->there < s->len ? s->there : s->len;
        return random_below(2) == 0 ? ERR_AGAIN : fill(context, offset, bytes, len, ret_len, e);
    }
    size_t left = s->there - (size_t)offset;
    *ret_len = 1 + random_below(s->piece_max);
    *ret_len = *ret_len < left ? *ret_len : left;
    *ret_len = *ret_len < len ? *ret_len : len;
    memcpy(bytes, s->bytes + offset, *ret_len);
    return 0;
}

static bool begins(const void *context, uint64_t offset)
{
    (void)context;
    return offset == 0;
}

/* --- streams --- */

static void add(struct stream *s, const void *bytes, size_t len)
{
    if (s->len + len > sizeof s->bytes)
        return;
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
}

static void add_byte(struct stream *s, uint64_t byte)
{
    uint8_t one = (uint8_t)byte;
    add(s, &one, 1);
}

/* A tag followed by a number of 1, 2 or 4 bytes. */
static void add_head(struct stream *s, unsigned tag, unsigned number_bytes, uint64_t number)
{
    add_byte(s, tag);
    for (unsigned i = number_bytes; i > 0; i--)
        add_byte(s, number >> (8 * (i - 1)));
}

static void add_body(struct stream *s, uint64_t len)
{
    for (; len > 0; len--)
        add_byte(s, random_below(256));
}

static void add_value(struct stream *s, unsigned nested);

static void add_values(struct stream *s, uint64_t count, unsigned nested)
{
    for (; count > 0; count--)
        add_value(s, nested);
}

static void add_container(struct stream *s, bool map, unsigned nested)
{
    uint64_t count = random_below(5), form = random_below(3);
    if (form == 0)
        add_byte(s, (map ? 0x80u : 0x90u) | count);
    else
        add_head(s, (map ? 0xdeu : 0xdcu) + (unsigned)form - 1, form == 1 ? 2 : 4, count);
    add_values(s, map ? 2 * count : count, nested + 1);
}

/* Bytes after a length: a text, bytes, an extension. Sometimes about as long as a record may be. */
static void add_long(struct stream *s)
{
    static const uint8_t firsts[] = {0xc4, 0xc7, 0xd9};
    uint64_t len =
        random_below(20) == 0 ? RECORD_MAX_BYTES - 8 + random_below(12) : random_below(40);
    size_t kind = (size_t)random_below(3);
    unsigned width = (unsigned)random_below(3);
    if (width == 0 && len > 255)
        width = 1;
    add_head(s, firsts[kind] + width, 1u << width, len);
    add_body(s, len + (firsts[kind] == 0xc7 ? 1 : 0));
}

static void add_fixed(struct stream *s)
{
    static const struct {
        uint8_t tag, body;
    } fixed[] = {{0x00, 0},  {0x7f, 0}, {0xe0, 0}, {0xff, 0}, {0xc0, 0}, {0xc2, 0}, {0xc3, 0},
                 {0xca, 4},  {0xcb, 8}, {0xcc, 1}, {0xcd, 2}, {0xce, 4}, {0xcf, 8}, {0xd0, 1},
                 {0xd1, 2},  {0xd2, 4}, {0xd3, 8}, {0xd4, 2}, {0xd5, 3}, {0xd6, 5}, {0xd7, 9},
                 {0xd8, 17}, {0xa0, 0}, {0xa3, 3}, {0xbf, 31}};
    size_t i = (size_t)random_below(sizeof fixed / sizeof fixed[0]);
    add_byte(s, fixed[i].tag);
    add_body(s, fixed[i].body);
}

static void add_value(struct stream *s, unsigned nested)
{
    uint64_t what = random_below(10);
    if (what < 5 || (what < 8 && nested >= NESTED_MAX))
        add_fixed(s);
    else if (what < 8)
        add_container(s, what != 7, nested);
    else
        add_long(s);
}

static void any_stream(struct stream *s)
{
    s->len = s->there = 0;
    s->piece_max = random_below(2) == 0 ? 1 + random_below(4) : 1 + random_below(4000);
    for (uint64_t n = random_below(20); n > 0; n--) {
        if (random_below(4) != 0)
            add_container(s, true, 0);
        else
            add_value(s, 0);
        if (random_below(40) == 0)
            add_byte(s, 0xc1);
        if (random_below(40) == 0)
            add_body(s, random_below(600));
        if (random_below(60) == 0) /* a record that is much too long */
            add_head(s, 0xc5, 2, 2000), add_body(s, 2000);
    }
}

/* --- the other way to cut --- */

#define NOT_WHOLE SIZE_MAX

static uint64_t number_at(const struct stream *s, size_t at, size_t len)
{
    uint64_t number = 0;
    for (size_t i = 0; i < len; i++)
        number = number << 8 | s->bytes[at + i];
    return number;
}

static size_t behind(const struct stream *s, size_t at, uint64_t len)
{
    return at > s->len || s->len - at < len ? NOT_WHOLE : at + (size_t)len;
}

/*
 * Where the value at a place ends; NOT_WHOLE: not in this stream. Sets *ret_lost to the place of a
 * byte that cannot begin a value.
 */
static size_t end_of(const struct stream *s, size_t at, size_t *ret_lost);

static size_t end_of_values(const struct stream *s, size_t at, uint64_t count, size_t *ret_lost)
{
    while (count-- > 0 && at != NOT_WHOLE && *ret_lost == NOT_WHOLE)
        at = end_of(s, at, ret_lost);
    return at;
}

static size_t end_of_counted(const struct stream *s, size_t at, size_t number_bytes, unsigned tag,
                             size_t *ret_lost)
{
    size_t body = behind(s, at, number_bytes);
    if (body == NOT_WHOLE)
        return NOT_WHOLE;
    uint64_t number = number_at(s, at, number_bytes);
    if (tag >= 0xdc)
        return end_of_values(s, body, tag >= 0xde ? 2 * number : number, ret_lost);
    return behind(s, body, number + (tag >= 0xc7 && tag <= 0xc9 ? 1 : 0));
}

static size_t end_of(const struct stream *s, size_t at, size_t *ret_lost)
{
    static const uint8_t bodies[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17};
    if (at >= s->len)
        return NOT_WHOLE;
    unsigned tag = s->bytes[at++];
    if (tag < 0x80 || tag >= 0xe0 || tag == 0xc0 || tag == 0xc2 || tag == 0xc3)
        return at;
    if (tag < 0x90)
        return end_of_values(s, at, 2 * (tag - 0x80), ret_lost);
    if (tag < 0xa0)
        return end_of_values(s, at, tag - 0x90, ret_lost);
    if (tag < 0xc0)
        return behind(s, at, tag - 0xa0);
    if (tag == 0xc1) {
        *ret_lost = at - 1;
        return at;
    }
    if (tag <= 0xc6)
        return end_of_counted(s, at, (size_t)1 << (tag - 0xc4), tag, ret_lost);
    if (tag <= 0xc9)
        return end_of_counted(s, at, (size_t)1 << (tag - 0xc7), tag, ret_lost);
    if (tag <= 0xd8)
        return behind(s, at, bodies[tag - 0xca]);
    if (tag <= 0xdb)
        return end_of_counted(s, at, (size_t)1 << (tag - 0xd9), tag, ret_lost);
    return end_of_counted(s, at, tag == 0xdc || tag == 0xde ? 2 : 4, tag, ret_lost);
}

struct naive_record {
    size_t from, end;
    enum record_fault fault;
};

static bool is_map(unsigned tag)
{
    return (tag & 0xf0) == 0x80 || tag == 0xde || tag == 0xdf;
}

/*
 * The records of a stream, up to a byte that cannot begin a value. *ret_lost: whether there was
 * one.
 */
static size_t split(const struct stream *s, struct naive_record *records, bool *ret_lost)
{
    size_t count = 0, lost = NOT_WHOLE;
    for (size_t at = 0; at < s->len && lost == NOT_WHOLE;) {
        size_t end = end_of(s, at, &lost);
        struct naive_record *record = &records[count++];
        *record = (struct naive_record){.from = at, .end = end == NOT_WHOLE ? s->len : end};
        if (lost != NOT_WHOLE)
            record->fault = RECORD_LOST;
        else if (end == NOT_WHOLE)
            record->fault = RECORD_CUT_OFF;
        else if (!is_map(s->bytes[at]))
            record->fault = RECORD_NO_MAP;
        else if (end - at > RECORD_MAX_BYTES)
            record->fault = RECORD_TOO_LONG;
        at = record->end;
    }
    *ret_lost = lost != NOT_WHOLE;
    return count;
}

/* --- tests --- */

static void assert_same(const struct stream *s, const struct naive_record *wanted,
                        const struct record_cut *cut)
{
    size_t len = wanted->end - wanted->from;
    assert_int_equal(cut->fault, wanted->fault);
    assert_int_equal(cut->whole_len, len);
    assert_int_equal(cut->unterminated, wanted->fault == RECORD_CUT_OFF);
    assert_false(cut->blank);
    assert_false(cut->rest);
    if (len > RECORD_MAX_BYTES)
        len = DEAD_EXCERPT_BYTES;
    assert_int_equal(cut->len, len);
    assert_memory_equal(cut->bytes, s->bytes + wanted->from, len);
}

static int next(struct record_reader *r, struct record_cut *cut)
{
    struct err e;
    int rc;
    do {
        rc = record_reader_next(r, cut, &e);
    } while (rc == ERR_AGAIN || rc == ERR_UNFINISHED);
    return rc;
}

/* Another process continues at a place. */
static void go_on(struct record_reader *r, struct stream *s, size_t at, bool unreadable)
{
    record_reader_done(r);
    record_reader_init(r, &packed_records, RECORD_MAX_BYTES, fill, begins, s);
    record_reader_set(r, at, hash_crc32c(0, s->bytes, at), unreadable);
}

/* After a byte that cannot begin a value, there are only pieces of a rest. */
static void assert_rest(struct record_reader *r, struct stream *s, size_t at)
{
    struct record_cut cut;
    while (at < s->len) {
        if (random_below(4) == 0)
            go_on(r, s, at, true);
        assert_int_equal(next(r, &cut), 0);
        assert_true(cut.rest && cut.blank);
        assert_true(cut.whole_len != 0 && cut.whole_len <= s->len - at);
        at += (size_t)cut.whole_len;
        assert_int_equal(r->offset, at);
        assert_int_equal(r->crc, hash_crc32c(0, s->bytes, at));
        assert_true(r->unreadable);
    }
}

static void check(struct stream *s, struct record_reader *r, struct naive_record *records)
{
    bool lost;
    size_t count = split(s, records, &lost), at = 0;
    struct record_cut cut;
    record_reader_set(r, 0, 0, false);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(next(r, &cut), 0);
        assert_same(s, &records[i], &cut);
        at = records[i].end;
        assert_int_equal(r->offset, at);
        assert_int_equal(r->crc, hash_crc32c(0, s->bytes, at));
        assert_int_equal(r->unreadable, lost && i == count - 1);
        if (random_below(8) == 0)
            go_on(r, s, at, r->unreadable);
    }
    if (lost)
        assert_rest(r, s, at);
    assert_int_equal(next(r, &cut), ERR_END);
}

static void any_pieces_give_the_same_records(void **state)
{
    (void)state;
    struct stream *s = memory_new(1, sizeof *s);
    struct naive_record *records = memory_new(RECORDS_MAX, sizeof *records);
    struct record_reader reader;
    record_reader_init(&reader, &packed_records, RECORD_MAX_BYTES, fill, begins, s);
    for (unsigned round = 0; round < 2000; round++) {
        any_stream(s);
        check(s, &reader, records);
    }
    record_reader_done(&reader);
    free(records);
    free(s);
}

static void a_stream_may_end_at_any_byte(void **state)
{
    (void)state;
    struct stream *s = memory_new(1, sizeof *s);
    struct naive_record *records = memory_new(RECORDS_MAX, sizeof *records);
    struct record_reader reader;
    record_reader_init(&reader, &packed_records, RECORD_MAX_BYTES, fill, begins, s);
    for (unsigned round = 0; round < 20; round++) {
        any_stream(s);
        size_t len = s->len < 700 ? s->len : 700;
        for (s->len = 0; s->len < len; s->len++) {
            s->there = 0;
            check(s, &reader, records);
        }
    }
    record_reader_done(&reader);
    free(records);
    free(s);
}

/* A level of nesting costs a byte of input and nothing else, and lengths are not kept either. */
static void nothing_depends_on_what_is_claimed(void **state)
{
    (void)state;
    struct packed_walk walk = {0};
    uint8_t lists[4096];
    size_t used;
    memset(lists, 0x91, sizeof lists);
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(packed_walk(&walk, lists, sizeof lists, &used), PACKED_GOES_ON);
    assert_int_equal(packed_walk(&walk, (const uint8_t *)"\xc0", 1, &used), PACKED_ENDS);
    static const uint8_t huge[] = {0xdf, 0xff, 0xff, 0xff, 0xff};
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal(packed_walk(&walk, huge, sizeof huge, &used), PACKED_GOES_ON);
    assert_int_equal(walk.values, 100000 * (2 * (uint64_t)UINT32_MAX - 1) + 1);
    walk.values = INT64_MAX;
    assert_int_equal(packed_walk(&walk, huge, sizeof huge, &used), PACKED_GOES_ON);
    assert_int_equal(walk.values, INT64_MAX);
    walk = (struct packed_walk){0};
    static const uint8_t text[] = {0xdb, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(packed_walk(&walk, text, sizeof text, &used), PACKED_GOES_ON);
    assert_int_equal(walk.body_bytes, UINT32_MAX);
}

/*
 * The type of a value is known by its first byte, in the same words as from a reader of the whole
 * value.
 */
static void the_first_byte_tells_the_type(void **state)
{
    (void)state;
    for (unsigned tag = 0; tag <= UINT8_MAX; tag++) {
        uint8_t bytes[64] = {(uint8_t)tag};
        struct packed_walk walk = {0};
        struct packed *packed;
        struct err e;
        size_t len;
        if (packed_walk(&walk, bytes, sizeof bytes, &len) == PACKED_IS_LOST)
            continue;
        if (packed_read_record(bytes, len, &packed, &e) != 0)
            fail_msg("0x%02x: %s", tag, e.text);
        assert_string_equal(packed_records_type_name((uint8_t)tag),
                            packed_type_name(packed_type(packed_root(packed))));
        packed_free(packed);
    }
}

static void a_walk_that_is_kept_goes_on(void **state)
{
    (void)state;
    struct stream *s = memory_new(1, sizeof *s);
    for (unsigned round = 0; round < 500; round++) {
        s->len = 0;
        add_container(s, true, 0);
        struct packed_walk walk = {0};
        size_t used;
        for (size_t i = 0; i < s->len; i++) {
            enum packed_step step = packed_walk(&walk, s->bytes + i, 1, &used);
            assert_int_equal(used, 1);
            assert_int_equal(step, i == s->len - 1 ? PACKED_ENDS : PACKED_GOES_ON);
            assert_int_equal(packed_walk_is_between(&walk), i == s->len - 1);
            uint8_t kept[PACKED_WALK_BYTES];
            packed_walk_put(&walk, kept);
            walk = packed_walk_get(kept);
        }
    }
    free(s);
}

int main(int argc, char **argv)
{
    random_init("packed_records_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_pieces_give_the_same_records),
        cmocka_unit_test(a_stream_may_end_at_any_byte),
        cmocka_unit_test(nothing_depends_on_what_is_claimed),
        cmocka_unit_test(the_first_byte_tells_the_type),
        cmocka_unit_test(a_walk_that_is_kept_goes_on),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
