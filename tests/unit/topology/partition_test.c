/* SPDX-License-Identifier: MIT */
/*
 * Who gets a record: the same for ever for the same key, every worker has groups side by side, and
 * the load is even.
 */
#include <stdio.h>
#include <string.h>

#include "common/bytes.h"
#include "common/hash.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/partition.h"

static const size_t by_fields[] = {1, 0};

static struct stage make_stage(size_t workers, size_t by_count)
{
    return (struct stage){.workers = workers, .by = by_fields, .by_count = by_count};
}

/*
 * docs/protocol.md, "Workers": FNV-1a over the fields' bytes, mixed, its top byte. Written down
 * by hand with another program; state on disk depends on it.
 */
static void groups_stay(void **state)
{
    (void)state;
    struct stage stage = make_stage(1, 2);
    struct value fields[2] = {value_of_integer(VALUE_INT, 42),
                              value_of_bytes(VALUE_STRING, "ann", 3)};
    struct record record = {.seq = 1, .fields = fields, .count = 2};
    assert_int_equal(partition_group(&stage, &record), 167);
    fields[0].integer = 43;
    assert_int_equal(partition_group(&stage, &record), 72);
}

/* Short texts and long ones are hashed alike: their length in four bytes, then they themselves. */
static void any_length_is_hashed(void **state)
{
    (void)state;
    struct stage stage = make_stage(1, 1);
    uint8_t bytes[4 + 600];
    memset(bytes, 'x', sizeof bytes);
    for (uint32_t len = 0; len <= 600; len++) {
        struct value fields[2] = {value_of_integer(VALUE_INT, 0),
                                  value_of_bytes(VALUE_STRING, bytes + 4, len)};
        struct record record = {.seq = 1, .fields = fields, .count = 2};
        bytes_put_u32(bytes, len);
        uint64_t hash = hash_mix64(hash_fnv1a(bytes, 4 + len));
        assert_int_equal(partition_group(&stage, &record), hash >> 56);
    }
}

static void groups_are_even(void **state)
{
    (void)state;
    struct stage stage = make_stage(5, 1);
    unsigned counts[KEY_GROUPS] = {0}, loads[5] = {0};
    for (unsigned i = 0; i < 256000; i++) {
        char text[16];
        int len = snprintf(text, sizeof text, "%u", i);
        struct value fields[2] = {value_of_integer(VALUE_INT, 0),
                                  value_of_bytes(VALUE_STRING, text, (size_t)len)};
        struct record record = {.seq = 1, .fields = fields, .count = 2};
        unsigned group = partition_group(&stage, &record);
        assert_true(group < KEY_GROUPS);
        counts[group]++;
        size_t worker = partition_worker(&stage, &record);
        assert_int_equal(worker, partition_worker_of_group(group, 5));
        loads[worker]++;
    }
    for (unsigned i = 0; i < KEY_GROUPS; i++)
        assert_in_range(counts[i], 800, 1200);
    for (unsigned i = 0; i < 5; i++)
        assert_in_range(loads[i], 46000, 56000);
}

/* Every worker has some groups, none is missed, and they lie side by side. */
static void groups_are_shared_out(void **state)
{
    (void)state;
    for (size_t workers = 1; workers <= WORKERS_MAX; workers++) {
        size_t last = 0;
        assert_int_equal(partition_worker_of_group(0, workers), 0);
        for (unsigned group = 1; group < KEY_GROUPS; group++) {
            size_t worker = partition_worker_of_group(group, workers);
            assert_true(worker == last || worker == last + 1);
            last = worker;
        }
        assert_int_equal(last, workers - 1);
    }
}

/* Without a key the seq decides, and all records of a seq stay together. */
static void seqs_are_dealt_out(void **state)
{
    (void)state;
    struct stage stage = make_stage(3, 0);
    unsigned loads[3] = {0};
    for (seq_number seq = 1; seq <= 76800; seq++) {
        struct record record = {.seq = seq};
        loads[partition_worker(&stage, &record)]++;
        assert_int_equal(partition_worker(&stage, &record), seq / 256 % 3);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_in_range(loads[i], 25000, 26200);
}

int main(int argc, char **argv)
{
    random_init("partition_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_stay),        cmocka_unit_test(any_length_is_hashed),
        cmocka_unit_test(groups_are_even),    cmocka_unit_test(groups_are_shared_out),
        cmocka_unit_test(seqs_are_dealt_out),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
