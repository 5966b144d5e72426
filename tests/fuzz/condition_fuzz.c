/* SPDX-License-Identifier: MIT */
/*
 * Takes a line for what stands behind `where:`, and those that follow for records. Where the topology
 * is good, a filter lets pass the records that the conditions say, by another reading of them, and is
 * in doubt only where a pattern is.
 */
#include "common/pattern.h"
#include "tests/fuzz/fuzz_kind.h"

static const char head[] = "topology: t\n"
                           "types:\n"
                           "  T:\n"
                           "    i: int\n"
                           "    s: string\n"
                           "    f: optional(bool)\n"
                           "    usd: optional(money(USD))\n"
                           "    at: optional(timestamp)\n"
                           "    day: optional(date)\n"
                           "    for: optional(duration)\n"
                           "    c: optional(decimal(9,3))\n"
                           "    e: optional(enum(open, closed, on))\n"
                           "    l: optional(list(int))\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: T }\n"
                           "  end: { kind: discard, from: keep }\n"
                           "  keep:\n"
                           "    kind: filter\n"
                           "    from: parse\n"
                           "    where: ";

static struct topology *load(const char *where)
{
    struct topology *topology = NULL;
    struct diagnostics d;
    struct buf text = {0}, errors = {0};
    buf_add_text(&text, head);
    buf_add_text(&text, where);
    buf_add_byte(&text, '\n');
    diagnostics_init(&d, "t.yaml", (const char *)text.data, text.len);
    int rc = topology_load("t.yaml", (const char *)text.data, text.len, bulkhead_kinds,
                           TOPOLOGY_LOGICAL, &d, &topology);
    ALWAYS((rc == 0) == (d.count == 0) && (rc == 0) == (topology != NULL));
    diagnostics_print(&d, &errors);
    diagnostics_done(&d);
    buf_done(&errors);
    buf_done(&text);
    return topology;
}

/* --- the other reading: 1 it holds, 0 it does not, -1 nobody knows --- */

static int matches(const struct test *test, const struct value *value)
{
    struct pattern *pattern = pattern_share(test->pattern);
    enum pattern_result result = pattern_match(pattern, value->bytes, value->len);
    pattern_free(pattern);
    return result == PATTERN_MATCH ? 1 : result == PATTERN_NO_MATCH ? 0 : -1;
}

static int test_holds(const struct test *test, const struct value *value)
{
    bool there = value->tag != VALUE_OPTIONAL, any = false;
    if (test->tag == TEST_EXISTS)
        return there == test->wanted;
    if (!there)
        return 0;
    if (test->tag == TEST_MATCHES)
        return matches(test, value);
    for (size_t i = 0; i < test->value_count; i++)
        any |= value_compare(value, &test->values[i].value) == 0;
    int first = value_compare(value, &test->values[0].value);
    switch (test->tag) {
    case TEST_EQUALS:
    case TEST_ONE_OF:
        return any;
    case TEST_RANGE:
        return first >= 0 && value_compare(value, &test->values[1].value) <= 0;
    case TEST_AT_LEAST:
        return first >= 0;
    case TEST_AT_MOST:
        return first <= 0;
    case TEST_ABOVE:
        return first > 0;
    case TEST_BELOW:
        return first < 0;
    default:
        abort();
    }
}

static int set_holds(const struct condition_set *set, const struct value *fields)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct condition *condition = &set->items[i];
        ALWAYS(condition->field >= 0);
        for (size_t k = 0; k < condition->test_count; k++) {
            int holds = test_holds(&condition->tests[k], &fields[condition->field]);
            if (holds != 1)
                return holds;
        }
    }
    return 1;
}

static int conditions_hold(const struct conditions *conditions, const struct value *fields)
{
    for (size_t i = 0; i < conditions->count; i++) {
        int holds = set_holds(&conditions->sets[i], fields);
        if (holds != 0)
            return holds;
    }
    return 0;
}

/* --- a record --- */

/* What the stage `parse` makes goes to the stage `keep`. */
struct flow {
    struct fuzz_kind parse, keep;
};

static void on_record(void *host, port_number port, const struct record *record)
{
    struct flow *flow = host;
    if (port == PORT_DEAD)
        return;
    const struct option_value *where = options_get(flow->keep.stage->options, "where");
    int holds = conditions_hold(where->conditions[0].conditions, record->fields);
    buf_reset(&flow->keep.seen);
    emitter_begin(&flow->keep.emitter, record);
    flow->keep.stage->ops->step(flow->keep.self, record, &flow->keep.emitter);
    struct buf wanted = {0};
    if (holds == 1) {
        buf_add_text(&wanted, "out ");
        fuzz_kind_print(&flow->keep.stage->out, record->fields, &wanted);
    }
    if (holds == -1)
        ALWAYS(flow->keep.seen.len > 5 && memcmp(flow->keep.seen.data, "dead ", 5) == 0);
    else
        ALWAYS(strcmp(buf_text(&flow->keep.seen), buf_text(&wanted)) == 0);
    buf_done(&wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    char *where = fuzz_line(&in);
    static bool is_good;
    if (!is_good) {
        struct topology *good = load("{ i: { equals: 1 } }");
        ALWAYS(good != NULL);
        topology_free(good);
        is_good = true;
    }
    struct topology *topology = load(where);
    free(where);
    if (topology == NULL)
        return 0;
    struct flow flow;
    fuzz_kind_open(&flow.parse, topology, "parse");
    fuzz_kind_open(&flow.keep, topology, "keep");
    flow.parse.emitter.emit = on_record;
    flow.parse.emitter.host = &flow;
    while (fuzz_left(&in) != 0) {
        size_t len = fuzz_line_len(&in);
        fuzz_kind_step(&flow.parse, in.at, len);
        fuzz_take_line(&in, len);
    }
    fuzz_kind_close(&flow.parse);
    fuzz_kind_close(&flow.keep);
    topology_free(topology);
    return 0;
}
