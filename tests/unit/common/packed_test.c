/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/bounds.h"
#include "common/packed.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static struct packed *read_all(const struct buf *bytes)
{
    struct packed *packed = NULL;
    struct err e;
    assert_int_equal(packed_read(bytes->data, bytes->len, &packed, &e), 0);
    return packed;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf bytes = {0};
    packed_add_map(&bytes, 6);
    packed_add_text(&bytes, "nil");
    packed_add_nil(&bytes);
    packed_add_text(&bytes, "true");
    packed_add_bool(&bytes, true);
    packed_add_text(&bytes, "most");
    packed_add_uint(&bytes, UINT64_MAX);
    packed_add_text(&bytes, "least");
    packed_add_int(&bytes, INT64_MIN);
    packed_add_text(&bytes, "text");
    packed_add_text(&bytes, "grüß");
    packed_add_text(&bytes, "list");
    packed_add_list(&bytes, 2);
    packed_add_int(&bytes, 7);
    packed_add_list(&bytes, 0);
    struct packed *packed = read_all(&bytes);
    struct packed_value root = packed_root(packed);
    bool truth = false;
    uint64_t most = 0;
    int64_t least = 0, seven = 0;
    const char *text = NULL;
    size_t len = 0;
    assert_true(packed_is_map(root));
    assert_int_equal(packed_count(root), 6);
    assert_true(packed_is_nil(packed_find(root, "nil")));
    assert_true(packed_is_nil(packed_find(root, "absent")));
    assert_true(packed_get_bool(packed_find(root, "true"), &truth) && truth);
    assert_true(packed_get_uint(packed_find(root, "most"), &most) && most == UINT64_MAX);
    assert_false(packed_get_int(packed_find(root, "most"), &least));
    assert_true(packed_get_int(packed_find(root, "least"), &least) && least == INT64_MIN);
    assert_false(packed_get_uint(packed_find(root, "least"), &most));
    assert_true(packed_get_text(packed_find(root, "text"), &text, &len));
    assert_int_equal(len, strlen("grüß"));
    assert_memory_equal(text, "grüß", len);
    struct packed_value list = packed_find(root, "list");
    assert_true(packed_is_list(list) && packed_count(list) == 2);
    assert_true(packed_get_int(packed_item(list, 0), &seven) && seven == 7);
    assert_int_equal(packed_count(packed_item(list, 1)), 0);
    assert_true(packed_is_nil(packed_item(list, 2)));
    assert_true(packed_get_text(packed_pair_key(root, 5), &text, &len) && len == 4);
    assert_true(packed_is_list(packed_pair_value(root, 5)));
    assert_true(packed_is_nil(packed_pair_key(root, 6)));
    packed_free(packed);
    buf_done(&bytes);
}

/* An option of a topology may be one, and it is asked for like any other. */
static void an_empty_text_is_a_text(void **state)
{
    (void)state;
    struct buf bytes = {0};
    packed_add_map(&bytes, 1);
    packed_add_text(&bytes, "");
    packed_add_text(&bytes, "");
    struct packed *packed = read_all(&bytes);
    const char *text = NULL;
    size_t len = 1;
    assert_true(packed_get_text(packed_find(packed_root(packed), ""), &text, &len));
    assert_non_null(text);
    assert_int_equal(len, 0);
    packed_free(packed);
    buf_done(&bytes);
}

static void bytes_that_are_not_one_value_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } rows[] = {
        {"", 0},
        {"\x01\x01", 2},                 /* something after the value */
        {"\x92\x01", 2},                 /* an item is missing */
        {"\x81\x01", 2},                 /* a value of a pair is missing */
        {"\xa5grun", 5},                 /* a text that ends early */
        {"\xdd\xff\xff\xff\xff", 5},     /* 4 billion items */
        {"\xdf\xff\xff\xff\xff\x01", 6}, /* 4 billion pairs */
        {"\xdb\x7f\xff\xff\xff", 5},     /* 2 GiB of text */
        {"\xc6\xff\xff\xff\xff\x00", 6}, /* 4 GiB of bytes */
        {"\xc1", 1},                     /* never used */
        {"\xca\x00\x00\x00\x00", 5},     /* floating point */
        {"\xd4\x01\x01", 3},             /* an extension */
        {"\xc7\x01\x01\x01", 4},
        {"\xcf\x01\x02", 3},
        {"\xdc\x00", 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct packed *packed = NULL;
        struct err e = {0};
        if (packed_read((const uint8_t *)rows[i].bytes, rows[i].len, &packed, &e) != ERR_PROTOCOL)
            fail_msg("row %zu was read", i);
        assert_true(strlen(e.text) != 0);
    }
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    for (unsigned depth = 1; depth < PACKED_DEPTH_MAX + 3; depth++) {
        uint8_t bytes[PACKED_DEPTH_MAX + 8];
        memset(bytes, 0x91, depth);
        bytes[depth] = 0x01;
        struct packed *packed = NULL;
        struct err e;
        int rc = packed_read(bytes, depth + 1, &packed, &e);
        assert_int_equal(rc, depth <= PACKED_DEPTH_MAX ? 0 : ERR_PROTOCOL);
        packed_free(rc == 0 ? packed : NULL);
    }
}

/* Whatever comes: an answer, and nothing is read outside. */
static void random_bytes_do_no_harm(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[24];
        size_t len = random_below(sizeof bytes);
        for (size_t k = 0; k < len; k++)
            bytes[k] = random_below(2) == 0 ? (uint8_t)(0x80 + random_below(0x80))
                                            : (uint8_t)random_below(256);
        struct packed *packed = NULL;
        struct err e;
        int rc = packed_read(bytes, len, &packed, &e);
        assert_true(rc == 0 || rc == ERR_PROTOCOL);
        if (rc == 0)
            packed_free(packed);
    }
}

int main(int argc, char **argv)
{
    random_init("packed_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(an_empty_text_is_a_text),
        cmocka_unit_test(bytes_that_are_not_one_value_are_refused),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(random_bytes_do_no_harm),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
