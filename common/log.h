/* SPDX-License-Identifier: MIT */
/*
 * log.h - one line per event on stderr
 *
 * Only mains and loops log; libraries return errors. A line says who, in which generation, at
 * which seq, what happened, and what will happen next.
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

/* Sets what is written and who speaks. `who` must outlive all logging. Default: info, "". */
void log_init(const char *who, enum log_level level);

/*
 * From here on lines begin with the time, "2026-11-30T04:31:29.123Z ", in UTC by the wall clock:
 * for what runs for months. Not where stderr is systemd's journal, which has a time for every line
 * (JOURNAL_STREAM, systemd.exec(5)).
 */
void log_begin_times(void);

/*
 * Writes "who: level: text" with control characters escaped, in one write(2). Never waits: if
 * nobody reads stderr, the line is lost, which is counted and said by the next one that is not.
 */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Skips the name and the level that a line begins with, if another process of this program wrote it
 * to be logged by us: "bulkhead: ", then "error: ", "warning: " or "debug: ". Either may be
 * missing.
 * Returns: the level; LOG_WARNING if the line has none.
 */
enum log_level log_skip_prefix(const char **line, size_t *len);

/* Writes bytes as they are, such as those of a progress bar, if somebody reads; else drops them. */
void log_raw(const void *bytes, size_t len);

/* Says what was lost meanwhile, if somebody reads again. */
void log_flush(void);

/* How many lines were lost because nobody read them, ever. */
uint64_t log_lost(void);

/* Whether a line of the level would be written. */
bool log_enabled(enum log_level level);

/* Called before every line, so that a progress bar can get out of the way. NULL: nobody. */
void log_set_before_line(void (*before_line)(void));

#endif
