/* SPDX-License-Identifier: MIT */
#include <time.h>

#include "common/calendar.h"
#include "common/floor.h"
#include "common/timestamp.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define DAY TIMESTAMP_NS_PER_DAY

enum weekday { MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY };

static const struct {
    const char *name;
    enum calendar_period period;
    unsigned week_starts;
    int64_t ns;
    int64_t window;
} window_cases[] = {
    {"the epoch's day", CALENDAR_DAY, MONDAY, 0, 0},
    {"its last moment", CALENDAR_DAY, MONDAY, DAY - 1, 0},
    {"the next day", CALENDAR_DAY, MONDAY, DAY, 1},
    {"the moment before", CALENDAR_DAY, MONDAY, -1, -1},
    {"the day before begins", CALENDAR_DAY, MONDAY, -DAY, -1},
    {"two days before", CALENDAR_DAY, MONDAY, -DAY - 1, -2},
    {"the epoch's minute", CALENDAR_MINUTE, MONDAY, DAY / 1440 - 1, 0},
    {"the minute before", CALENDAR_MINUTE, MONDAY, -1, -1},
    {"the second hour", CALENDAR_HOUR, MONDAY, DAY / 24, 1},
    {"the hour before", CALENDAR_HOUR, MONDAY, -1, -1},
    {"the epoch's month", CALENDAR_MONTH, MONDAY, 31 * DAY - 1, 0},
    {"the next month", CALENDAR_MONTH, MONDAY, 31 * DAY, 1},
    {"December 1969", CALENDAR_MONTH, MONDAY, -1, -1},
    {"2000-02-29", CALENDAR_MONTH, MONDAY, 11016 * DAY, 361},
    {"2000-03-01", CALENDAR_MONTH, MONDAY, 11017 * DAY, 362},
    {"a day knows no week start", CALENDAR_DAY, SUNDAY, 5 * DAY, 5},
    {"the epoch's week", CALENDAR_WEEK, MONDAY, 0, 0},
    {"Sunday 1970-01-04", CALENDAR_WEEK, MONDAY, 4 * DAY - 1, 0},
    {"Monday 1970-01-05", CALENDAR_WEEK, MONDAY, 4 * DAY, 1},
    {"Monday 1969-12-29", CALENDAR_WEEK, MONDAY, -3 * DAY, 0},
    {"Sunday 1969-12-28", CALENDAR_WEEK, MONDAY, -3 * DAY - 1, -1},
    {"weeks that begin on the epoch", CALENDAR_WEEK, THURSDAY, 0, 0},
    {"and the moment before it", CALENDAR_WEEK, THURSDAY, -1, -1},
    {"weeks that begin the day after", CALENDAR_WEEK, FRIDAY, DAY - 1, 0},
    {"on that day", CALENDAR_WEEK, FRIDAY, DAY, 1},
    {"weeks from Sunday 1970-01-04", CALENDAR_WEEK, SUNDAY, 3 * DAY, 1},
    {"Saturday before it", CALENDAR_WEEK, SUNDAY, 3 * DAY - 1, 0},
    {"Saturday 2000-01-01", CALENDAR_WEEK, MONDAY, 10957 * DAY, 1565},
    {"Monday 2000-01-03", CALENDAR_WEEK, MONDAY, 10959 * DAY, 1566},
};

static void moments_fall_into_their_windows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof window_cases / sizeof window_cases[0]; i++) {
        const struct calendar c = {.week_starts = window_cases[i].week_starts};
        int64_t window = calendar_window(&c, window_cases[i].period, window_cases[i].ns);
        if (window != window_cases[i].window)
            fail_msg("%s: window %" PRId64, window_cases[i].name, window);
    }
}

/* The windows before and behind that of a moment touch it, and it holds the moment. */
static void assert_window_holds(const struct calendar *c, enum calendar_period period, int64_t ns)
{
    int64_t window = calendar_window(c, period, ns);
    __int128 start = calendar_window_start_ns(c, period, window);
    __int128 end = calendar_window_end_ns(c, period, window);
    __int128 len = end - start;
    assert_true(calendar_window_end_ns(c, period, window - 1) == start);
    assert_true(start <= ns);
    assert_true(ns < end);
    if (period == CALENDAR_MONTH) {
        assert_true(len % DAY == 0 && len >= 28 * DAY && len <= 31 * DAY);
    } else {
        const __int128 lens[] = {[CALENDAR_MINUTE] = DAY / 1440,
                                 [CALENDAR_HOUR] = DAY / 24,
                                 [CALENDAR_DAY] = DAY,
                                 [CALENDAR_WEEK] = 7 * DAY};
        assert_true(len == lens[period]);
        assert_true(calendar_window_end_ns(c, period, window + 1) - end == len);
    }
    if (end <= INT64_MAX) {
        assert_int_equal(calendar_window(c, period, (int64_t)end), window + 1);
        assert_int_equal(calendar_window(c, period, (int64_t)end - 1), window);
    }
    if (start >= INT64_MIN)
        assert_int_equal(calendar_window(c, period, (int64_t)start), window);
    if (start > INT64_MIN)
        assert_int_equal(calendar_window(c, period, (int64_t)start - 1), window - 1);
}

static void windows_cover_time_without_gaps(void **state)
{
    (void)state;
    for (unsigned week_starts = 0; week_starts < 7; week_starts++) {
        const struct calendar c = {.week_starts = week_starts};
        for (int period = 0; period < CALENDAR_PERIODS; period++) {
            assert_window_holds(&c, (enum calendar_period)period, INT64_MIN);
            assert_window_holds(&c, (enum calendar_period)period, INT64_MAX);
            for (int i = 0; i < 5000; i++)
                assert_window_holds(&c, (enum calendar_period)period, random_integer());
        }
    }
}

static void the_last_window_ends_behind_the_last_moment(void **state)
{
    (void)state;
    for (unsigned week_starts = 0; week_starts < 7; week_starts++) {
        const struct calendar c = {.week_starts = week_starts};
        for (int p = 0; p < CALENDAR_PERIODS; p++) {
            enum calendar_period period = (enum calendar_period)p;
            int64_t last = calendar_window(&c, period, INT64_MAX);
            assert_true(calendar_window_end_ns(&c, period, last) > INT64_MAX);
        }
    }
}

/* What glibc says of the day. */
static unsigned weekday_of(int64_t day)
{
    time_t seconds = (time_t)(day * 86400);
    struct tm tm;
    assert_non_null(gmtime_r(&seconds, &tm));
    return (unsigned)(tm.tm_wday + 6) % 7;
}

static void weeks_change_on_their_weekday_only(void **state)
{
    (void)state;
    for (unsigned week_starts = 0; week_starts < 7; week_starts++) {
        const struct calendar c = {.week_starts = week_starts};
        for (int i = 0; i < 5000; i++) {
            int64_t day = (int64_t)random_below(213000) - 106500;
            if (i < 30)
                day = i - 15;
            int64_t before = calendar_window(&c, CALENDAR_WEEK, day * DAY - 1);
            int64_t first = calendar_window(&c, CALENDAR_WEEK, day * DAY);
            int64_t last = calendar_window(&c, CALENDAR_WEEK, day * DAY + (DAY - 1));
            int64_t change = weekday_of(day) == week_starts ? 1 : 0;
            assert_int_equal(first - before, change);
            assert_int_equal(last, first);
        }
    }
}

static void days_are_those_of_glibc(void **state)
{
    (void)state;
    const struct calendar c = {.week_starts = SUNDAY};
    for (int i = 0; i < 20000; i++) {
        int64_t ns = random_integer();
        int64_t window = calendar_window(&c, CALENDAR_DAY, ns);
        time_t seconds = (time_t)floor_div(ns, TIMESTAMP_NS_PER_SECOND);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        assert_int_equal(timegm(&tm), window * 86400);
    }
}

static void months_are_those_of_glibc(void **state)
{
    (void)state;
    const struct calendar c = {.week_starts = SUNDAY};
    for (int i = 0; i < 20000; i++) {
        int64_t ns = i < 1000 ? (i - 500) * 15 * DAY : random_integer();
        int64_t window = calendar_window(&c, CALENDAR_MONTH, ns);
        time_t seconds = (time_t)floor_div(ns, TIMESTAMP_NS_PER_SECOND);
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        assert_int_equal((tm.tm_year - 70) * 12 + tm.tm_mon, window);
    }
}

int main(int argc, char **argv)
{
    random_init("calendar_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_fall_into_their_windows),
        cmocka_unit_test(windows_cover_time_without_gaps),
        cmocka_unit_test(the_last_window_ends_behind_the_last_moment),
        cmocka_unit_test(weeks_change_on_their_weekday_only),
        cmocka_unit_test(days_are_those_of_glibc),
        cmocka_unit_test(months_are_those_of_glibc),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
