/* SPDX-License-Identifier: MIT */
/*
 * Plans: what the check of a stage has worked out is there once, for all workers, and no worker
 * changes it or leaves anything in it.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_run.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  Hit: { at: timestamp, key: string, count: int, price: money(CHF) }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse:\n"
    "    kind: regex.parse\n"
    "    from: lines\n"
    "    type: Hit\n"
    "    workers: 2\n"
    "    timestamp_format: '%Y-%m-%d'\n"
    "    pattern: '^(?<at>\\S+) (?<key>\\S+) (?<count>\\d+) (?<price>\\S+)$'\n"
    "  texts: { kind: map, from: parse, workers: 2, convert: { count: string },"
    " set: { more: { type: money(CHF), value: '1.50' } } }\n"
    "  few: { kind: limits, from: texts, workers: 2, key: key, amount: price, at: at,"
    " rules: { most: { per: day, sum: '10.00' } } }\n"
    "  once: { kind: dedupe, from: few, key: key }\n"
    "  all: { kind: merge, from: [few, once], workers: 2 }\n"
    "  counts: { kind: window.count, from: all, workers: 2, key: key, at: at, per: hour }\n"
    "  pass: { kind: filter, from: counts, workers: 2, where: { key: { matches: '^a' } } }\n"
    "  end: { kind: discard, from: pass }\n";

static void workers_share_a_plan(void **state)
{
    (void)state;
    struct topology *topology = kind_run_load(text, TOPOLOGY_PROCESSES);
    static const char *const planned[] = {"parse", "texts", "few", "all", "counts"};
    const void *other = NULL;
    for (size_t i = 0; i < sizeof planned / sizeof planned[0]; i++) {
        char names[2][16];
        for (int worker = 0; worker < 2; worker++)
            (void)snprintf(names[worker], sizeof names[worker], "%s.%d", planned[i], worker);
        const void *plan = topology_find_stage(topology, names[0])->plan;
        assert_non_null(plan);
        assert_ptr_equal(topology_find_stage(topology, names[1])->plan, plan);
        assert_ptr_not_equal(plan, other);
        other = plan;
    }
    topology_free(topology);
}

static void expect(struct kind_run *run, const char *wanted)
{
    assert_string_equal(buf_text(&run->seen), wanted);
    buf_reset(&run->seen);
}

static void give_line(struct kind_run *run, const char *line)
{
    struct value value = value_of_bytes(VALUE_BYTES, line, strlen(line));
    kind_run_step(run, 0, &value);
}

/* Two workers of a stage take turns, and one goes on when the other is closed. */
static void workers_leave_it_alone(void **state)
{
    (void)state;
    struct topology *topology = kind_run_load(text, TOPOLOGY_PROCESSES);
    struct kind_run parse[2], texts[2];
    kind_run_start(&parse[0], topology, "parse.0");
    kind_run_start(&parse[1], topology, "parse.1");
    give_line(&parse[0], "2026-11-30 a 1 2.00");
    give_line(&parse[1], "2026-11-29 b 22 CHF 3");
    expect(&parse[0], "out {\"at\":\"2026-11-30T00:00:00Z\",\"key\":\"a\",\"count\":1,"
                      "\"price\":\"CHF 2.00\"}\n");
    expect(&parse[1], "dead {\"seq\":1,\"line\":0,\"stage\":\"parse\",\"reason\":\"no-match\","
                      "\"message\":\"the pattern does not match\","
                      "\"content\":\"2026-11-29 b 22 CHF 3\",\"content_is_json\":false}\n");
    kind_run_stop(&parse[0]);
    give_line(&parse[1], "2026-11-29 b 22 3.00");
    expect(&parse[1], "out {\"at\":\"2026-11-29T00:00:00Z\",\"key\":\"b\",\"count\":22,"
                      "\"price\":\"CHF 3.00\"}\n");
    kind_run_stop(&parse[1]);

    struct value fields[] = {value_of_integer(VALUE_TIMESTAMP, 0),
                             value_of_bytes(VALUE_STRING, "k", 1), value_of_integer(VALUE_INT, 7),
                             value_of_integer(VALUE_MONEY, 250)};
    kind_run_start(&texts[0], topology, "texts.0");
    kind_run_start(&texts[1], topology, "texts.1");
    static const char wanted[] =
        "out {\"at\":\"1970-01-01T00:00:00Z\",\"key\":\"k\",\"count\":\"%d\","
        "\"price\":\"CHF 2.50\",\"more\":\"CHF 1.50\"}\n";
    for (int i = 0; i < 4; i++) {
        char line[sizeof wanted + 16];
        fields[2].integer = 7 + i;
        (void)snprintf(line, sizeof line, wanted, 7 + i);
        kind_run_step(&texts[i % 2], 0, fields);
        expect(&texts[i % 2], line);
    }
    kind_run_stop(&texts[1]);
    kind_run_step(&texts[0], 0, fields);
    kind_run_stop(&texts[0]);
    topology_free(topology);
}

/* A plan that is begun and cannot be finished is freed, wherever the error is. */
static void a_plan_with_errors_is_freed(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        {"type: Hit\n", "type: Hot\n"},          {"key: string", "cay: string"},
        {"'%Y-%m-%d'", "'%Y-%m-%d %'"},          {"\\S+)$'", "\\S+$'"},
        {"count: string", "count: strong"},      {"value: '1.50'", "value: '1.505'"},
        {"sum: '10.00'", "sum: 'ten'"},          {"per: day", "per: dawn"},
        {"[few, once]", "[few, texts]"},         {"per: hour", "per: ever"},
        {"matches: '^a'", "matches: '^a)'"},     {"from: pass", "from: past"},
        {"price: money(CHF) }", "price: int }"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const char *at = strstr(text, changes[i][0]);
        assert_non_null(at);
        struct buf changed = {0};
        buf_add(&changed, text, (size_t)(at - text));
        buf_add_format(&changed, "%s%s", changes[i][1], at + strlen(changes[i][0]));
        struct diagnostics d;
        diagnostics_init(&d, "t.yaml", buf_text(&changed), changed.len);
        struct topology *topology = NULL;
        int rc = topology_load("t.yaml", buf_text(&changed), changed.len, bulkhead_kinds,
                               TOPOLOGY_PROCESSES, &d, &topology);
        if (rc != ERR_INVALID)
            fail_msg("row %zu: %d", i, rc);
        topology_free(topology);
        diagnostics_done(&d);
        buf_done(&changed);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_share_a_plan),
        cmocka_unit_test(workers_leave_it_alone),
        cmocka_unit_test(a_plan_with_errors_is_freed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
