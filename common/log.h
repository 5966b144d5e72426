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

enum log_level {
    LOG_ERROR,
    LOG_WARNING,
    LOG_INFO,
    LOG_DEBUG,
};

/* Sets what is written and who speaks. `who` must outlive all logging. Default: info, "". */
void log_init(const char *who, enum log_level level);

/* Writes "who: level: text" with control characters escaped, in one write(2). */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether a line of the level would be written. */
bool log_enabled(enum log_level level);

/* Called before every line, so that a progress bar can get out of the way. NULL: nobody. */
void log_set_before_line(void (*before_line)(void));

#endif
