/* SPDX-License-Identifier: MIT */
#include <msgpack.h>

#include "common/err.h"
#include "common/type.h"
#include "tests/unit/cases.h"
#include "tests/unit/random_value.h"

static const char *const types[] = {
    "list(int)",
    "list(string)",
    "map(bool)",
    "list(optional(bytes))",
    "map(list(optional(money(USD))))",
    "list(map(list(enum(a, b))))",
    "map(string(2..5))",
    "list(decimal(4,2))",
    "map(date)",
    "list(duration)",
};

static struct type type_of(const char *text)
{
    struct type type;
    struct err e;
    if (type_parse(text, &type, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return type;
}

static struct type any_type(void)
{
    return type_of(types[random_below(sizeof types / sizeof types[0])]);
}

/* Reads all of it and writes it again. */
static void copy_nested(struct type type, const struct value *value, struct buf *out)
{
    struct nested nested;
    assert_true(nested_open(type.tag, value->bytes, value->len, &nested));
    nested_add_head(type.tag, nested.left, out);
    for (uint32_t i = 0; i < nested.left; i++) {
        struct value item;
        if (type.tag == VALUE_MAP) {
            assert_true(nested_take(&nested, (struct type){.tag = VALUE_STRING}, &item));
            nested_add(&item, out);
        }
        assert_true(nested_take(&nested, type_item(type), &item));
        if (item.tag == VALUE_LIST || item.tag == VALUE_MAP)
            copy_nested(type_item(type), &item, out);
        else
            nested_add(&item, out);
    }
    assert_ptr_equal(nested.at, nested.end);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    static struct random_values owner;
    for (int round = 0; round < 3000; round++) {
        struct type type = any_type();
        struct value value = random_value(type, &owner);
        struct buf copy = {0};
        assert_true(nested_valid(type, value.bytes, value.len));
        copy_nested(type, &value, &copy);
        assert_int_equal(copy.len, value.len);
        assert_memory_equal(copy.data, value.bytes, copy.len);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t offset = 0;
        assert_int_equal(
            msgpack_unpack_next(&unpacked, (const char *)value.bytes, value.len, &offset),
            MSGPACK_UNPACK_SUCCESS);
        assert_int_equal(offset, value.len);
        /* Its writer takes the shortest forms as well. */
        msgpack_sbuffer sbuffer;
        msgpack_sbuffer_init(&sbuffer);
        msgpack_packer packer;
        msgpack_packer_init(&packer, &sbuffer, msgpack_sbuffer_write);
        msgpack_pack_object(&packer, unpacked.data);
        assert_int_equal(sbuffer.size, value.len);
        assert_memory_equal(sbuffer.data, value.bytes, value.len);
        msgpack_sbuffer_destroy(&sbuffer);
        msgpack_unpacked_destroy(&unpacked);
        buf_done(&copy);
        random_values_done(&owner);
    }
}

/* Bytes that are taken for valid are in the one form: reading and writing gives them again. */
static void any_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    static struct random_values owner;
    unsigned refused = 0;
    for (int round = 0; round < 20000; round++) {
        struct type type = any_type();
        struct value value = random_value(type, &owner);
        uint8_t *bytes = (uint8_t *)memory_dup(value.bytes, value.len);
        size_t len = value.len;
        for (size_t i = random_below(3) + 1; i > 0; i--)
            bytes[random_below(len < 24 ? len : 24)] = (uint8_t)random_bits();
        if (random_below(4) == 0)
            len = random_below(len + 1);
        /* To the byte, so that the sanitizer sees what is read behind them. */
        uint8_t *exact = memory_new(len + (len == 0), 1);
        memcpy(exact, bytes, len);
        struct value damaged = value_of_bytes(type.tag, exact, len);
        if (nested_valid(type, exact, len)) {
            struct buf copy = {0};
            copy_nested(type, &damaged, &copy);
            assert_int_equal(copy.len, len);
            assert_memory_equal(copy.data, exact, len);
            buf_done(&copy);
        } else {
            refused++;
        }
        free(exact);
        free(bytes);
        random_values_done(&owner);
    }
    assert_true(refused > 5000);
}

static const struct {
    const char *type;
    const char *bytes;
    size_t len;
    bool good;
} cases[] = {
    {"list(int)", "\x90", 1, true},
    {"list(int)", "", 0, false},
    {"list(int)", "\x91", 1, false},
    {"list(int)", "\x80", 1, false},
    {"list(int)", "\x91\x05", 2, true},
    {"list(int)", "\x91\x05\x05", 3, false},
    {"list(int)", "\xdc\x00\x01\x05", 4, false},         /* too wide a head */
    {"list(int)", "\xdd\xff\xff\xff\xff\x05", 6, false}, /* more items than bytes */
    {"list(int)", "\x91\xcc\x05", 3, false},
    {"list(int)", "\x91\xcc\x80", 3, true},
    {"list(int)", "\x91\xd0\x05", 3, false},
    {"list(int)", "\x91\xd0\xe0", 3, false}, /* -32 has a form of one byte */
    {"list(int)", "\x91\xd0\xdf", 3, true},
    {"list(int)", "\x91\xd1\xff\x80", 4, false}, /* -128 in two bytes */
    {"list(int)", "\x91\xd1\xff\x7f", 4, true},
    {"list(int)", "\x91\xcf\x80\0\0\0\0\0\0\0", 10, false}, /* above 63 bits */
    {"list(int)", "\x91\xd3\x80\0\0\0\0\0\0\0", 10, true},
    {"list(int)", "\x91\xa1x", 3, false},
    {"list(int)", "\x91\xc0", 2, false},
    {"list(optional(int))", "\x91\xc0", 2, true},
    {"list(string)", "\x91\xd9\x01x", 4, false},
    {"list(string)", "\x91\xa1\xff", 3, false},
    {"list(string(2..3))", "\x91\xa1x", 3, false},
    {"list(string(2..3))", "\x91\xa4\xc3\xa4\xc3\xa4", 6, true},
    {"list(enum(a, b))", "\x91\x01", 2, true},
    {"list(enum(a, b))", "\x91\x02", 2, false},
    {"list(enum(a, b))", "\x91\xff", 2, false},
    {"list(decimal(2,1))", "\x91\x63", 2, true},
    {"list(decimal(2,1))", "\x91\x64", 2, false},
    {"list(date)", "\x91\xd2\x80\0\0\0", 6, false},
    {"list(duration)", "\x91\xd3\x80\0\0\0\0\0\0\0", 10, false},
    {"map(int)", "\x80", 1, true},
    {"map(int)",
     "\x82\xa1"
     "a\x01\xa1"
     "b\x02",
     7, true},
    {"map(int)",
     "\x82\xa1"
     "b\x01\xa1"
     "a\x02",
     7, false}, /* not by rising keys */
    {"map(int)",
     "\x82\xa1"
     "a\x01\xa1"
     "a\x02",
     7, false}, /* twice */
    {"map(int)", "\x81\x01\x02", 3, false},
    {"map(int)", "\x81\xa1\xff\x02", 4, false},
    {"map(list(int))",
     "\x81\xa1"
     "a\x91\x01",
     5, true},
    {"map(list(int))",
     "\x81\xa1"
     "a\x91\xcc\x01",
     6, false},
};

static void forms_are_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (nested_valid(type_of(cases[i].type), (const uint8_t *)cases[i].bytes, cases[i].len) !=
            cases[i].good)
            fail_msg("row %zu: %s", i, cases[i].type);
    }
}

int main(int argc, char **argv)
{
    random_init("nested");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(any_bytes_are_refused_or_canonical),
        cmocka_unit_test(forms_are_strict),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
