/* SPDX-License-Identifier: MIT */
#include "common/calendar.h"

#include "common/check.h"
#include "common/timestamp.h"

/* 1970-01-01 was a Thursday: three days after a Monday. */
#define EPOCH_WEEKDAY 3

int64_t calendar_floor_div(int64_t dividend, int64_t divisor)
{
    REQUIRE(divisor > 0);
    int64_t quotient = dividend / divisor;
    return dividend % divisor < 0 ? quotient - 1 : quotient;
}

int64_t calendar_floor_mod(int64_t dividend, int64_t divisor)
{
    REQUIRE(divisor > 0);
    int64_t rest = dividend % divisor;
    return rest < 0 ? rest + divisor : rest;
}

/* How many days the week that holds 1970-01-01 had begun before it. */
static int64_t week_shift_days(const struct calendar *c)
{
    return calendar_floor_mod(EPOCH_WEEKDAY - (int64_t)c->week_starts, 7);
}

int64_t calendar_window(const struct calendar *c, enum calendar_period period, int64_t ns)
{
    int64_t day = calendar_floor_div(ns, TIMESTAMP_NS_PER_DAY);
    switch (period) {
    case CALENDAR_DAY:
        return day;
    case CALENDAR_WEEK:
        return calendar_floor_div(day + week_shift_days(c), 7);
    }
    UNREACHABLE();
}

__int128 calendar_window_end_ns(const struct calendar *c, enum calendar_period period,
                                int64_t window)
{
    __int128 end_day = 0;
    switch (period) {
    case CALENDAR_DAY:
        end_day = (__int128)window + 1;
        break;
    case CALENDAR_WEEK:
        end_day = ((__int128)window + 1) * 7 - week_shift_days(c);
        break;
    }
    return end_day * TIMESTAMP_NS_PER_DAY;
}
