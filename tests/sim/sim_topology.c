/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_topology.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/check.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/graphs/random_graph.h"
#include "tests/sim/sim_world.h"
#include "topology/diagnostics.h"
#include "topology/load.h"

#define HEAD                                                                                       \
    "topology: t\nversion: 1\n"                                                                    \
    "types:\n  Load: { id: string, customer_id: string, load_amount: money(USD), time: timestamp " \
    "}\nstages:\n  loads: { kind: file.source, path: in, max_line_bytes: 128 }\n"
#define PARSE "  parse: { kind: json.decode, from: loads, type: Load }\n"
#define PARSE_BY_3 "  parse: { kind: json.decode, from: loads, type: Load, workers: 3, by: line }\n"
#define LIMITS(from, more)                                                                         \
    "  limits:\n    kind: limits\n    from: " from                                                 \
    "\n    key: customer_id\n    amount: load_amount\n"                                            \
    "    at: time\n    calendar: { zone: UTC, week_starts: monday }\n    lateness: 14d\n"          \
    "    rules:\n      daily-amount: { per: day, sum: 5000.00 }\n"                                 \
    "      daily-count: { per: day, count: 3 }\n      weekly-amount: { per: week, sum: 20000.00 "  \
    "}\n" more
#define FORMAT(from, fields)                                                                       \
    "  format: { kind: json.encode, from: " from ", fields: [" fields "] }\n"
#define ANSWERS "  answers: { kind: file.sink, from: format, path: out }\n"
/* Dead letters that the topology reads itself. */
#define LETTERS(from)                                                                              \
    "  refused: { kind: json.encode, from: " from " }\n"                                           \
    "  letters: { kind: file.sink, from: refused, path: letters }\n"

static const char *const chains[] = {
    HEAD PARSE "  once: { kind: dedupe, from: parse, key: [customer_id, id] }\n" LIMITS("once", "")
        FORMAT("limits", "id, customer_id, accepted") ANSWERS,
    HEAD "  answers: { kind: file.sink, from: loads, path: out }\n",
    HEAD PARSE
    "  once: { kind: dedupe, from: parse, key: [customer_id], keep: 2d, at: time }\n" FORMAT(
        "once", "id, customer_id, time") ANSWERS,
    HEAD PARSE LIMITS("parse", "") FORMAT("limits", "id, load_amount, accepted") ANSWERS,
    HEAD PARSE FORMAT("parse", "id") ANSWERS,
};

static const char *const graphs[] = {
    /* A diamond: one branch drops what it has seen before, the other nothing. */
    HEAD PARSE
    "  once: { kind: dedupe, from: parse, key: [customer_id, id], keep: 3d, at: time }\n"
    "  both: { kind: merge, from: [once, parse], origin: way }\n" FORMAT("both", "id, time, way")
        ANSWERS,
    /* The same with workers on both branches and after them: each gets some records of a seq. */
    HEAD PARSE_BY_3
    "  once: { kind: dedupe, from: parse, key: [customer_id, id], keep: 3d, at: time, workers: 2 "
    "}\n"
    "  first: { kind: dedupe, from: parse, key: customer_id, workers: 3, keep: 1d, at: time }\n"
    "  both: { kind: merge, from: [parse, once, first], origin: way, workers: 2 }\n"
    "  again: { kind: dedupe, from: both, key: [id, way], by: way, workers: 3, keep: 2d, at: time "
    "}\n" FORMAT("again", "id, time, way") ANSWERS,
    /*
     * Records of one seq go to several workers of several stages in a row, and a sink merges them.
     */
    HEAD PARSE
    "  once: { kind: dedupe, from: parse, key: id, workers: 2 }\n"
    "  both: { kind: merge, from: [parse, once], origin: way }\n"
    "  good: { kind: json.encode, from: both, fields: [id, way], workers: 3, by: way }\n"
    "  more: { kind: json.encode, from: both, fields: [way, time], workers: 2, by: [time, way] }\n"
    "  longer: { kind: json.encode, from: [good, more], workers: 3, by: line }\n"
    "  answers: { kind: file.sink, from: longer, path: out }\n",
    /* Two keyed stages with workers in a row, with different keys, between stateless ones. */
    HEAD PARSE_BY_3
    "  once: { kind: dedupe, from: parse, key: [customer_id, id], by: id, workers: 2 }\n" LIMITS(
        "once", "    workers: 3\n") FORMAT("limits", "id, customer_id, accepted") ANSWERS,
    /* One worker upstream of several; several upstream of one, which has the state. */
    HEAD PARSE "  once: { kind: dedupe, from: parse, key: customer_id, keep: 2d, at: time, "
               "workers: 3 }\n" LIMITS("once", "") FORMAT("limits", "id, accepted") ANSWERS,
    /* A keyed stage with workers and two inputs, one of which never brings anything. */
    HEAD PARSE
    "  seen: { kind: dedupe, from: parse, key: id, workers: 2 }\n"
    "  short: { kind: json.encode, from: seen, fields: [id] }\n"
    "  none: { kind: json.decode, from: short, type: Load, workers: 2, by: line }\n" LIMITS(
        "[none, parse, seen]", "    workers: 2\n") FORMAT("limits", "id, accepted") ANSWERS,
    /* Dead letters with wires of their own; a copy of the input. */
    HEAD PARSE_BY_3 LIMITS("parse", "    workers: 2\n") FORMAT("limits", "id, accepted")
        ANSWERS LETTERS("[loads.dead, parse.dead, limits.dead]") "  copy: { kind: file.sink, from: "
                                                                 "loads, path: copy }\n",
    /* Windows, which emit from their state, at ticks and at the end of the input. */
    HEAD PARSE_BY_3
    "  counts: { kind: window.count, from: parse, key: customer_id, at: time, per: day, lateness: "
    "6h, workers: 3 }\n" FORMAT("counts", "customer_id, window, count") ANSWERS,
    HEAD PARSE
    "  once: { kind: dedupe, from: parse, key: [customer_id, id], workers: 2 }\n"
    "  counts: { kind: window.count, from: [once, parse], key: customer_id, at: time, per: week, "
    "lateness: 3d, workers: 2 }\n"
    "  format: { kind: json.encode, from: counts, workers: 2, by: customer_id }\n" ANSWERS,
    /* What a month has counted comes at one seq, eight times by a fan-in: more than an undo log
       has. */
    HEAD PARSE
    "  counts: { kind: window.count, from: parse, key: [customer_id, id], at: time, per: month, "
    "lateness: 60d }\n"
    "  way1: { kind: merge, from: counts }\n"
    "  two: { kind: merge, from: [counts, way1], origin: a }\n"
    "  way2: { kind: merge, from: two }\n"
    "  four: { kind: merge, from: [two, way2], origin: b }\n"
    "  way3: { kind: merge, from: four }\n"
    "  eight: { kind: merge, from: [four, way3], origin: c }\n"
    "  once: { kind: dedupe, from: eight, key: [customer_id, id, window, a, b, c], keep: 70d, at: "
    "window }\n" FORMAT("once", "customer_id, id, a, b, c, window, count") ANSWERS,
    /* A branch that drops everything, and is not waited for. */
    HEAD PARSE FORMAT("parse", "id, time") ANSWERS "  enough: { kind: discard, from: parse }\n",
    /* A sink that merges: what was good with what was not. */
    HEAD PARSE "  good: { kind: json.encode, from: parse, fields: [id], workers: 2, by: id }\n"
               "  bad: { kind: json.encode, from: [parse.dead, loads.dead], fields: [seq, reason], "
               "workers: 2, by: reason }\n"
               "  answers: { kind: file.sink, from: [bad, good], path: out }\n",
};
#define CHAINS (sizeof chains / sizeof chains[0])
#define GRAPHS (sizeof graphs / sizeof graphs[0])

static struct topology_forms topologies[CHAINS + GRAPHS][2][SOURCES]; /* text, durability */
static struct topology_forms random_forms; /* those of the present story */
static bool random_only;

/* Adds the text with other numbers of workers; the first variant keeps it as it is. */
static void add_variant(struct buf *out, const char *text, unsigned variant)
{
    static const char option[] = "workers: ";
    for (const char *at = text; *at != '\0'; at++) {
        buf_add_byte(out, (uint8_t)*at);
        if (at - text < (ptrdiff_t)sizeof option - 2 || variant == 0 ||
            strncmp(at - (sizeof option - 2), option, sizeof option - 1) != 0)
            continue;
        unsigned workers = (unsigned)(*++at - '0');
        buf_add_format(out, "%u", variant == 1 ? workers + 1 : workers == 2 ? 1 : 2);
    }
}

static struct topology *load(const char *durability, const char *stages, unsigned variant,
                             enum topology_form form)
{
    struct buf text = {0};
    buf_add_text(&text, durability);
    add_variant(&text, stages, variant);
    struct diagnostics d;
    struct topology *topology;
    diagnostics_init(&d, "t.yaml", buf_text(&text), text.len);
    if (topology_load("t.yaml", buf_text(&text), text.len, bulkhead_kinds, form, &d, &topology) !=
        0) {
        struct buf out = {0};
        diagnostics_print(&d, &out);
        fail("%s\n%s", buf_text(&text), buf_text(&out));
    }
    if (topology->stage_count > WORLD_STAGES_MAX || topology->edge_count > WORLD_EDGES_MAX)
        fail("%zu processes and %zu edges are too many", topology->stage_count,
             topology->edge_count);
    diagnostics_done(&d);
    buf_done(&text);
    return topology;
}

/* The same topology with another source. */
static void put_source(char *text, enum topology_source source)
{
    static const char file[] = "file.source, path: in, max_line_bytes: 128 ";
    static const char pipe[] = "stdin.source, max_line_bytes: 128          ";
    static const char follow[] = ", follow: true";
    if (source == SOURCE_FILE)
        return;
    char *at = strstr(text, file);
    INVARIANT(at != NULL && sizeof file == sizeof pipe);
    if (source == SOURCE_PIPE) {
        memcpy(at, pipe, sizeof pipe - 1);
        return;
    }
    at += sizeof file - 2;
    memmove(at + sizeof follow - 1, at, strlen(at) + 1);
    memcpy(at, follow, sizeof follow - 1);
}

static void load_forms(const char *durability, const char *text, enum topology_source source,
                       struct topology_forms *ret_forms)
{
    static char stages[RANDOM_GRAPH_BYTES_MAX + 64];
    INVARIANT(strlen(text) + 64 < sizeof stages);
    memcpy(stages, text, strlen(text) + 1);
    put_source(stages, source);
    for (unsigned variant = 0; variant < TOPOLOGY_VARIANTS; variant++)
        ret_forms->variants[variant] = load(durability, stages, variant, TOPOLOGY_PROCESSES);
    ret_forms->logical = load(durability, stages, 0, TOPOLOGY_LOGICAL);
}

void topologies_init(void)
{
    static const char *const durabilities[] = {"durability: host\n", "durability: process\n"};
    for (size_t i = 0; i < CHAINS + GRAPHS; i++) {
        const char *text = i < CHAINS ? chains[i] : graphs[i - CHAINS];
        for (size_t k = 0; k < 2; k++) {
            for (size_t source = 0; source < SOURCES; source++)
                load_forms(durabilities[k], text, (enum topology_source)source,
                           &topologies[i][k][source]);
        }
    }
}

static void free_forms(struct topology_forms *forms)
{
    for (unsigned variant = 0; variant < TOPOLOGY_VARIANTS; variant++)
        topology_free(forms->variants[variant]);
    topology_free(forms->logical);
    *forms = (struct topology_forms){0};
}

void topologies_done(void)
{
    free_forms(&random_forms);
    for (size_t i = 0; i < CHAINS + GRAPHS; i++) {
        for (size_t k = 0; k < 2; k++) {
            for (size_t source = 0; source < SOURCES; source++)
                free_forms(&topologies[i][k][source]);
        }
    }
}

/* Makes a random topology. */
static const struct topology_forms *pick_random(bool durable, enum topology_source source)
{
    static struct random_graph graph;
    random_graph_make(chance_bits(), durable, 3, &graph);
    TRACE("%s", graph.text);
    free_forms(&random_forms);
    load_forms("", graph.text, source, &random_forms);
    return &random_forms;
}

void topologies_random_only(void)
{
    random_only = true;
}

const struct topology_forms *topologies_pick(bool *ret_durable, enum topology_source *ret_source,
                                             bool must_be_durable)
{
    *ret_durable = must_be_durable || !chance_one_in(4);
    uint64_t source = chance_below(8);
    *ret_source = source < 2 ? SOURCE_PIPE : source == 2 ? SOURCE_FOLLOWED : SOURCE_FILE;
    if (random_only || chance_one_in(4)) {
        const struct topology_forms *forms = pick_random(*ret_durable, *ret_source);
        /* The end of a stream that a loss of power cut has a seq that no other input has. */
        if (*ret_source == SOURCE_FILE || !forms->logical->marks_end)
            return forms;
        *ret_source = SOURCE_FILE;
        return pick_random(*ret_durable, SOURCE_FILE);
    }
    size_t i = chance_one_in(3) ? chance_below(CHAINS) : CHAINS + chance_below(GRAPHS);
    const struct topology_forms *forms = topologies[i][*ret_durable ? 0 : 1];
    if (forms[*ret_source].logical->marks_end)
        *ret_source = SOURCE_FILE;
    return &forms[*ret_source];
}
