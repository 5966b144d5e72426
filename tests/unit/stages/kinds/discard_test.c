/* SPDX-License-Identifier: MIT */
/* Tests discard against the manual: it accepts anything, counts it, and knows how far it is. */
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"

static const char text[] = "topology: t\n"
                           "types: { R: { s: string, o: optional(int), l: list(int) } }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: R }\n"
                           "  end: { kind: discard, from: parse }\n";

static void give(struct kind_run *run, seq_number through)
{
    struct value fields[] = {value_of_bytes(VALUE_STRING, "", 0), value_of_nothing(),
                             value_of_bytes(VALUE_LIST, "\x90", 1)};
    while (run->runner.begun < through)
        kind_run_step(run, 0, fields);
}

static void assert_counted(struct kind_run *run, uint64_t records)
{
    struct status_counts counts;
    assert_true(runner_count_done(&run->runner, &counts));
    assert_int_equal(counts.in, records);
    assert_int_equal(counts.out, records);
    assert_int_equal(counts.dead, 0);
    assert_int_equal(counts.dropped, 0);
}

static void all_is_counted_and_dropped(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text, "end");
    assert_int_equal(runner_position(&run.runner), 0);
    give(&run, 5);
    assert_counted(&run, 5);
    assert_string_equal(buf_text(&run.seen), "");
    assert_false(runner_is_unsettled(&run.runner));
    kind_run_close(&run);
}

/* Wherever it is killed, the next process continues after what was committed. */
static void it_knows_how_far_it_is(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text, "end");
    for (seq_number committed = 0; committed <= 5; committed++) {
        give(&run, committed + 2);
        if (committed != 0)
            kind_run_commit(&run, committed);
        assert_int_equal(runner_position(&run.runner), committed);
        kind_run_kill(&run, false);
        assert_int_equal(runner_position(&run.runner), committed);
        run.runner.begun = committed;
    }
    kind_run_close(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_counted_and_dropped),
        cmocka_unit_test(it_knows_how_far_it_is),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
