/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_input.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/sim_base.h"

#define INPUT_BYTES_MAX ((size_t)256 << 10)

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

/* A load. Time moves forward, now and then by days, and sometimes back. */
static void add_load(struct text *t, uint64_t *minutes)
{
    *minutes += chance_below(600);
    *minutes += chance_one_in(20) ? 5000 : 0;
    uint64_t at = chance_one_in(15) && *minutes > 30000 ? *minutes - chance_below(30000) : *minutes;
    uint64_t days = at / 1440;
    /* In separate statements: C does not define the order in which arguments are evaluated. */
    add(t, "{\"id\":\"%" PRIu64 "\"", chance_below(60));
    add(t, ",\"customer_id\":\"%" PRIu64 "\"", chance_below(6));
    uint64_t dollars = chance_one_in(4) ? 4990 + chance_below(20) : chance_below(3000);
    add(t, ",\"load_amount\":\"$%" PRIu64 ".%02" PRIu64 "\"", dollars, chance_below(100));
    add(t,
        ",\"time\":\"20%02" PRIu64 "-%02" PRIu64 "-%02" PRIu64 "T%02" PRIu64 ":%02" PRIu64
        ":00Z\"}",
        days / 336 % 100, days / 28 % 12 + 1, days % 28 + 1, at / 60 % 24, at % 60);
}

/* Adds a line that no stage can handle, or only just. Returns whether it is blank. */
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

/* Adds lines. The part of *input then ends after one of them. */
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
 * Where the lines up to a seq end, including the blank ones after them, which a source may have
 * passed too. False if the last of them has no end yet.
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

bool input_change_rest(struct sim_input *input, seq_number kept, uint64_t given)
{
    size_t end;
    if (!find_end(input, kept, &end) || end < given || end > INPUT_BYTES_MAX / 4)
        return false;
    struct text t = {.bytes = (char *)input->bytes, .len = end};
    add_lines(&t, input);
    return true;
}

static seq_number count_seqs(const struct sim_input *input, size_t len)
{
    seq_number seqs = 0;
    bool blank = true;
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = input->bytes[i];
        bool ends = byte == '\n';
        seqs += ends && !blank ? 1 : 0;
        blank = ends || (blank && (byte == ' ' || byte == '\t' || byte == '\r'));
    }
    return seqs;
}

void input_cut(struct sim_input *input, size_t len)
{
    struct text t = {.bytes = (char *)input->bytes, .len = len};
    if (len != 0 && input->bytes[len - 1] != '\n')
        t.bytes[t.len++] = '\n';
    size_t part_len = t.len;
    seq_number part_seqs = count_seqs(input, part_len);
    if (len < INPUT_BYTES_MAX / 4)
        add_lines(&t, input);
    input->len = t.len;
    input->part_len = part_len;
    input->part_seqs = part_seqs;
    input_unmark(input, input->part_len);
}

void input_unmark(struct sim_input *input, size_t at)
{
    if (at < input->len && input->bytes[at] == 0xff)
        input->bytes[at] = 'x';
}

void input_end_line(struct sim_input *input)
{
    if (input->len != 0 && input->bytes[input->len - 1] != '\n')
        input->bytes[input->len++] = '\n';
}
