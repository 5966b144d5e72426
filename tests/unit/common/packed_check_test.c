/* SPDX-License-Identifier: MIT */
/*
 * packed_check.h: what passes is read by msgpack-c, and what msgpack-c would read passes, but for
 * what is more than may be.
 */
#include <string.h>

#include "common/bounds.h"
#include "common/packed.h"
#include "common/packed_check.h"
#include "stages/kit/packed_walk.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static const struct {
    const char *bytes;
    size_t len;
    const char *fault; /* NULL: it passes */
} rows[] = {
    {"\x80", 1, NULL},
    {"\x81\xa1x\x01", 4, NULL},
    {"\xca\x00\x00\x00\x00", 5, NULL},
    {"\xcb\x00\x00\x00\x00\x00\x00\x00\x00", 9, NULL},
    {"\xd4\x05\x00", 3, NULL},
    {"\xd8\x05"
     "0123456789abcdef",
     18, NULL},
    {"\xc7\x00\x05", 3, NULL},
    {"\xc7\x01\x05\x00", 4, NULL},
    {"\xc8\x00\x01\x05\x00", 5, NULL},
    {"\xc9\x00\x00\x00\x01\x05\x00", 7, NULL},
    {"\xc4\x00", 2, NULL},
    {"\xd9\x00", 2, NULL},
    {"\xdc\x00\x00", 3, NULL},
    {"\xdf\x00\x00\x00\x00", 5, NULL},
    {"", 0, "it is empty"},
    {"\x81\xa1x", 3, "it is cut off inside the value that begins at offset 3"},
    {"\x81\xa2x", 3, "it is cut off inside the value that begins at offset 1"},
    {"\x81\xa1x\xc1", 4, "the byte at offset 3 (0xc1) does not begin a value of msgpack"},
    {"\x80\x80", 2, "1 byte follows the value"},
    {"\xdf\x7f\xff\xff\xff", 5, "it is cut off inside the value that begins at offset 0"},
    {"\xdd\xff\xff\xff\xff", 5, "it is cut off inside the value that begins at offset 0"},
    {"\xdb\x40\x00\x00\x00", 5, "it is cut off inside the value that begins at offset 0"},
    {"\xc6\x40\x00\x00\x00", 5, "it is cut off inside the value that begins at offset 0"},
    {"\xc9\xff\xff\xff\xff\x01", 6, "it is cut off inside the value that begins at offset 0"},
    {"\xd7\xff\x00\x00\x00\x00\x00\x00\x00", 9,
     "it is cut off inside the value that begins at offset 0"},
};

static void a_fault_is_told_with_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err e = {0};
        int rc =
            packed_check_all((const uint8_t *)rows[i].bytes, rows[i].len, &packed_record_rules, &e);
        if (rc != (rows[i].fault != NULL ? ERR_PROTOCOL : 0))
            fail_msg("row %zu: %d", i, rc);
        if (rc != 0)
            assert_string_equal(e.text, rows[i].fault);
    }
}

/* A list of so many values, all of them in one list, or each with one of its own. */
static void make_list(uint32_t values, bool nested, struct buf *out)
{
    uint32_t items = nested ? (values - 1) / 2 : values - 1;
    buf_reset(out);
    packed_add_list(out, items);
    for (uint32_t i = 0; i < items; i++) {
        if (nested)
            packed_add_list(out, 1);
        packed_add_nil(out);
    }
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    static const uint32_t counts[] = {PACKED_VALUES_MAX - 1, PACKED_VALUES_MAX,
                                      PACKED_VALUES_MAX + 1};
    struct buf bytes = {0};
    for (size_t i = 0; i < 6; i++) {
        uint32_t count = counts[i / 2];
        bool nested = i % 2 != 0;
        struct err e = {0};
        if (nested)
            count |= 1; /* one more, for the outermost */
        make_list(count, nested, &bytes);
        int rc = packed_check_all(bytes.data, bytes.len, &packed_record_rules, &e);
        assert_int_equal(rc, count <= PACKED_VALUES_MAX ? 0 : ERR_PROTOCOL);
        if (rc != 0)
            assert_string_equal(e.text, "it has more than 524288 values");
    }
    buf_done(&bytes);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    uint8_t bytes[PACKED_DEPTH_MAX + 8];
    for (unsigned depth = 1; depth < PACKED_DEPTH_MAX + 3; depth++) {
        struct packed *packed = NULL;
        struct err e = {0};
        memset(bytes, 0x91, depth);
        bytes[depth] = 0x01;
        int rc = packed_read_record(bytes, depth + 1, &packed, &e);
        assert_int_equal(rc, depth <= PACKED_DEPTH_MAX ? 0 : ERR_PROTOCOL);
        if (rc != 0)
            assert_string_equal(e.text, "arrays and maps are nested more than 31 deep");
        packed_free(packed);
        /* What is empty has nothing to go into. */
        bytes[depth] = depth % 2 != 0 ? 0x90 : 0x80;
        assert_int_equal(packed_read_record(bytes, depth + 1, &packed, &e), rc);
        if (rc == 0)
            packed_free(packed);
    }
}

/* Any value, with lengths in any form. */
static void add_random(struct buf *out, unsigned depth)
{
    uint8_t tag = (uint8_t)random_below(256), raw[80] = {0};
    uint32_t count = (uint32_t)random_below(4);
    random_fill(raw, sizeof raw);
    if (depth != 0 && random_below(3) != 0)
        tag = (uint8_t)(random_below(2) == 0 ? 0xdc + random_below(4) : 0x80 + random_below(0x20));
    if (depth == 0 && ((tag >= 0x80 && tag < 0xa0) || tag >= 0xdc))
        tag = 0xc0;
    if (tag == 0xc1)
        tag = 0xc3;
    if (tag >= 0x80 && tag < 0xa0)
        tag = (uint8_t)((tag & 0xf0) | count);
    buf_add_byte(out, tag);
    if (tag >= 0xdc && tag <= 0xdf) {
        uint8_t zeros[3] = {0};
        buf_add(out, zeros, (tag & 1) != 0 ? 3 : 1);
        buf_add_byte(out, (uint8_t)count);
    }
    if ((tag >= 0x80 && tag < 0xa0) || (tag >= 0xdc && tag <= 0xdf)) {
        bool is_map = tag < 0x90 || (tag >= 0xde && tag <= 0xdf);
        for (uint32_t i = 0; i < count * (is_map ? 2 : 1); i++)
            add_random(out, depth - 1);
        return;
    }
    /* What follows such a tag, by the specification. */
    static const struct {
        uint8_t tag, length, body;
    } forms[] = {{0xc4, 1, 0},  {0xc5, 2, 0}, {0xc6, 4, 0}, {0xc7, 1, 1}, {0xc8, 2, 1},
                 {0xc9, 4, 1},  {0xca, 0, 4}, {0xcb, 0, 8}, {0xcc, 0, 1}, {0xcd, 0, 2},
                 {0xce, 0, 4},  {0xcf, 0, 8}, {0xd0, 0, 1}, {0xd1, 0, 2}, {0xd2, 0, 4},
                 {0xd3, 0, 8},  {0xd4, 0, 2}, {0xd5, 0, 3}, {0xd6, 0, 5}, {0xd7, 0, 9},
                 {0xd8, 0, 17}, {0xd9, 1, 0}, {0xda, 2, 0}, {0xdb, 4, 0}};
    if (tag >= 0xa0 && tag < 0xc0)
        buf_add(out, raw, tag & 0x1f);
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (forms[i].tag != tag)
            continue;
        uint8_t zeros[3] = {0};
        if (forms[i].length != 0) {
            buf_add(out, zeros, forms[i].length - 1u);
            buf_add_byte(out, (uint8_t)(count * 10));
        }
        buf_add(out, raw, forms[i].body + (forms[i].length != 0 ? count * 10 : 0));
    }
}

/* Of a value that is whole, no beginning is, and nothing may stand after it. */
static void whole_values_pass_and_no_part_of_them(void **state)
{
    (void)state;
    struct buf bytes = {0};
    for (int i = 0; i < 3000; i++) {
        struct packed *packed = NULL;
        struct err e = {0};
        size_t used = 0;
        buf_reset(&bytes);
        add_random(&bytes, 4);
        size_t len = bytes.len;
        buf_add_byte(&bytes, 0x01);
        if (packed_read_record(bytes.data, len, &packed, &e) != 0)
            fail_msg("a value of %zu bytes that begins with 0x%02x: %s", len, bytes.data[0],
                     e.text);
        packed_free(packed);
        assert_int_equal(packed_check(bytes.data, bytes.len, &packed_record_rules, &used, &e), 0);
        assert_int_equal(used, len);
        assert_int_equal(packed_check_all(bytes.data, bytes.len, &packed_record_rules, &e),
                         ERR_PROTOCOL);
        for (size_t cut = len > 64 ? len - 64 : 0; cut < len; cut++)
            assert_int_equal(packed_check_all(bytes.data, cut, &packed_record_rules, &e),
                             ERR_PROTOCOL);
    }
    buf_done(&bytes);
}

/* Whatever comes: an answer, and what passes is read by msgpack-c. */
static void random_bytes_are_refused_or_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[24];
        size_t len = random_below(sizeof bytes);
        for (size_t k = 0; k < len; k++)
            bytes[k] = random_below(2) == 0 ? (uint8_t)(0x80 + random_below(0x80))
                                            : (uint8_t)random_below(256);
        struct packed *packed = NULL;
        struct err e = {0};
        bool good = packed_check_all(bytes, len, &packed_record_rules, &e) == 0;
        int rc = packed_read_record(bytes, len, &packed, &e);
        assert_int_equal(rc, good ? 0 : ERR_PROTOCOL);
        /* Sources find the end of a record in another way, for parts of it: it is the same end. */
        struct packed_walk walk = {0};
        size_t used, cut;
        if (packed_check(bytes, len, &packed_record_rules, &used, &e) == 0) {
            assert_int_equal(packed_walk(&walk, bytes, len, &cut), PACKED_ENDS);
            assert_int_equal(cut, used);
        }
        if (good)
            assert_true(packed_begins_map(bytes, len) == packed_is_map(packed_root(packed)));
        packed_free(packed);
    }
}

int main(int argc, char **argv)
{
    random_init("packed_check_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_told_with_its_place),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(whole_values_pass_and_no_part_of_them),
        cmocka_unit_test(random_bytes_are_refused_or_read),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
