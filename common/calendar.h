/* SPDX-License-Identifier: MIT */
/*
 * calendar.h - the minutes, hours, days, weeks and months that a moment belongs to
 *
 * A window is a half-open span [start, end) of UTC time, named by its number: minutes, hours, days
 * or months since 1970-01-01, or weeks since the week that holds that day. All divisions round
 * down, so times before 1970 are in the right window too.
 */
#ifndef BULKHEAD_COMMON_CALENDAR_H
#define BULKHEAD_COMMON_CALENDAR_H

#include <stdint.h>

/* The numbers are part of the keys in stores. */
enum calendar_period {
    CALENDAR_DAY,
    CALENDAR_WEEK,
    CALENDAR_MINUTE,
    CALENDAR_HOUR,
    CALENDAR_MONTH,
};
#define CALENDAR_PERIODS 5

struct calendar {
    unsigned week_starts; /* 0 is Monday, 6 is Sunday: the number in ISO 8601 less one */
};

/* The number of the window of the period that holds the moment. */
int64_t calendar_window(const struct calendar *c, enum calendar_period period, int64_t ns);

/* The first moment of a window. In 128 bits: the first window begins before the first moment. */
__int128 calendar_window_start_ns(const struct calendar *c, enum calendar_period period,
                                  int64_t window);

/* The first moment after a window. In 128 bits: the last window ends after the last moment. */
__int128 calendar_window_end_ns(const struct calendar *c, enum calendar_period period,
                                int64_t window);

#endif
