/* SPDX-License-Identifier: MIT */
/*
 * Which version holds for a seq, at the ends of every range, and what people are shown of one.
 */
#include <string.h>

#include "common/bounds.h"
#include "tests/unit/cases.h"
#include "topology/timeline.h"

#define A "aaaaaaaa00000000000000000000000000000000000000000000000000000000"
#define B "bbbbbbbb00000000000000000000000000000000000000000000000000000000"
#define C "cccccccc00000000000000000000000000000000000000000000000000000000"

static void before_a_start_none_holds(void **state)
{
    (void)state;
    struct timeline none = {0};
    assert_null(timeline_at(&none, 0));
    assert_null(timeline_at(&none, 1));
    assert_null(timeline_at(&none, SEQ_MAX));
    timeline_done(&none);
}

static void each_holds_from_its_first_seq_to_the_next(void **state)
{
    (void)state;
    static const struct {
        seq_number seq;
        const char *version;
    } rows[] = {{0, NULL}, {4, NULL}, {5, A},           {6, A},       {40, A},        {41, B},
                {42, B},   {42, B},   {SEQ_MAX - 1, B}, {SEQ_MAX, C}, {UINT64_MAX, C}};
    struct timeline timeline = {0};
    timeline_add(&timeline, 5, A, 0);
    timeline_add(&timeline, 41, B, 7);
    timeline_add(&timeline, SEQ_MAX, C, INT64_MAX);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *version = timeline_at(&timeline, rows[i].seq);
        assert_true((version == NULL) == (rows[i].version == NULL));
        if (version != NULL)
            assert_string_equal(version, rows[i].version);
    }
    assert_int_equal(timeline.count, 3);
    assert_int_equal(timeline.entries[1].number, 7);
    assert_int_equal(timeline.entries[2].number, INT64_MAX);
    timeline_done(&timeline);
    assert_int_equal(timeline.count, 0);
    assert_null(timeline_at(&timeline, 5));
}

/* A run that comes back to a former version has it twice. */
static void a_version_may_come_back(void **state)
{
    (void)state;
    struct timeline timeline = {0};
    timeline_add(&timeline, 1, A, 1);
    timeline_add(&timeline, 11, B, 2);
    timeline_add(&timeline, 21, A, 1);
    assert_string_equal(timeline_at(&timeline, 10), A);
    assert_string_equal(timeline_at(&timeline, 20), B);
    assert_string_equal(timeline_at(&timeline, 21), A);
    timeline_done(&timeline);
}

static void eight_digits_are_shown_and_the_number(void **state)
{
    (void)state;
    char text[VERSION_SHOWN_BYTES];
    assert_string_equal(timeline_show_version(A, 0, text), "aaaaaaaa");
    assert_string_equal(timeline_show_version(B, 7, text), "7 bbbbbbbb");
    assert_string_equal(timeline_show_version(C, INT64_MAX, text), "9223372036854775807 cccccccc");
    assert_string_equal(timeline_show_version("abc", 0, text), "abc");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_a_start_none_holds),
        cmocka_unit_test(each_holds_from_its_first_seq_to_the_next),
        cmocka_unit_test(a_version_may_come_back),
        cmocka_unit_test(eight_digits_are_shown_and_the_number),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
