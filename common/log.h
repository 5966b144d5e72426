/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event on stderr
 *
 * Only main programs and event loops log; libraries return errors. A line says which stage, in
 * which generation and at which seq, what happened, and what will happen next.
 */
#ifndef BULKHEAD_COMMON_LOG_H
#define BULKHEAD_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
};

/* Sets the level (default: info) and how lines begin (""). `who` must outlive all logging. */
void log_init(const char *who, enum log_level level);

/*
 * Makes all further lines begin with the time, "2026-11-30T04:31:29.123Z ", in UTC by the wall
 * clock. Has no effect where stderr is systemd's journal, which adds times itself (JOURNAL_STREAM,
 * systemd.exec(5)).
 */
void log_begin_times(void);

/*
 * Writes "who: level: text" with control characters escaped, in one write(2). Never waits: if
 * stderr is not being read, the line is lost. Lost lines are counted, and the next line that can be
 * written is preceded by their number.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Skips the name and the level that a line begins with, if another process of this program wrote it
 * to be logged by us: "bulkhead: ", then "error: ", "warning: " or "debug: ". Either may be
 * missing.
 * Returns: the level; LOG_WARNING if the line has none.
 */
enum log_level log_skip_prefix(const char **line, size_t *len);

/* Writes raw bytes, such as a progress bar. They are dropped if stderr is not being read. */
void log_raw(const void *bytes, size_t len);

/* Reports lost lines, if stderr is being read again. */
void log_flush(void);

/* How many lines have been lost since the start because stderr was not being read. */
uint64_t log_lost(void);

/* Whether a line of the level would be written. */
bool log_enabled(enum log_level level);

/* Sets a function to call before every line, so that a progress bar can be erased. NULL: none. */
void log_set_before_line(void (*before_line)(void));

#endif
