/* SPDX-License-Identifier: MIT */
/*
 * A line is written as a whole or not at all. If the kernel accepts only a part of it (a terminal,
 * a socket), the rest is written before the next line. Nothing here waits for a reader.
 */
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/standard_error.h"
#include "common/text.h"

/* How much a pipe that poll(2) reports as writable accepts without blocking. */
#define LINE_BYTES_MAX ((size_t)PIPE_BUF)

static struct {
    const char *who;
    enum log_level level;
    bool times;
    void (*before_line)(void);
    char rest[PIPE_BUF]; /* of a line that was written in part */
    size_t rest_len;
    uint64_t lost, untold; /* lost lines; those of them that were not reported yet */
} log_state = {.who = "", .level = LOG_INFO};

/* One thread writes lines, or two while a run starts. */
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;

static const char *const level_names[] = {
    [LOG_ERROR] = "error: ", [LOG_WARNING] = "warning: ", [LOG_INFO] = "", [LOG_DEBUG] = "debug: "};

void log_init(const char *who, enum log_level level)
{
    log_state.who = who;
    log_state.level = level;
}

bool log_enabled(enum log_level level)
{
    return level <= log_state.level;
}

void log_set_before_line(void (*before_line)(void))
{
    log_state.before_line = before_line;
}

static bool flush_rest(void)
{
    if (log_state.rest_len == 0)
        return true;
    ssize_t n = standard_error_write(log_state.rest, log_state.rest_len);
    if (n <= 0)
        return false;
    log_state.rest_len -= (size_t)n;
    memmove(log_state.rest, log_state.rest + n, log_state.rest_len);
    return log_state.rest_len == 0;
}

/* Writes a line, of which a part may be kept for later. Returns false if it is lost. */
static bool write_line(const struct buf *line)
{
    ssize_t n = standard_error_write(line->data, line->len);
    /* With stderr closed, no log is wanted. */
    if (n < 0)
        return errno == EBADF;
    log_state.rest_len = line->len - (size_t)n;
    memcpy(log_state.rest, line->data + n, log_state.rest_len);
    return true;
}

/* Whether stderr is the stream that systemd has connected to its journal. */
static bool goes_to_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char own[64];
    if (stream == NULL || fstat(STDERR_FILENO, &st) != 0)
        return false;
    (void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(stream, own) == 0;
}

void log_begin_times(void)
{
    log_state.times = !goes_to_journal();
}

/* The only code that reads the wall clock. Nothing but the text of a line depends on it. */
static void add_time(struct buf *line)
{
    struct timespec now;
    struct tm parts;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0 || gmtime_r(&now.tv_sec, &parts) == NULL)
        return;
    buf_add_format(line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", parts.tm_year + 1900,
                   parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                   now.tv_nsec / 1000000);
}

static void begin_line(enum log_level level, struct buf *line)
{
    if (log_state.times)
        add_time(line);
    if (log_state.who[0] != '\0')
        buf_add_format(line, "%s: ", log_state.who);
    buf_add_text(line, level_names[level]);
}

static void flush(void)
{
    if (!flush_rest() || log_state.untold == 0)
        return;
    struct buf line = {0};
    begin_line(LOG_WARNING, &line);
    buf_add_format(&line, "%ju log line%s %s lost: standard error was not being read\n",
                   (uintmax_t)log_state.untold, log_state.untold == 1 ? "" : "s",
                   log_state.untold == 1 ? "was" : "were");
    if (write_line(&line))
        log_state.untold = 0;
    buf_done(&line);
}

void log_flush(void)
{
    (void)pthread_mutex_lock(&log_mutex);
    flush();
    (void)pthread_mutex_unlock(&log_mutex);
}

void log_line(enum log_level level, const char *format, ...)
{
    if (!log_enabled(level))
        return;
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);

    struct buf line = {0};
    begin_line(level, &line);
    text_printable(text, strlen(text), LINE_BYTES_MAX - line.len - 1, &line);
    if (line.len >= LINE_BYTES_MAX)
        line.len = LINE_BYTES_MAX - 1;
    buf_add_byte(&line, '\n');
    if (log_state.before_line != NULL)
        log_state.before_line();
    (void)pthread_mutex_lock(&log_mutex);
    flush();
    /* Lines stay in order: the line that reports lost ones comes after these. */
    if (log_state.rest_len != 0 || log_state.untold != 0 || !write_line(&line)) {
        log_state.lost++;
        log_state.untold++;
    }
    (void)pthread_mutex_unlock(&log_mutex);
    buf_done(&line);
}

static bool skip(const char **line, size_t *len, const char *prefix)
{
    size_t prefix_len = strlen(prefix);
    if (prefix_len == 0 || *len < prefix_len || memcmp(*line, prefix, prefix_len) != 0)
        return false;
    *line += prefix_len;
    *len -= prefix_len;
    return true;
}

enum log_level log_skip_prefix(const char **line, size_t *len)
{
    (void)skip(line, len, "bulkhead: ");
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (skip(line, len, level_names[i]))
            return (enum log_level)i;
    }
    return LOG_WARNING;
}

void log_raw(const void *bytes, size_t len)
{
    if (flush_rest())
        (void)standard_error_write(bytes, len);
}

uint64_t log_lost(void)
{
    return log_state.lost;
}
