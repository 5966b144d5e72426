/* SPDX-License-Identifier: MIT */
/*
 * What a stage is given: packed by the supervisor, read by the stage. A topology with most kinds,
 * workers, a merge, named outputs and dead letters that are read; every stage of it must come back
 * as it was, which is asked by packing it once more.
 */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/packed.h"
#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/load.h"
#include "topology/node.h"
#include "topology/stage_topology.h"

static const char text[] =
    "topology: given\n"
    "version: 7\n"
    "durability: process\n"
    "types:\n"
    "  Load: { id: 'string(1..20)', customer: string, amount: money(USD), time: timestamp,\n"
    "          kind: 'optional(enum(a, b))', tags: list(string) }\n"
    "  Other: { line: string }\n"
    "stages:\n"
    "  in: { kind: file.source, path: '${GIVEN_INPUT}', follow: false }\n"
    "  parse: { kind: json.decode, from: in, type: Load, workers: 3 }\n"
    "  once: { kind: dedupe, from: parse, key: [customer, id], workers: 2, by: [customer] }\n"
    "  sort: { kind: route, from: once, outputs: { big: { amount: { above: '100.00' } } },\n"
    "          otherwise: small }\n"
    "  all: { kind: merge, from: [sort.big, sort.small] }\n"
    "  some: { kind: filter, from: all, where: { customer: { matches: '${GIVEN_NONE:-}' } } }\n"
    "  limits:\n"
    "    kind: limits\n"
    "    from: some\n"
    "    key: customer\n"
    "    amount: amount\n"
    "    at: time\n"
    "    calendar: { zone: UTC, week_starts: monday }\n"
    "    rules: { a-day: { per: day, sum: '${GIVEN_SUM:-5000.00}', count: 3 } }\n"
    "    memory_max: 64MiB\n"
    "  per-hour: { kind: window.count, from: limits, key: [customer], at: time, per: hour,\n"
    "              lateness: 1m }\n"
    "  write: { kind: json.encode, from: per-hour, fields: [customer, count] }\n"
    "  out: { kind: file.sink, from: write, path: \"$$out ${GIVEN_SECRET}\" }\n"
    "  bad: { kind: json.encode, from: parse.dead, fields: [reason, message] }\n"
    "  bad-out: { kind: stdout.sink, from: bad }\n";

static struct topology *load_text(const char *yaml, const struct settings *settings)
{
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", yaml, strlen(yaml));
    d.settings = settings;
    struct topology *topology = NULL;
    int rc = topology_load("t.yaml", yaml, strlen(yaml), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                           &topology);
    struct buf out = {0};
    diagnostics_print(&d, &out);
    if (rc != 0)
        fail_msg("%s", buf_text(&out));
    buf_done(&out);
    diagnostics_done(&d);
    return topology;
}

static struct topology *load(void)
{
    (void)setenv("GIVEN_INPUT", "first.jsonl", 1);
    (void)setenv("GIVEN_SECRET", "hunter2", 1);
    (void)unsetenv("GIVEN_SUM");
    struct settings settings = {0};
    struct err e;
    assert_int_equal(settings_add(&settings, "bad-out.numbered=true", &e), 0);
    struct topology *topology = load_text(text, &settings);
    /* From here on nobody may look. */
    (void)setenv("GIVEN_INPUT", "second.jsonl", 1);
    (void)unsetenv("GIVEN_SECRET");
    (void)setenv("GIVEN_SUM", "1.00", 1);
    return topology;
}

static void pack(const struct topology *topology, const struct stage *stage, struct buf *out)
{
    struct err e;
    assert_int_equal(stage_topology_pack(topology, stage, "t.yaml", out, &e), 0);
}

static void expect_back(const struct topology *topology)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i], *read_stage = NULL;
        struct buf given = {0}, again = {0};
        struct topology *read = NULL;
        struct err e = {0};
        pack(topology, stage, &given);
        if (stage_topology_read(given.data, given.len, bulkhead_kinds, &read, &read_stage, &e) != 0)
            fail_msg("%s: %s", stage->name, e.text);
        assert_string_equal(read_stage->name, stage->name);
        assert_ptr_equal(read_stage->kind, stage->kind);
        assert_ptr_equal(read_stage->ops, stage->ops);
        assert_true((read_stage->plan != NULL) == (stage->plan != NULL));
        pack(read, read_stage, &again);
        assert_int_equal(again.len, given.len);
        assert_memory_equal(again.data, given.data, given.len);
        topology_free(read);
        buf_done(&given);
        buf_done(&again);
    }
}

static void every_stage_comes_back(void **state)
{
    (void)state;
    struct topology *topology = load();
    expect_back(topology);
    topology_free(topology);
}

/* What a topology writes without spaces is longer in the one form that every type has. */
static void the_longest_type_comes_back(void **state)
{
    (void)state;
    struct buf yaml = {0};
    buf_add_text(&yaml, "topology: long\nversion: 1\ntypes:\n  Long: { name: 'list(enum(");
    size_t begin = yaml.len - strlen("list(enum(");
    for (unsigned i = 0; i < ENUM_NAMES_MAX; i++)
        buf_add_format(&yaml, "%sn%0*u", i != 0 ? "," : "", i < 244 ? 14 : 13, i);
    buf_add_text(&yaml, "))");
    assert_int_equal(yaml.len - begin, TYPE_TEXT_BYTES_MAX - 1);
    buf_add_text(&yaml, "' }\nstages:\n  in: { kind: file.source, path: in }\n"
                        "  read: { kind: json.decode, from: in, type: Long }\n"
                        "  write: { kind: json.encode, from: read }\n"
                        "  out: { kind: file.sink, from: write, path: out }\n");
    struct topology *topology = load_text(buf_text(&yaml), NULL);
    expect_back(topology);
    topology_free(topology);
    buf_done(&yaml);
}

#define A "aaaaaaaa00000000000000000000000000000000000000000000000000000000"
#define B "bbbbbbbb00000000000000000000000000000000000000000000000000000000"

static void the_timeline_comes_along(void **state)
{
    (void)state;
    struct topology *topology = load();
    timeline_add(&topology->timeline, 1, A, 0);
    timeline_add(&topology->timeline, 41, B, INT32_MAX);
    timeline_add(&topology->timeline, SEQ_MAX, A, 7);
    expect_back(topology);
    struct buf given = {0};
    struct topology *read = NULL;
    const struct stage *stage = NULL;
    struct err e;
    pack(topology, &topology->stages[0], &given);
    assert_int_equal(stage_topology_read(given.data, given.len, bulkhead_kinds, &read, &stage, &e),
                     0);
    assert_int_equal(read->timeline.count, 3);
    assert_string_equal(timeline_at(&read->timeline, 40), A);
    assert_string_equal(timeline_at(&read->timeline, 41), B);
    assert_int_equal(read->timeline.entries[1].number, INT32_MAX);
    assert_int_equal(read->timeline.entries[2].first, SEQ_MAX);
    topology_free(read);
    buf_done(&given);
    topology_free(topology);
}

static bool holds(const struct buf *bytes, const char *word)
{
    return memmem(bytes->data, bytes->len, word, strlen(word)) != NULL;
}

static void it_is_resolved_and_its_own(void **state)
{
    (void)state;
    struct topology *topology = load();
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        struct buf given = {0};
        pack(topology, stage, &given);
        assert_false(holds(&given, "${") || holds(&given, "second.jsonl"));
        assert_true(holds(&given, "first.jsonl") == (strcmp(stage->base, "in") == 0));
        assert_true(holds(&given, "$out hunter2") == (strcmp(stage->base, "out") == 0));
        assert_true(holds(&given, "5000.00") == (strcmp(stage->base, "limits") == 0));
        buf_done(&given);
    }
    topology_free(topology);
}

static const struct stage *find(const struct topology *topology, const char *name)
{
    const struct stage *stage = topology_find_stage(topology, name);
    assert_non_null(stage);
    return stage;
}

static int read_with(const struct buf *given, kind_registry kinds, struct err *e)
{
    struct topology *read = NULL;
    const struct stage *stage = NULL;
    int rc = stage_topology_read(given->data, given->len, kinds, &read, &stage, e);
    if (rc == 0)
        topology_free(read);
    return rc;
}

static void replace(struct buf *bytes, const char *old, const char *new)
{
    char *at = memmem(bytes->data, bytes->len, old, strlen(old));
    assert_non_null(at);
    assert_int_equal(strlen(old), strlen(new));
    memcpy(at, new, strlen(new));
}

static void a_program_of_another_version_refuses(void **state)
{
    (void)state;
    static const struct kind_entry without_ops[] = {{.kind = &dedupe_kind}, {0}};
    static const struct kind_entry others[] = {KIND_ENTRY(json_encode){0}};
    static const struct kind_entry own[] = {KIND_ENTRY(dedupe){0}};
    struct topology *topology = load();
    struct buf given = {0}, parse = {0}, limits = {0};
    pack(topology, find(topology, "once.1"), &given);
    pack(topology, find(topology, "parse.1"), &parse);
    pack(topology, find(topology, "limits"), &limits);
    struct err e;
    /* Of the kinds of its peers it need not know. */
    assert_int_equal(read_with(&given, own, &e), 0);
    assert_int_equal(read_with(&given, without_ops, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "once.1"));
    assert_int_equal(read_with(&given, others, &e), ERR_MISMATCH);
    /* A rule that the kind of this program does not know. */
    replace(&limits, "count", "cuunt");
    assert_int_equal(read_with(&limits, bulkhead_kinds, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "refuses options"));
    assert_non_null(strstr(e.text, "cuunt"));
    /* It would not show its records as packed ones. */
    replace(&parse, "\xacreads_packed\xc2", "\xacreads_packed\xc3");
    assert_int_equal(read_with(&parse, bulkhead_kinds, &e), ERR_MISMATCH);
    /* A field that it would not make: the second contract of that text is what it is said to make.
     */
    struct buf other = {0};
    struct topology *twin = load();
    struct stage *twin_parse = (struct stage *)(uintptr_t)find(twin, "parse.1");
    memcpy(twin_parse->out.fields[1].name, "costomer", sizeof "costomer");
    for (size_t i = 0; i < twin->edge_count; i++) {
        if (twin->edges[i].contract->count == twin_parse->out.count)
            twin->edges[i].fingerprint = contract_fingerprint(twin->edges[i].contract);
    }
    struct err mismatch = {0};
    pack(twin, twin_parse, &other);
    int rc = read_with(&other, bulkhead_kinds, &mismatch);
    assert_true(rc == ERR_MISMATCH || rc == ERR_PROTOCOL);
    topology_free(twin);
    topology_free(topology);
    buf_done(&given);
    buf_done(&parse);
    buf_done(&limits);
    buf_done(&other);
}

/* Seqs that do not ascend, and what is not a digest. */
static void a_timeline_that_is_none_is_refused(void **state)
{
    (void)state;
    static const struct {
        seq_number first[2];
        const char *version[2];
    } rows[] = {
        {{41, 41}, {A, B}},
        {{41, 40}, {A, B}},
        {{1, 41}, {A, "abc"}},
        {{1, 41}, {"", B}},
        {{1, 41},
         {A, "BBBBBBBB"
             "00000000000000000000000000000000000000000000000000000000"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct topology *topology = load();
        struct timeline_entry entries[2] = {{.first = rows[i].first[0]},
                                            {.first = rows[i].first[1]}};
        for (size_t k = 0; k < 2; k++)
            (void)snprintf(entries[k].version.text, sizeof entries[k].version.text, "%s",
                           rows[i].version[k]);
        topology->timeline = (struct timeline){.entries = entries, .count = 2};
        struct buf given = {0};
        struct err e;
        pack(topology, &topology->stages[0], &given);
        assert_int_equal(read_with(&given, bulkhead_kinds, &e), ERR_PROTOCOL);
        assert_non_null(strstr(e.text, "'timeline'"));
        topology->timeline = (struct timeline){0};
        topology_free(topology);
        buf_done(&given);
    }
}

/* As well-formed as can be, but for what a supervisor would never say. */
static void without_stages_it_is_refused(void **state)
{
    (void)state;
    struct topology *topology = load();
    size_t stage_count = topology->stage_count, edge_count = topology->edge_count;
    struct buf given = {0};
    struct err e = {0};
    topology->stage_count = topology->edge_count = 0;
    pack(topology, &topology->stages[0], &given);
    assert_int_equal(read_with(&given, bulkhead_kinds, &e), ERR_PROTOCOL);
    assert_non_null(strstr(e.text, "'stages'"));
    topology->stage_count = stage_count;
    topology->edge_count = edge_count;
    topology_free(topology);
    buf_done(&given);
}

/* Whatever comes: an answer, and nothing is read or freed that is not there. */
/* A list of as many texts as the map of options has is not options. */
static void options_that_are_a_list_are_refused(void **state)
{
    (void)state;
    static const char key[] = "\xa7options";
    struct topology *topology = load();
    unsigned seen = 0;
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct buf given = {0};
        struct err e;
        pack(topology, &topology->stages[i], &given);
        uint8_t *at = memmem(given.data, given.len, key, sizeof key - 1);
        uint8_t *head = at != NULL ? at + sizeof key - 1 : NULL;
        if (head != NULL && *head >= 0x81 && *head <= 0x87) {
            *head = (uint8_t)(0x90 + 2 * (*head - 0x80)); /* of msgpack: a map, and a list */
            assert_int_equal(read_with(&given, bulkhead_kinds, &e), ERR_PROTOCOL);
            assert_non_null(strstr(e.text, "its 'options' entry is not valid"));
            seen++;
        }
        buf_done(&given);
    }
    assert_true(seen > 0);
    topology_free(topology);
}

static void damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    struct topology *topology = load();
    timeline_add(&topology->timeline, 1, A, 7);
    timeline_add(&topology->timeline, 41, B, 0);
    for (size_t i = 0; i < topology->stage_count; i++) {
        struct buf given = {0}, damaged = {0};
        struct err e;
        pack(topology, &topology->stages[i], &given);
        for (size_t len = 0; len < given.len; len += 1 + given.len / 64) {
            damaged.len = 0;
            buf_add(&damaged, given.data, len);
            assert_int_not_equal(read_with(&damaged, bulkhead_kinds, &e), 0);
        }
        for (unsigned n = 0; n < 3000; n++) {
            damaged.len = 0;
            buf_add(&damaged, given.data, given.len);
            for (uint64_t k = 0; k <= random_below(3); k++)
                damaged.data[random_below(damaged.len)] = (uint8_t)random_below(256);
            (void)read_with(&damaged, bulkhead_kinds, &e);
        }
        buf_done(&given);
        buf_done(&damaged);
    }
    topology_free(topology);
}

int main(int argc, char **argv)
{
    random_init("stage_topology_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_comes_back),
        cmocka_unit_test(the_longest_type_comes_back),
        cmocka_unit_test(the_timeline_comes_along),
        cmocka_unit_test(it_is_resolved_and_its_own),
        cmocka_unit_test(a_program_of_another_version_refuses),
        cmocka_unit_test(a_timeline_that_is_none_is_refused),
        cmocka_unit_test(without_stages_it_is_refused),
        cmocka_unit_test(options_that_are_a_list_are_refused),
        cmocka_unit_test(damaged_bytes_do_no_harm),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
