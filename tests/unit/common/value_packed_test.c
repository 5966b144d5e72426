/* SPDX-License-Identifier: MIT */
/*
 * What values look like in msgpack, to the byte. The rows are written from the specification of
 * msgpack and docs/decisions/0027; integration/1072 asks another library.
 */
#include <string.h>

#include "common/nested.h"
#include "common/type.h"
#include "common/value_packed.h"
#include "tests/unit/cases.h"

static const struct {
    const char *type;
    enum value_tag tag;
    int64_t integer;
    const char *bytes;
    size_t len;
} integers[] = {
    {"int", VALUE_INT, 0, "\x00", 1},
    {"int", VALUE_INT, 127, "\x7f", 1},
    {"int", VALUE_INT, 128, "\xcc\x80", 2},
    {"int", VALUE_INT, 255, "\xcc\xff", 2},
    {"int", VALUE_INT, 256, "\xcd\x01\x00", 3},
    {"int", VALUE_INT, 65536, "\xce\x00\x01\x00\x00", 5},
    {"int", VALUE_INT, INT64_C(4294967296), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9},
    {"int", VALUE_INT, INT64_MAX, "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 9},
    {"int", VALUE_INT, -1, "\xff", 1},
    {"int", VALUE_INT, -32, "\xe0", 1},
    {"int", VALUE_INT, -33, "\xd0\xdf", 2},
    {"int", VALUE_INT, -128, "\xd0\x80", 2},
    {"int", VALUE_INT, -129, "\xd1\xff\x7f", 3},
    {"int", VALUE_INT, -32769, "\xd2\xff\xff\x7f\xff", 5},
    {"int", VALUE_INT, INT64_MIN, "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 9},
    {"optional(int)", VALUE_INT, 7, "\x07", 1},
    {"optional(int)", VALUE_OPTIONAL, 0, "\xc0", 1},
    {"money(USD)", VALUE_MONEY, 1234, "\xa6$12.34", 7},
    {"money(JPY)", VALUE_MONEY, -5,
     "\xa4-\xc2\xa5"
     "5",
     5},
    {"decimal(10,2)", VALUE_DECIMAL, -5, "\xa5-0.05", 6},
    {"date", VALUE_DATE, 0,
     "\xaa"
     "1970-01-01",
     11},
    {"duration", VALUE_DURATION, INT64_C(5400000000000),
     "\xa5"
     "1h30m",
     6},
    {"enum(open, closed)", VALUE_ENUM, 1,
     "\xa6"
     "closed",
     7},
    /* Timestamps: 32, 64 and 96 bits. */
    {"timestamp", VALUE_TIMESTAMP, 0, "\xd6\xff\x00\x00\x00\x00", 6},
    {"timestamp", VALUE_TIMESTAMP, INT64_C(4294967295000000000), "\xd6\xff\xff\xff\xff\xff", 6},
    {"timestamp", VALUE_TIMESTAMP, INT64_C(4294967296000000000),
     "\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x00", 10},
    {"timestamp", VALUE_TIMESTAMP, 1, "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x00", 10},
    {"timestamp", VALUE_TIMESTAMP, -1,
     "\xc7\x0c\xff\x3b\x9a\xc9\xff\xff\xff\xff\xff\xff\xff\xff\xff", 15},
    {"timestamp", VALUE_TIMESTAMP, INT64_MAX, "\xd7\xff\xcb\xcb\x5f\xfe\x25\xc1\x7d\x04", 10},
    {"timestamp", VALUE_TIMESTAMP, INT64_MIN,
     "\xc7\x0c\xff\x08\xa7\xf2\x00\xff\xff\xff\xfd\xda\x3e\x82\xfb", 15},
};

static struct type type_of(const char *name)
{
    struct type type;
    assert_int_equal(type_parse(name, &type, NULL), 0);
    return type;
}

static void numbers_and_texts_have_one_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        struct buf out = {0};
        struct value value = value_of_integer(integers[i].tag, integers[i].integer);
        if (integers[i].tag == VALUE_OPTIONAL)
            value = value_of_nothing();
        assert_true(value_write_packed(&value, type_of(integers[i].type), 100, &out));
        if (out.len != integers[i].len || memcmp(out.data, integers[i].bytes, out.len) != 0) {
            for (size_t k = 0; k < out.len; k++)
                (void)fprintf(stderr, "\\x%02x", out.data[k]);
            fail_msg("row %zu, %s", i, integers[i].type);
        }
        buf_done(&out);
    }
}

static void lengths_have_the_shortest_form(void **state)
{
    (void)state;
    static const struct {
        enum value_tag tag;
        uint32_t len;
        const char *head;
        size_t head_len;
    } rows[] = {
        {VALUE_STRING, 0, "\xa0", 1},
        {VALUE_STRING, 31, "\xbf", 1},
        {VALUE_STRING, 32, "\xd9\x20", 2},
        {VALUE_STRING, 255, "\xd9\xff", 2},
        {VALUE_STRING, 256, "\xda\x01\x00", 3},
        {VALUE_STRING, 65535, "\xda\xff\xff", 3},
        {VALUE_STRING, 65536, "\xdb\x00\x01\x00\x00", 5},
        {VALUE_BYTES, 0, "\xc4\x00", 2},
        {VALUE_BYTES, 255, "\xc4\xff", 2},
        {VALUE_BYTES, 256, "\xc5\x01\x00", 3},
        {VALUE_BYTES, 65536, "\xc6\x00\x01\x00\x00", 5},
    };
    static char text[65536];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        struct value value = value_of_bytes(rows[i].tag, text, rows[i].len);
        struct type type = {.tag = rows[i].tag};
        size_t whole = rows[i].head_len + rows[i].len;
        assert_true(value_write_packed(&value, type, whole, &out));
        assert_int_equal(out.len, whole);
        assert_memory_equal(out.data, rows[i].head, rows[i].head_len);
        assert_memory_equal(out.data + rows[i].head_len, text, rows[i].len);
        buf_reset(&out);
        assert_false(value_write_packed(&value, type, whole - 1, &out));
        buf_done(&out);
    }
}

static void lists_and_maps_hold_what_they_hold(void **state)
{
    (void)state;
    struct buf nested = {0}, out = {0};
    struct value a = value_of_bytes(VALUE_STRING, "a", 1), b = value_of_bytes(VALUE_STRING, "b", 1);
    struct value cent = value_of_integer(VALUE_MONEY, 1), nothing = value_of_nothing();
    nested_add_head(VALUE_MAP, 2, &nested);
    nested_add(&a, &nested);
    nested_add_head(VALUE_LIST, 2, &nested);
    nested_add(&cent, &nested);
    nested_add(&nothing, &nested);
    nested_add(&b, &nested);
    nested_add_head(VALUE_LIST, 0, &nested);
    struct value map = value_of_bytes(VALUE_MAP, nested.data, nested.len);
    struct type type = type_of("optional(map(list(optional(money(USD)))))");
    static const char wanted[] = "\x82\xa1"
                                 "a\x92\xa5$0.01\xc0\xa1"
                                 "b\x90";
    assert_true(value_write_packed(&map, type, 100, &out));
    assert_int_equal(out.len, sizeof wanted - 1);
    assert_memory_equal(out.data, wanted, out.len);
    for (size_t max = 0; max < sizeof wanted - 1; max++) {
        buf_reset(&out);
        assert_false(value_write_packed(&map, type, max, &out));
    }
    buf_done(&nested);
    buf_done(&out);
}

/* What does not fit is not written to its end: a small list can become a large one. */
static void what_does_not_fit_is_not_written_on(void **state)
{
    (void)state;
    struct buf nested = {0}, out = {0};
    struct value cent = value_of_integer(VALUE_MONEY, 1);
    nested_add_head(VALUE_LIST, 60000, &nested);
    for (int i = 0; i < 60000; i++)
        nested_add(&cent, &nested);
    struct value list = value_of_bytes(VALUE_LIST, nested.data, nested.len);
    assert_false(value_write_packed(&list, type_of("list(money(USD))"), 1000, &out));
    assert_in_range(out.len, 1001, 1100);
    buf_done(&nested);
    buf_done(&out);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_texts_have_one_form),
        cmocka_unit_test(lengths_have_the_shortest_form),
        cmocka_unit_test(lists_and_maps_hold_what_they_hold),
        cmocka_unit_test(what_does_not_fit_is_not_written_on),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
