/* SPDX-License-Identifier: MIT */
/*
 * Orders sort as what they were made of: random paths against a comparison of their parts.
 */
#include <string.h>

#include "ipc/order.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define PARTS 3

/* One part: a number, a signed one, or bytes; the same sort at the same place of every path. */
struct part {
    uint64_t number;
    int64_t integer;
    uint8_t bytes[4];
    size_t len;
};

static uint64_t some_number(void)
{
    return random_below(2) == 0 ? 244 + random_below(8) : random_bits() >> random_below(64);
}

static void make_part(struct part *part)
{
    *part = (struct part){.number = some_number(), .integer = random_integer()};
    part->len = random_below(5);
    for (size_t i = 0; i < part->len; i++)
        part->bytes[i] = (uint8_t)(random_below(2) == 0 ? random_below(3) : 253 + random_below(3));
}

static int sign(int number)
{
    return (number > 0) - (number < 0);
}

static int compare_bytes(const struct part *a, const struct part *b)
{
    for (size_t i = 0; i < a->len && i < b->len; i++) {
        if (a->bytes[i] != b->bytes[i])
            return a->bytes[i] < b->bytes[i] ? -1 : 1;
    }
    return (a->len > b->len) - (a->len < b->len);
}

static int compare_parts(const struct part a[PARTS], const struct part b[PARTS])
{
    if (a[0].number != b[0].number)
        return a[0].number < b[0].number ? -1 : 1;
    if (a[1].integer != b[1].integer)
        return a[1].integer < b[1].integer ? -1 : 1;
    int bytes = compare_bytes(&a[2], &b[2]);
    if (bytes != 0)
        return bytes;
    return (a[2].number > b[2].number) - (a[2].number < b[2].number);
}

static void add_path(struct buf *order, const struct part parts[PARTS])
{
    order_add_number(order, parts[0].number);
    order_add_integer(order, parts[1].integer);
    order_add_bytes(order, parts[2].bytes, parts[2].len);
    order_add_number(order, parts[2].number);
}

static void paths_sort_as_their_parts(void **state)
{
    (void)state;
    struct buf one = {0}, other = {0};
    for (int round = 0; round < 200000; round++) {
        struct part a[PARTS], b[PARTS];
        for (size_t i = 0; i < PARTS; i++) {
            make_part(&a[i]);
            make_part(&b[i]);
            if (random_below(3) != 0)
                b[i] = a[i];
        }
        buf_reset(&one);
        buf_reset(&other);
        add_path(&one, a);
        add_path(&other, b);
        assert_int_equal(sign(order_compare(one.data, one.len, other.data, other.len)),
                         compare_parts(a, b));
    }
    buf_done(&one);
    buf_done(&other);
}

static void a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(order_compare(NULL, 0, (const uint8_t *)"\0", 1) < 0);
    assert_true(order_compare((const uint8_t *)"ab", 2, (const uint8_t *)"a", 1) > 0);
    assert_int_equal(order_compare(NULL, 0, NULL, 0), 0);
}

/* To the byte, as docs/protocol.md has it. */
static void the_form_stays(void **state)
{
    (void)state;
    struct buf order = {0};
    order_add_number(&order, 247);
    order_add_number(&order, 248);
    order_add_number(&order, 0x1234);
    order_add_integer(&order, -1);
    order_add_bytes(&order, "a\0b", 3);
    static const uint8_t expected[] = {247,  248,  248,  249,  0x12, 0x34, 0x7f, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0xff, 'a',  0,    255,  'b',  0,    1};
    assert_int_equal(order.len, sizeof expected);
    assert_memory_equal(order.data, expected, sizeof expected);
    buf_done(&order);
}

int main(int argc, char **argv)
{
    random_init("order_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_sort_as_their_parts),
        cmocka_unit_test(a_prefix_comes_first),
        cmocka_unit_test(the_form_stays),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
