/* SPDX-License-Identifier: MIT */
/*
 * A graph grows from streams: outputs that nobody reads yet, each with what its records are. A
 * random step takes one or some of them and makes others; it is taken only if the stages that are
 * left are enough to end every stream in a file.
 */
#include "tests/graphs/random_graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STREAMS_MAX 16u

/* What the records of a stream have besides what they began with. */
enum {
    HAS_ACCEPTED = 1, /* of limits */
    HAS_ORIGIN = 2,   /* of a merge */
    HAS_TAG = 4,      /* of a map */
    NO_LOAD = 8,      /* they are no loads any more */
    IS_COUNT = 16,    /* but counts of a window */
    IS_DEAD = 32,     /* or dead letters */
};

struct stream {
    char from[32];
    unsigned fields;
};

struct grower {
    uint64_t state;
    struct random_graph *graph;
    unsigned workers_max;
    unsigned stages;
    struct stream streams[STREAMS_MAX];
    size_t stream_count;
    bool parse_dead_taken;
};

/* splitmix64, as everywhere in the tests */
static uint64_t bits(struct grower *g)
{
    uint64_t z = g->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static unsigned below(struct grower *g, unsigned n)
{
    return (unsigned)(bits(g) % n);
}

static bool one_in(struct grower *g, unsigned n)
{
    return below(g, n) == 0;
}

static void add(struct grower *g, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct grower *g, const char *format, ...)
{
    struct random_graph *graph = g->graph;
    va_list args;
    va_start(args, format);
    int len = vsnprintf(graph->text + graph->len, sizeof graph->text - graph->len, format, args);
    va_end(args);
    graph->len += (size_t)len;
    if (graph->len >= sizeof graph->text)
        __builtin_trap(); /* the bound is too small: a fault of this file */
}

/* Begins a stage; its name is "s" and its number. */
static void begin(struct grower *g, const char *kind, const char *from)
{
    add(g, "  s%u: { kind: %s, from: %s", g->stages++, kind, from);
}

/* Ends it, with or without workers. */
static void end(struct grower *g, bool takes_workers)
{
    if (takes_workers && g->workers_max > 1 && one_in(g, 2))
        add(g, ", workers: %u", 2 + below(g, g->workers_max - 1));
    add(g, " }\n");
}

static struct stream *new_stream(struct grower *g, const char *suffix, unsigned fields)
{
    struct stream *s = &g->streams[g->stream_count++];
    (void)snprintf(s->from, sizeof s->from, "s%u%s", g->stages - 1, suffix);
    s->fields = fields;
    return s;
}

static struct stream take_stream(struct grower *g, size_t index)
{
    struct stream taken = g->streams[index];
    g->streams[index] = g->streams[--g->stream_count];
    return taken;
}

static const char *some_key(struct grower *g, unsigned fields)
{
    static const char *const load_keys[] = {"[customer_id, id]", "customer_id", "id",
                                            "[id, customer_id]"};
    if ((fields & IS_DEAD) != 0)
        return "reason";
    if ((fields & IS_COUNT) != 0)
        return one_in(g, 2) ? "customer_id" : "[window, customer_id]";
    return load_keys[below(g, 4)];
}

/* --- steps: each takes streams and leaves others --- */

static void grow_dedupe(struct grower *g, size_t index)
{
    struct stream s = take_stream(g, index);
    begin(g, "dedupe", s.from);
    bool by_customer = (s.fields & NO_LOAD) == 0 && one_in(g, 4);
    add(g, ", key: %s", by_customer ? "[customer_id, id]" : some_key(g, s.fields));
    if (by_customer)
        add(g, ", by: %s", one_in(g, 2) ? "customer_id" : "id");
    if ((s.fields & NO_LOAD) == 0 && one_in(g, 3))
        add(g, ", keep: %ud, at: time", 1 + below(g, 20));
    end(g, true);
    (void)new_stream(g, "", s.fields);
}

static void grow_limits(struct grower *g, size_t index)
{
    struct stream s = take_stream(g, index);
    begin(g, "limits", s.from);
    add(g, ", key: %s, amount: load_amount, at: time, lateness: %ud, attempts: %s",
        one_in(g, 3) ? "[customer_id, id]" : "customer_id", below(g, 20),
        one_in(g, 3) ? "all" : "accepted");
    add(g, ", rules: { a: { per: day, count: %u }, b: { per: week, sum: %u.00 } }", 1 + below(g, 3),
        5000 + below(g, 15000));
    end(g, true);
    (void)new_stream(g, "", s.fields | HAS_ACCEPTED);
    if (one_in(g, 4))
        (void)new_stream(g, ".dead", NO_LOAD | IS_DEAD);
}

/* Conditions on a field that all streams of a sort have; some hold for nothing. */
static void add_condition(struct grower *g, unsigned fields)
{
    const char *name = (fields & IS_DEAD) != 0 ? "reason" : "customer_id";
    switch (below(g, 5)) {
    case 0:
        add(g, "{ %s: { equals: nobody } }", name);
        break;
    case 1:
        add(g, "{ %s: { one_of: [\"1\", \"3\", \"4\", not-json] } }", name);
        break;
    case 2:
        add(g, "{ %s: { matches: \"[02468]$|-\" } }", name);
        break;
    default:
        if ((fields & NO_LOAD) == 0)
            add(g, "{ id: { matches: \"^[%u-9]\" } }", below(g, 9));
        else if ((fields & IS_COUNT) != 0)
            add(g, "{ count: { range: [%u, 9] } }", 1 + below(g, 3));
        else
            add(g, "{ seq: { range: [10, %u] } }", 50 + below(g, 500));
    }
}

static void grow_filter(struct grower *g, size_t index)
{
    struct stream s = take_stream(g, index);
    begin(g, "filter", s.from);
    add(g, ", %s: ", one_in(g, 3) ? "unless" : "where");
    add_condition(g, s.fields);
    end(g, true);
    (void)new_stream(g, "", s.fields);
}

static void grow_route(struct grower *g, size_t index)
{
    static const char *const suffixes[] = {".a", ".b", ".c"};
    struct stream s = take_stream(g, index);
    unsigned outputs = 1 + below(g, 2);
    begin(g, "route", s.from);
    add(g, ", outputs: {");
    for (unsigned i = 0; i < outputs; i++) {
        add(g, "%s %s: ", i != 0 ? "," : "", suffixes[i] + 1);
        add_condition(g, s.fields);
    }
    add(g, " }, otherwise: %s", suffixes[outputs] + 1);
    end(g, true);
    for (unsigned i = 0; i <= outputs; i++)
        (void)new_stream(g, suffixes[i], s.fields);
}

static void grow_map(struct grower *g, size_t index)
{
    struct stream s = take_stream(g, index);
    begin(g, "map", s.from);
    add(g, ", set: { tag: { type: string, value: t%u } }", below(g, 9));
    end(g, true);
    (void)new_stream(g, "", s.fields | HAS_TAG);
}

static void grow_window(struct grower *g, size_t index)
{
    static const char *const periods[] = {"hour", "day", "week", "month"};
    struct stream s = take_stream(g, index);
    begin(g, "window.count", s.from);
    add(g, ", key: customer_id, at: time, per: %s, lateness: %ud", periods[below(g, 4)],
        below(g, 10));
    end(g, true);
    (void)new_stream(g, "", NO_LOAD | IS_COUNT);
    if (one_in(g, 4))
        (void)new_stream(g, ".dead", NO_LOAD | IS_DEAD);
}

/* The streams that have the same fields as one; fills ret_indexes, of which the first is itself. */
static size_t find_alike(const struct grower *g, size_t index, size_t ret_indexes[STREAMS_MAX])
{
    size_t count = 0;
    ret_indexes[count++] = index;
    for (size_t i = 0; i < g->stream_count; i++) {
        if (i != index && g->streams[i].fields == g->streams[index].fields &&
            strcmp(g->streams[i].from, g->streams[index].from) != 0)
            ret_indexes[count++] = i;
    }
    return count;
}

/* Takes all of some streams, and lists them: "[s2, s4.a]". */
static void list_streams(struct grower *g, size_t *indexes, size_t count, char ret_list[512])
{
    struct stream kept[STREAMS_MAX];
    size_t kept_count = 0, len = 0;
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(ret_list + len, 512 - len, "%s%s", i == 0 ? "[" : ", ",
                                g->streams[indexes[i]].from);
    (void)snprintf(ret_list + len, 512 - len, "]");
    for (size_t i = 0; i < g->stream_count; i++) {
        bool taken = false;
        for (size_t k = 0; k < count; k++)
            taken = taken || indexes[k] == i;
        if (!taken)
            kept[kept_count++] = g->streams[i];
    }
    memcpy(g->streams, kept, sizeof g->streams);
    g->stream_count = kept_count;
}

static bool listed_twice(const struct grower *g, const size_t *indexes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(g->streams[indexes[i]].from, g->streams[indexes[k]].from) == 0)
                return true;
        }
    }
    return false;
}

static void grow_merge(struct grower *g, size_t index)
{
    size_t alike[STREAMS_MAX];
    size_t count = find_alike(g, index, alike);
    if (count > 3)
        count = 2 + below(g, 2);
    if (count < 2 || listed_twice(g, alike, count))
        return;
    unsigned fields = g->streams[index].fields;
    char list[512];
    list_streams(g, alike, count, list);
    begin(g, "merge", list);
    bool with_origin = (fields & HAS_ORIGIN) == 0 && one_in(g, 2);
    if (with_origin)
        add(g, ", origin: origin");
    end(g, true);
    (void)new_stream(g, "", with_origin ? fields | HAS_ORIGIN : fields);
}

/* --- ends --- */

/* How many sorts of streams there are: so many encoders and sinks end them at least. */
static unsigned sorts(const struct grower *g)
{
    unsigned count = 0;
    for (size_t i = 0; i < g->stream_count; i++) {
        bool first = true;
        for (size_t k = 0; k < i; k++)
            first = first && g->streams[k].fields != g->streams[i].fields;
        count += first ? 1 : 0;
    }
    return count;
}

static void end_streams(struct grower *g)
{
    while (g->stream_count != 0) {
        size_t indexes[STREAMS_MAX];
        char list[512];
        unsigned left = RANDOM_GRAPH_STAGES_MAX - g->stages;
        size_t count = find_alike(g, 0, indexes);
        bool spare = left >= 2 * (sorts(g) + 1);
        if (spare && one_in(g, 2))
            count = 1;
        if (listed_twice(g, indexes, count)) /* one output that two branches left unread */
            count = 1;
        list_streams(g, indexes, count, list);
        if (spare && one_in(g, 8)) {
            begin(g, "discard", list);
            end(g, false);
            continue;
        }
        begin(g, "json.encode", list);
        end(g, true);
        char from[16];
        (void)snprintf(from, sizeof from, "s%u", g->stages - 1);
        begin(g, "file.sink", from);
        add(g, ", path: out%zu", g->graph->outputs++);
        end(g, false);
    }
}

/* Whether every stream can still be ended when a step has made so many more stages and sorts. */
static bool affords(const struct grower *g, unsigned more_sorts)
{
    return g->stages + 1 + 2 * (sorts(g) + more_sorts) <= RANDOM_GRAPH_STAGES_MAX &&
           g->stream_count + 3 <= STREAMS_MAX;
}

static void grow(struct grower *g)
{
    size_t index = below(g, (unsigned)g->stream_count);
    unsigned fields = g->streams[index].fields;
    bool is_load = (fields & NO_LOAD) == 0;
    switch (below(g, 9)) {
    case 0:
        grow_dedupe(g, index);
        break;
    case 1:
        if (is_load && (fields & HAS_ACCEPTED) == 0 && affords(g, 2))
            grow_limits(g, index);
        break;
    case 2:
        grow_filter(g, index);
        break;
    case 3:
        grow_route(g, index);
        break;
    case 4:
        if ((fields & HAS_TAG) == 0 && affords(g, 1))
            grow_map(g, index);
        break;
    case 5:
        if (is_load && affords(g, 2))
            grow_window(g, index);
        break;
    case 6: /* two readers of one output */
        g->streams[g->stream_count++] = g->streams[index];
        break;
    default:
        if (affords(g, 1))
            grow_merge(g, index);
        break;
    }
}

void random_graph_make(uint64_t seed, bool durable, unsigned workers_max,
                       struct random_graph *ret_graph)
{
    *ret_graph = (struct random_graph){.len = 0};
    struct grower g = {.state = seed, .graph = ret_graph, .workers_max = workers_max};
    add(&g,
        "topology: t\nversion: 1\ndurability: %s\n"
        "types:\n  Load: { id: string, customer_id: string, load_amount: money(USD), time: "
        "timestamp }\nstages:\n",
        durable ? "host" : "process");
    add(&g, "  s%u: { kind: file.source, path: in, max_line_bytes: 128 }\n", g.stages++);
    begin(&g, "json.decode", "s0");
    add(&g, ", type: Load");
    end(&g, true);
    (void)new_stream(&g, "", 0);
    if (one_in(&g, 3))
        (void)new_stream(&g, ".dead", NO_LOAD | IS_DEAD);
    unsigned steps = 1 + below(&g, 10);
    while (steps-- > 0 && affords(&g, 0))
        grow(&g);
    end_streams(&g);
}
