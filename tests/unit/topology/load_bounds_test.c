/* SPDX-License-Identifier: MIT */
/*
 * The bounds of a topology, from the manual: as much as there can be is taken, and one more is one
 * error. The topologies are made here: as files they would be long and say little.
 */
#include <string.h>

#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

#define HEAD                                                                                       \
    "topology: t\n"                                                                                \
    "types: { T: { n: int, s: string } }\n"                                                        \
    "stages:\n"                                                                                    \
    "  in: { kind: file.source, path: in }\n"                                                      \
    "  parse: { kind: json.decode, from: in, type: T }\n"

/* Loads it; errors: all of them, a line each, without their places. */
static void assert_errors(struct buf *text, const char *errors)
{
    struct diagnostics d;
    struct topology *t = NULL;
    struct buf said = {0};
    diagnostics_init(&d, "t.yaml", buf_text(text), text->len);
    int rc = topology_load("t.yaml", buf_text(text), text->len, bulkhead_kinds, TOPOLOGY_PROCESSES,
                           &d, &t);
    for (size_t i = 0; i < d.kept; i++)
        buf_add_format(&said, "%s\n", d.items[i].message);
    assert_string_equal(buf_text(&said), errors);
    assert_int_equal(rc == 0, *errors == '\0');
    if (rc == 0)
        topology_free(t);
    buf_done(&said);
    diagnostics_done(&d);
    buf_done(text);
}

/* in and parse, then filters one behind the other, then out. */
static void add_chain(struct buf *text, size_t stages)
{
    buf_add_text(text, HEAD);
    buf_add_text(text, "  format: { kind: json.encode, from: ");
    buf_add_format(text, stages > 4 ? "f%zu }\n" : "parse }\n", stages - 4);
    buf_add_text(text, "  out: { kind: file.sink, from: format, path: out }\n");
    for (size_t i = 1; i + 4 <= stages; i++) {
        buf_add_format(text, "  f%zu: { kind: filter, where: { n: { above: 1 } }, from: ", i);
        buf_add_format(text, i > 1 ? "f%zu }\n" : "parse }\n", i - 1);
    }
}

static void a_topology_has_63_stages(void **state)
{
    (void)state;
    struct buf text = {0};
    add_chain(&text, 63);
    assert_errors(&text, "");
    add_chain(&text, 64);
    assert_errors(&text, "too many stages; a topology can have at most 63\n");
}

/* A merge of so many filters. */
static void add_merge(struct buf *text, size_t inputs)
{
    buf_add_text(text, HEAD);
    for (size_t i = 0; i < inputs; i++)
        buf_add_format(text, "  f%zu: { kind: filter, from: parse, where: { n: { above: 1 } } }\n",
                       i);
    buf_add_text(text, "  all: { kind: merge, from: [");
    for (size_t i = 0; i < inputs; i++)
        buf_add_format(text, "%sf%zu", i != 0 ? ", " : "", i);
    buf_add_text(text, "] }\n"
                       "  format: { kind: json.encode, from: all }\n"
                       "  out: { kind: file.sink, from: format, path: out }\n");
}

static void a_stage_has_32_inputs(void **state)
{
    (void)state;
    struct buf text = {0};
    add_merge(&text, 32);
    assert_errors(&text, "");
    add_merge(&text, 33);
    assert_errors(&text, "too many inputs; a stage can have at most 32\n");
}

/* A route of so many outputs, `rest` among them, which are merged again, 16 at a time. */
static void add_route(struct buf *text, size_t outputs)
{
    buf_add_text(text, HEAD "  way: { kind: route, from: parse, otherwise: rest, outputs: {");
    for (size_t i = 1; i < outputs; i++)
        buf_add_format(text, " o%zu: { n: { equals: %zu } },", i, i);
    buf_add_text(text, " } }\n");
    size_t merges = 0;
    for (size_t i = 0; i < outputs; merges++) {
        buf_add_format(text, "  m%zu: { kind: merge, from: [", merges);
        buf_add_text(text, i == 0 ? "way.rest" : "");
        for (size_t k = 0; k < 16 && i < outputs; k++, i++) {
            if (i != 0)
                buf_add_format(text, "%sway.o%zu", k != 0 ? ", " : "", i);
        }
        buf_add_text(text, "] }\n");
    }
    buf_add_text(text, "  all: { kind: merge, from: [");
    for (size_t i = 0; i < merges; i++)
        buf_add_format(text, "%sm%zu", i != 0 ? ", " : "", i);
    buf_add_text(text, "] }\n"
                       "  format: { kind: json.encode, from: all }\n"
                       "  out: { kind: file.sink, from: format, path: out }\n");
}

static void a_stage_has_32_outputs(void **state)
{
    (void)state;
    struct buf text = {0};
    add_route(&text, 32);
    assert_errors(&text, "");
    add_route(&text, 33);
    assert_errors(&text, "too many outputs; a stage can have at most 32\n");
    add_route(&text, 34);
    assert_errors(&text, "too many outputs; a stage can have at most 32\ntoo many outputs; a stage "
                         "can have at most 32\n");
}

static void add_fields(struct buf *text, size_t fields, size_t more)
{
    buf_add_text(text, "topology: t\ntypes:\n  T:\n");
    for (size_t i = 0; i < fields; i++)
        buf_add_format(text, "    f%zu: int\n", i);
    buf_add_text(text, "stages:\n"
                       "  in: { kind: file.source, path: in }\n"
                       "  parse: { kind: json.decode, from: in, type: T }\n"
                       "  more:\n"
                       "    kind: map\n"
                       "    from: parse\n"
                       "    set:\n");
    for (size_t i = 0; i < more; i++)
        buf_add_format(text, "      g%zu: { type: int, value: 1 }\n", i);
    buf_add_text(text, "  format: { kind: json.encode, from: more }\n"
                       "  out: { kind: file.sink, from: format, path: out }\n");
}

static void a_record_has_64_fields(void **state)
{
    (void)state;
    struct buf text = {0};
    add_fields(&text, 60, 4);
    assert_errors(&text, "");
    add_fields(&text, 60, 5);
    assert_errors(&text, "stage 'more' would make more than 64 fields\n");
    add_fields(&text, 66, 1);
    assert_errors(&text, "'f64' is one field too many; a type can have at most 64\n"
                         "'f65' is one field too many; a type can have at most 64\n");
}

/* So many filters of 16 workers, one of fewer, the others alone, and the sink of dead letters. */
static void add_workers(struct buf *text, size_t of_16, size_t last)
{
    buf_add_text(text, HEAD);
    for (size_t i = 0; i <= of_16; i++) {
        buf_add_format(text, "  f%zu: { kind: filter, where: { n: { above: 1 } }, workers: %zu, ",
                       i, i < of_16 ? 16 : last);
        buf_add_format(text, i != 0 ? "from: f%zu }\n" : "from: parse }\n", i - 1);
    }
    buf_add_format(text,
                   "  format: { kind: json.encode, from: f%zu }\n"
                   "  out: { kind: file.sink, from: format, path: out }\n",
                   of_16);
}

static void a_topology_has_256_processes(void **state)
{
    (void)state;
    struct buf text = {0};
    add_workers(&text, 15, 11); /* 240 + 11 + 5 */
    assert_errors(&text, "");
    add_workers(&text, 15, 12);
    assert_errors(&text, "this topology would need 257 processes; at most 256 are allowed\n");
    add_workers(&text, 1, 17);
    assert_errors(&text, "'workers: 17' is out of range; it can be 1 to 16\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topology_has_63_stages),     cmocka_unit_test(a_stage_has_32_inputs),
        cmocka_unit_test(a_stage_has_32_outputs),       cmocka_unit_test(a_record_has_64_fields),
        cmocka_unit_test(a_topology_has_256_processes),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
