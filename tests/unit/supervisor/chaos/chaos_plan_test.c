/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "supervisor/chaos/chaos_plan.h"
#include "tests/unit/cases.h"

#define DRAWS 20000u

static bool is_of_supervisor(enum chaos_kind kind)
{
    return kind == CHAOS_FREEZE_SUPERVISOR || kind == CHAOS_KILL_SUPERVISOR ||
           kind == CHAOS_DRAIN || kind == CHAOS_STOP_AT_ONCE;
}

static void same_seed_same_plan(void **state)
{
    (void)state;
    static const size_t targets[] = {0, 1, 2, 3};
    struct chaos_plan a, b, other;
    chaos_plan_init(&a, 7, targets, 4, true);
    chaos_plan_init(&b, 7, targets, 4, true);
    chaos_plan_init(&other, 8, targets, 4, true);
    unsigned different = 0;
    for (unsigned i = 0; i < DRAWS; i++) {
        struct chaos_disturbance x = chaos_plan_next(&a), y = chaos_plan_next(&b),
                                 z = chaos_plan_next(&other);
        assert_int_equal(x.kind, y.kind);
        assert_int_equal(x.wait_ms, y.wait_ms);
        assert_int_equal(x.hold_ms, y.hold_ms);
        assert_int_equal(x.stage_count, y.stage_count);
        assert_memory_equal(x.stages, y.stages, x.stage_count * sizeof x.stages[0]);
        different += x.kind != z.kind || x.wait_ms != z.wait_ms;
    }
    assert_true(different > DRAWS / 2);
}

static void only_targets_are_disturbed_and_each_once_at_a_time(void **state)
{
    (void)state;
    static const size_t targets[] = {2, 5, 63};
    struct chaos_plan plan;
    chaos_plan_init(&plan, 1, targets, 3, true);
    unsigned seen[STAGES_MAX] = {0};
    unsigned kinds[CHAOS_STOP_AT_ONCE + 1] = {0};
    size_t last = SIZE_MAX;
    for (unsigned i = 0; i < DRAWS; i++) {
        struct chaos_disturbance d = chaos_plan_next(&plan);
        kinds[d.kind]++;
        assert_int_equal(d.stage_count, is_of_supervisor(d.kind)   ? 0
                                        : d.kind == CHAOS_KILL_ALL ? 3
                                        : d.kind == CHAOS_KILL_TWO ? 2
                                                                   : 1);
        for (size_t k = 0; k < d.stage_count; k++) {
            assert_true(d.stages[k] == 2 || d.stages[k] == 5 || d.stages[k] == 63);
            seen[d.stages[k]]++;
            for (size_t j = 0; j < k; j++)
                assert_true(d.stages[j] != d.stages[k]);
        }
        if (d.kind == CHAOS_KILL_AGAIN && last != SIZE_MAX) {
            assert_int_equal(d.stages[0], last);
            assert_int_equal(d.wait_ms, 0);
        }
        if (d.stage_count != 0)
            last = d.stages[d.stage_count - 1];
        assert_true(d.wait_ms < 1000 && d.hold_ms >= 1 && d.hold_ms < 1000);
    }
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_true(kinds[i] > DRAWS / 1000);
    assert_true(kinds[CHAOS_KILL_STAGE] > DRAWS / 3);
    assert_true(seen[2] > DRAWS / 10 && seen[5] > DRAWS / 10 && seen[63] > DRAWS / 10);
}

static void without_the_supervisor_it_is_let_be(void **state)
{
    (void)state;
    static const size_t targets[] = {4};
    struct chaos_plan plan;
    chaos_plan_init(&plan, 3, targets, 1, false);
    for (unsigned i = 0; i < DRAWS; i++) {
        struct chaos_disturbance d = chaos_plan_next(&plan);
        assert_false(is_of_supervisor(d.kind));
        assert_int_equal(d.stage_count, 1);
        assert_int_equal(d.stages[0], 4);
    }
}

static void without_stages_it_is_the_supervisor(void **state)
{
    (void)state;
    struct chaos_plan plan;
    chaos_plan_init(&plan, 3, NULL, 0, true);
    for (unsigned i = 0; i < DRAWS; i++) {
        struct chaos_disturbance d = chaos_plan_next(&plan);
        assert_true(is_of_supervisor(d.kind));
        assert_int_equal(d.stage_count, 0);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_seed_same_plan),
        cmocka_unit_test(only_targets_are_disturbed_and_each_once_at_a_time),
        cmocka_unit_test(without_the_supervisor_it_is_let_be),
        cmocka_unit_test(without_stages_it_is_the_supervisor),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
