/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_input.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stages/stage.h"
#include "tests/sim/sim_base.h"
#include "topology/diagnostics.h"

#define INPUT_BYTES_MAX ((size_t)256 << 10)

#define HEAD                                                                                       \
    "topology: t\nversion: 1\n"                                                                    \
    "types:\n  Load: { id: string, customer_id: string, load_amount: money(USD), time: timestamp " \
    "}\nstages:\n  loads: { kind: file.source, path: in, max_line_bytes: 128 }\n"
#define PARSE "  parse: { kind: json.decode, from: loads, type: Load }\n"
#define LIMITS(from)                                                                               \
    "  limits:\n    kind: limits\n    from: " from                                                 \
    "\n    key: customer_id\n    amount: load_amount\n"                                            \
    "    at: time\n    calendar: { zone: UTC, week_starts: monday }\n    lateness: 14d\n"          \
    "    rules:\n      daily-amount: { per: day, sum: 5000.00 }\n"                                 \
    "      daily-count: { per: day, count: 3 }\n      weekly-amount: { per: week, sum: 20000.00 "  \
    "}\n"
#define ANSWERS "  answers: { kind: file.sink, from: format, path: out }\n"

static const char *const texts[] = {
    HEAD PARSE "  once: { kind: dedupe, from: parse, key: [customer_id, id] }\n" LIMITS(
        "once") "  format: { kind: json.encode, from: limits, fields: [id, customer_id, accepted] "
                "}\n" ANSWERS,
    HEAD "  answers: { kind: file.sink, from: loads, path: out }\n",
    HEAD PARSE
    "  once: { kind: dedupe, from: parse, key: [customer_id], keep: 2d, at: time }\n"
    "  format: { kind: json.encode, from: once, fields: [id, customer_id, time] }\n" ANSWERS,
    HEAD PARSE LIMITS("parse") "  format: { kind: json.encode, from: limits, fields: [id, "
                               "load_amount, accepted] }\n" ANSWERS,
    HEAD PARSE "  format: { kind: json.encode, from: parse, fields: [id] }\n" ANSWERS,
};
#define TEXTS (sizeof texts / sizeof texts[0])

static struct topology *topologies[TEXTS][2];

void input_init(void)
{
    static const char *const durabilities[] = {"durability: host\n", "durability: process\n"};
    for (size_t i = 0; i < TEXTS; i++) {
        for (size_t k = 0; k < 2; k++) {
            char text[4096];
            (void)snprintf(text, sizeof text, "%s%s", durabilities[k], texts[i]);
            struct diagnostics d;
            diagnostics_init(&d, "t.yaml", text, strlen(text));
            if (topology_load("t.yaml", text, strlen(text), stage_registry, TOPOLOGY_PROCESSES, &d,
                              &topologies[i][k]) != 0) {
                struct buf out = {0};
                diagnostics_print(&d, &out);
                fail("%s", buf_text(&out));
            }
            diagnostics_done(&d);
        }
    }
}

void input_done(void)
{
    for (size_t i = 0; i < TEXTS; i++) {
        topology_free(topologies[i][0]);
        topology_free(topologies[i][1]);
    }
}

const struct topology *input_topology(bool *ret_durable, bool must_be_durable)
{
    *ret_durable = must_be_durable || !chance_one_in(4);
    size_t i = chance_one_in(2) ? 0 : chance_below(TEXTS);
    return topologies[i][*ret_durable ? 0 : 1];
}

struct text {
    char *bytes;
    size_t len;
};

static void add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(t->bytes + t->len, INPUT_BYTES_MAX - t->len, format, args);
    va_end(args);
    t->len += (size_t)len;
}

/* A load; time moves on, now and then by days, and sometimes back. */
static void add_load(struct text *t, uint64_t *minutes)
{
    *minutes += chance_below(600);
    *minutes += chance_one_in(20) ? 5000 : 0;
    uint64_t at = chance_one_in(15) && *minutes > 30000 ? *minutes - chance_below(30000) : *minutes;
    uint64_t days = at / 1440;
    /* One by one: in which order C evaluates arguments is up to the compiler. */
    add(t, "{\"id\":\"%" PRIu64 "\"", chance_below(60));
    add(t, ",\"customer_id\":\"%" PRIu64 "\"", chance_below(6));
    uint64_t dollars = chance_one_in(4) ? 4990 + chance_below(20) : chance_below(3000);
    add(t, ",\"load_amount\":\"$%" PRIu64 ".%02" PRIu64 "\"", dollars, chance_below(100));
    add(t,
        ",\"time\":\"20%02" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64
        ":00Z\"}",
        days / 336 % 100, days / 28 % 12 + 1, days % 28 + 1, at / 60 % 24, at % 60);
}

/* What no stage can handle, or only just. Returns whether it is blank. */
static bool add_odd_line(struct text *t)
{
    switch (chance_below(8)) {
    case 0:
        return true;
    case 1:
        add(t, " \t ");
        return true;
    case 2:
        add(t, "{\"id\":\"1\",\"customer_id\":");
        break;
    case 3:
        add(t, "\xff\xfe not text");
        break;
    case 4:
        add(t, "{\"id\":1,\"customer_id\":\"2\",\"load_amount\":\"$1.00\",\"time\":\"x\"}");
        break;
    case 5:
        add(t, "%0*d", (int)(100 + chance_below(1500)), 7);
        break;
    case 6:
        add(t, "[1,2,3]");
        break;
    default:
        add(t, "{\"id\":\"a\",\"customer_id\":\"b\",\"load_amount\":\"$-5.00\",\"time\":"
               "\"2000-01-01T00:00:00Z\"}");
        break;
    }
    return false;
}

/* Adds lines; *input's part then ends behind one of them. */
static void add_lines(struct text *t, struct sim_input *input)
{
    size_t lines = 1 + chance_below(chance_one_in(4) ? INPUT_LINES_MAX : 30);
    uint64_t odd_one_in = chance_one_in(3) ? 0 : 4 + chance_below(20);
    size_t part = chance_below(lines + 1);
    uint64_t minutes = chance_below(100000);
    seq_number seqs = 0;
    for (size_t i = 0; i < lines; i++) {
        if (i == part) {
            input->part_len = t->len;
            input->part_seqs = seqs;
        }
        bool blank = false;
        if (chance_one_in(odd_one_in))
            blank = add_odd_line(t);
        else
            add_load(t, &minutes);
        seqs += blank ? 0 : 1;
        if (i + 1 < lines || !chance_one_in(5))
            add(t, chance_one_in(10) ? "\r\n" : "\n");
    }
    if (part == lines) {
        input->part_len = t->len;
        input->part_seqs = seqs;
    }
    input->bytes = (uint8_t *)t->bytes;
    input->len = t->len;
}

struct sim_input input_make(void)
{
    struct text t = {.bytes = sim_new(INPUT_BYTES_MAX, 1)};
    struct sim_input input = {0};
    add_lines(&t, &input);
    return input;
}

/*
 * Where the lines up to a seq end, with the blank ones behind them, which a source may have passed
 * too. False if the last of them has no end yet.
 */
static bool find_end(const struct sim_input *input, seq_number seq, size_t *ret_end)
{
    seq_number seqs = 0;
    bool blank = true;
    size_t end = 0;
    for (size_t i = 0; i < input->len; i++) {
        uint8_t byte = input->bytes[i];
        if (byte != '\n') {
            blank = blank && (byte == ' ' || byte == '\t' || byte == '\r');
            continue;
        }
        seqs += blank ? 0 : 1;
        blank = true;
        if (seqs <= seq)
            end = i + 1;
    }
    *ret_end = end;
    bool ends_there = seqs == seq && end < input->len && blank;
    return seqs >= seq && !ends_there;
}

bool input_change_rest(struct sim_input *input, seq_number kept)
{
    size_t end;
    if (!find_end(input, kept, &end) || end > INPUT_BYTES_MAX / 4)
        return false;
    struct text t = {.bytes = (char *)input->bytes, .len = end};
    add_lines(&t, input);
    return true;
}
