/* SPDX-License-Identifier: MIT */
/*
 * The numbers made from two statuses: rates and lags, computed by hand.
 */
#include <stdio.h>
#include <string.h>

#include "supervisor/graph/graph_live.h"
#include "tests/unit/cases.h"

/* loads > parse ×2 > answers, and parse-not, which is not one of the workers. */
static size_t to_parse[] = {1, 3}, to_answers[] = {2};
static struct graph_net nets[] = {{.from = 0, .to = to_parse, .to_count = 2},
                                  {.from = 1, .to = to_answers, .to_count = 1}};
static const struct graph_view view = {
    .name = "made",
    .nodes = {{.name = "loads", .source = true, .workers = 1},
              {.name = "parse", .workers = 2},
              {.name = "answers", .workers = 1},
              {.name = "parse-not", .workers = 1}},
    .node_count = 4,
    .nets = nets,
    .net_count = 2,
};

static void see(struct status_snapshot *seen, const char *name, uint64_t in, uint64_t out,
                uint64_t processed)
{
    struct status_stage *stage = &seen->stages[seen->stage_count++];
    *stage = (struct status_stage){.pid = 9, .in = in, .out = out, .processed = processed};
    (void)snprintf(stage->stage, sizeof stage->stage, "%s", name);
}

static void see_all(struct status_snapshot *seen, uint64_t up_ms, uint64_t more)
{
    *seen = (struct status_snapshot){.pid = 7, .up_ms = up_ms};
    see(seen, "loads", 0, 1000 + 2 * more, 1000 + more);
    see(seen, "parse.0", 100 + more, 90, 990 + more);
    see(seen, "parse.1", 200 + 3 * more, 180, 900 + more);
    see(seen, "answers", 500, 0, 880);
    see(seen, "parse-not", 500 + more, 0, 1100 + more);
}

static void rates_and_lags(void **state)
{
    (void)state;
    static struct status_snapshot before, now;
    struct graph_numbers n[STAGES_MAX];
    see_all(&before, 5000, 0);
    see_all(&now, 5500, 50);
    assert_true(graph_numbers_make(&view, &before, &now, n));
    assert_int_equal(n[0].rate, 200); /* of what it emitted */
    assert_int_equal(n[1].rate, 400); /* of both workers */
    assert_int_equal(n[1].lag, 100);  /* of the slower one */
    assert_int_equal(n[2].rate, 0);
    assert_int_equal(n[2].lag, 170); /* counted from the source, not from parse */
    assert_int_equal(n[3].rate, 100);
    assert_int_equal(n[3].lag, 0); /* it was read before its source was */
    assert_true(n[0].running && n[1].running && n[2].running && n[3].running);
}

static void a_worker_without_a_process(void **state)
{
    (void)state;
    static struct status_snapshot now;
    struct graph_numbers n[STAGES_MAX];
    see_all(&now, 5500, 50);
    now.stages[2].pid = 0;
    assert_true(graph_numbers_make(&view, &now, &now, n));
    assert_true(n[0].running && !n[1].running && n[2].running && n[3].running);
}

static void looks_that_cannot_be_compared(void **state)
{
    (void)state;
    static struct status_snapshot before, now;
    struct graph_numbers n[STAGES_MAX];
    see_all(&before, 5000, 0);
    see_all(&now, 5000, 50);
    assert_true(graph_numbers_make(&view, &before, &now, n));
    assert_int_equal(n[0].rate, 0); /* no time has passed between them */
    see_all(&now, 6000, 50);
    now.pid = 8;
    assert_true(graph_numbers_make(&view, &before, &now, n));
    assert_int_equal(n[0].rate, 0); /* another supervisor, which counts from 0 */
    now.pid = 7;
    now.stages[0].out = 1;
    assert_true(graph_numbers_make(&view, &before, &now, n));
    assert_int_equal(n[0].rate, 0); /* never negative */
}

static void a_stage_that_does_not_run(void **state)
{
    (void)state;
    static struct status_snapshot now;
    struct graph_numbers n[STAGES_MAX];
    see_all(&now, 5500, 0);
    now.stage_count--;
    assert_false(graph_numbers_make(&view, &now, &now, n));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_and_lags),
        cmocka_unit_test(a_worker_without_a_process),
        cmocka_unit_test(looks_that_cannot_be_compared),
        cmocka_unit_test(a_stage_that_does_not_run),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
