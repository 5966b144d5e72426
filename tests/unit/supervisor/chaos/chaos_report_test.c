/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "supervisor/chaos/chaos_report.h"
#include "tests/unit/cases.h"

static void percentiles_are_nearest_ranks(void **state)
{
    (void)state;
    struct chaos_times t = {0};
    chaos_times_add(&t, 70);
    assert_int_equal(chaos_times_percentile(&t, 1), 70);
    assert_int_equal(chaos_times_percentile(&t, 100), 70);
    chaos_times_add(&t, 10);
    assert_int_equal(chaos_times_percentile(&t, 50), 10);
    assert_int_equal(chaos_times_percentile(&t, 51), 70);
    chaos_times_done(&t);
    assert_int_equal(t.count, 0);
    for (uint64_t us = 1000; us > 0; us--)
        chaos_times_add(&t, us);
    assert_int_equal(chaos_times_percentile(&t, 50), 500);
    assert_int_equal(chaos_times_percentile(&t, 99), 990);
    assert_int_equal(chaos_times_percentile(&t, 100), 1000);
    assert_int_equal(chaos_times_percentile(&t, 1), 10);
    chaos_times_add(&t, UINT64_MAX);
    assert_true(chaos_times_percentile(&t, 100) == UINT64_MAX);
    chaos_times_done(&t);
}

static struct stage stages[] = {{.name = "in"}, {.name = "a-rather-long-name", .index = 1}};
static const struct topology topology = {.stages = stages, .stage_count = 2};

static void expect(struct chaos_report *report, const char *whole)
{
    struct buf out = {0};
    chaos_report_write(report, &topology, &out);
    assert_string_equal(buf_text(&out), whole);
    buf_done(&out);
}

static void a_table_with_everything(void **state)
{
    (void)state;
    struct chaos_report report = {.seed = 4711,
                                  .stages = {{.kills = 1200, .stops = 3}, {.kills = 7}},
                                  .supervisor = {.kills = 5, .stops = 1},
                                  .drains = 2,
                                  .rounds = 11,
                                  .restarts = 1201,
                                  .outputs_compared = 22,
                                  .bytes_compared = 123456789,
                                  .elapsed_ms = 61250};
    chaos_times_add(&report.stage_recovery, 20500);
    chaos_times_add(&report.stage_recovery, 10000);
    chaos_times_add(&report.stage_recovery, 30040);
    assert_int_equal(chaos_report_kills(&report), 1212);
    expect(&report, "target              kills  stops\n"
                    "in                   1200      3\n"
                    "a-rather-long-name      7      0\n"
                    "supervisor              5      1\n"
                    "all                  1212      4\n"
                    "\n"
                    "seed:                4711\n"
                    "rounds:              11\n"
                    "drained and resumed: 2\n"
                    "restarts:            1,201\n"
                    "recovery of a stage: p50 20.5 ms, p99 30.0 ms, max 30.0 ms, of 3\n"
                    "of the supervisor:   not measured\n"
                    "outputs compared:    22\n"
                    "bytes compared:      123,456,789\n"
                    "time:                61.2 s\n"
                    "verdict:             same bytes\n");
    chaos_report_done(&report);
}

static void a_verdict_has_its_reason(void **state)
{
    (void)state;
    static const char head[] = "target              kills  stops\n"
                               "in                      0      0\n"
                               "a-rather-long-name      0      0\n"
                               "supervisor              0      0\n"
                               "all                     0      0\n"
                               "\n"
                               "seed:                0\n"
                               "rounds:              0\n"
                               "drained and resumed: 0\n"
                               "restarts:            0\n"
                               "recovery of a stage: not measured\n"
                               "of the supervisor:   not measured\n"
                               "outputs compared:    0\n"
                               "bytes compared:      0\n"
                               "time:                0.0 s\n"
                               "verdict:             ";
    struct chaos_report report = {.verdict = CHAOS_FAILED};
    struct buf whole = {0};
    buf_add_text(&report.reason, "two\nlines\n");
    buf_add_format(&whole, "%sfailed: two\nlines\n", head);
    expect(&report, buf_text(&whole));
    report.verdict = CHAOS_UNPROVEN;
    buf_reset(&report.reason);
    buf_add_text(&report.reason, "interrupted");
    buf_reset(&whole);
    buf_add_format(&whole, "%snot proven: interrupted\n", head);
    expect(&report, buf_text(&whole));
    buf_done(&whole);
    chaos_report_done(&report);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_nearest_ranks),
        cmocka_unit_test(a_table_with_everything),
        cmocka_unit_test(a_verdict_has_its_reason),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
