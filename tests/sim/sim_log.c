/* SPDX-License-Identifier: MIT */
/*
 * log.h and standard_error.h for the simulated processes: what they log becomes part of the trace.
 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/standard_error.h"
#include "tests/sim/sim_world.h"

void log_init(const char *who, enum log_level level)
{
    (void)who;
    (void)level;
}

bool log_enabled(enum log_level level)
{
    (void)level;
    return true;
}

void log_begin_times(void)
{
}

void log_set_before_line(void (*before_line)(void))
{
    (void)before_line;
}

void log_line(enum log_level level, const char *format, ...)
{
    (void)level;
    char text[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    TRACE("%s logs: %s", present != NULL ? present->name : "supervisor", text);
}

void log_raw(const void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
}

void standard_error_last_words(const char *text)
{
    (void)fputs(text, stderr);
}

void log_flush(void)
{
}

uint64_t log_lost(void)
{
    return 0;
}

enum log_level log_skip_prefix(const char **line, size_t *len)
{
    (void)line;
    (void)len;
    return LOG_WARNING;
}
