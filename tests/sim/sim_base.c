/* SPDX-License-Identifier: MIT */
#include "tests/sim/sim_base.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define TRACE_LINES 400u
#define TRACE_LINE_BYTES 240u

struct sim_report sim_report;

static uint64_t chance_state;
static char trace_lines[TRACE_LINES][TRACE_LINE_BYTES];
static uint64_t trace_count;

void chance_seed(uint64_t seed)
{
    chance_state = seed;
    (void)chance_bits();
}

uint64_t chance_bits(void)
{
    chance_state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = chance_state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t chance_below(uint64_t n)
{
    return chance_bits() % n;
}

bool chance_one_in(uint64_t n)
{
    return n != 0 && chance_below(n) == 0;
}

void trace_line(const char *format, ...)
{
    char *line = trace_lines[trace_count++ % TRACE_LINES];
    int len = snprintf(line, TRACE_LINE_BYTES, "[%6" PRIu64 ".%03" PRIu64 "] ",
                       sim_report.now_us / 1000, sim_report.now_us % 1000);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line + len, TRACE_LINE_BYTES - (size_t)len, format, args);
    va_end(args);
    if (sim_report.verbose)
        puts(line);
}

void trace_dump(void)
{
    uint64_t first = trace_count > TRACE_LINES ? trace_count - TRACE_LINES : 0;
    for (uint64_t i = first; i < trace_count && !sim_report.verbose; i++)
        puts(trace_lines[i % TRACE_LINES]);
    trace_count = 0;
    (void)fflush(stdout);
}

void fail(const char *format, ...)
{
    trace_dump();
    va_list args;
    va_start(args, format);
    printf("FAILED: ");
    (void)vprintf(format, args);
    printf("\nreplay: %s\n", sim_report.replay);
    va_end(args);
    (void)fflush(stdout);
    _Exit(1);
}
