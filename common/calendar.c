/* SPDX-License-Identifier: MIT */
#include "common/calendar.h"

#include "common/check.h"
#include "common/floor.h"
#include "common/timestamp.h"

/* 1970-01-01 was a Thursday: three days after a Monday. */
#define EPOCH_WEEKDAY 3
#define NS_PER_MINUTE (60 * TIMESTAMP_NS_PER_SECOND)
#define NS_PER_HOUR (60 * NS_PER_MINUTE)

/* How many days before 1970-01-01 the week that holds it began. */
static int64_t week_shift_days(const struct calendar *c)
{
    return floor_mod(EPOCH_WEEKDAY - (int64_t)c->week_starts, 7);
}

/* The first day of a month, both counted from 1970-01-01. */
static int64_t month_start_day(int64_t month)
{
    return timestamp_days_from_civil(1970 + floor_div(month, 12),
                                     (unsigned)floor_mod(month, 12) + 1, 1);
}

/* 400 years have 4800 months and 146097 days, so the first guess is close. */
static int64_t month_of_day(int64_t day)
{
    int64_t month = floor_div(day * 4800, 146097);
    while (month_start_day(month) > day)
        month--;
    while (month_start_day(month + 1) <= day)
        month++;
    return month;
}

int64_t calendar_window(const struct calendar *c, enum calendar_period period, int64_t ns)
{
    int64_t day = floor_div(ns, TIMESTAMP_NS_PER_DAY);
    switch (period) {
    case CALENDAR_MINUTE:
        return floor_div(ns, NS_PER_MINUTE);
    case CALENDAR_HOUR:
        return floor_div(ns, NS_PER_HOUR);
    case CALENDAR_DAY:
        return day;
    case CALENDAR_WEEK:
        return floor_div(day + week_shift_days(c), 7);
    case CALENDAR_MONTH:
        return month_of_day(day);
    }
    UNREACHABLE();
}

__int128 calendar_window_start_ns(const struct calendar *c, enum calendar_period period,
                                  int64_t window)
{
    switch (period) {
    case CALENDAR_MINUTE:
        return (__int128)window * NS_PER_MINUTE;
    case CALENDAR_HOUR:
        return (__int128)window * NS_PER_HOUR;
    case CALENDAR_DAY:
        return (__int128)window * TIMESTAMP_NS_PER_DAY;
    case CALENDAR_WEEK:
        return ((__int128)window * 7 - week_shift_days(c)) * TIMESTAMP_NS_PER_DAY;
    case CALENDAR_MONTH:
        return (__int128)month_start_day(window) * TIMESTAMP_NS_PER_DAY;
    }
    UNREACHABLE();
}

__int128 calendar_window_end_ns(const struct calendar *c, enum calendar_period period,
                                int64_t window)
{
    return calendar_window_start_ns(c, period, window + 1);
}
