/* SPDX-License-Identifier: MIT */
/*
 * Takes a number for a moment, a line for a form of times, and further lines for times. What is
 * written of a moment is read as it, in RFC 3339 and in the form; what is read of a text is what the
 * calendar of the C library makes of it; and a moment lies in its windows.
 */
#include <stdio.h>
#include <time.h>

#include "common/calendar.h"
#include "common/err.h"
#include "common/floor.h"
#include "common/timestamp.h"
#include "common/timestamp_form.h"
#include "tests/fuzz/fuzz.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A number of so many digits, -1: none stands here. */
static int digits(const char *text, size_t len, size_t at, size_t count)
{
    int number = 0;
    if (at + count > len)
        return -1;
    for (size_t i = at; i < at + count; i++) {
        if (!is_digit(text[i]))
            return -1;
        number = number * 10 + (text[i] - '0');
    }
    return number;
}

/* Seconds since 1970 of a date and time; false if there is none such. */
static bool seconds_of(int year, int month, int day, int hour, int minute, int second,
                       int64_t *ret_seconds)
{
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_sec = second},
              as_is = tm;
    if (year < 0 || month < 1 || day < 1 || hour < 0 || minute < 0 || second < 0)
        return false;
    *ret_seconds = timegm(&tm);
    return tm.tm_year == as_is.tm_year && tm.tm_mon == as_is.tm_mon &&
           tm.tm_mday == as_is.tm_mday && tm.tm_hour == as_is.tm_hour &&
           tm.tm_min == as_is.tm_min && tm.tm_sec == as_is.tm_sec;
}

/* --- RFC 3339 --- */

/* The same from the right: the zone, then the decimals, then what has fixed places. */
static enum timestamp_result read_rfc3339(const char *text, size_t len, __int128 *ret_ns)
{
    int64_t seconds, offset = 0, fraction = 0;
    if (len == 0)
        return TIMESTAMP_BAD_FORM;
    if ((text[len - 1] | 0x20) == 'z') {
        len -= 1;
    } else {
        if (len < 6 || (text[len - 6] != '+' && text[len - 6] != '-') || text[len - 3] != ':')
            return TIMESTAMP_BAD_FORM;
        int hours = digits(text, len, len - 5, 2), minutes = digits(text, len, len - 2, 2);
        if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
            return TIMESTAMP_BAD_FORM;
        offset = (hours * 60 + minutes) * (text[len - 6] == '-' ? -60 : 60);
        len -= 6;
    }
    if (len > 19) {
        if (text[19] != '.' || len == 20 || len > 29)
            return TIMESTAMP_BAD_FORM;
        fraction = digits(text, len, 20, len - 20);
        if (fraction < 0)
            return TIMESTAMP_BAD_FORM;
        for (size_t i = len - 20; i < 9; i++)
            fraction *= 10;
        len = 19;
    }
    if (len != 19 || text[4] != '-' || text[7] != '-' || (text[10] | 0x20) != 't' ||
        text[13] != ':' || text[16] != ':' ||
        !seconds_of(digits(text, len, 0, 4), digits(text, len, 5, 2), digits(text, len, 8, 2),
                    digits(text, len, 11, 2), digits(text, len, 14, 2), digits(text, len, 17, 2),
                    &seconds))
        return TIMESTAMP_BAD_FORM;
    *ret_ns = (__int128)(seconds - offset) * TIMESTAMP_NS_PER_SECOND + fraction;
    return *ret_ns <= INT64_MAX && *ret_ns >= INT64_MIN ? TIMESTAMP_OK : TIMESTAMP_OVERFLOW;
}

static void check_moment(int64_t ns)
{
    struct buf text = {0};
    int64_t again = 0;
    timestamp_format(ns, &text);
    ALWAYS(timestamp_parse(buf_text(&text), text.len, &again) == TIMESTAMP_OK && again == ns);
    __int128 other = 0;
    ALWAYS(read_rfc3339(buf_text(&text), text.len, &other) == TIMESTAMP_OK && other == ns);
    buf_done(&text);
}

static void check_date(const char *text, size_t len)
{
    int64_t days = 0, seconds = 0;
    bool wanted = len == 10 && text[4] == '-' && text[7] == '-' &&
                  seconds_of(digits(text, len, 0, 4), digits(text, len, 5, 2),
                             digits(text, len, 8, 2), 0, 0, 0, &seconds);
    enum timestamp_result result = timestamp_parse_date(text, len, &days);
    ALWAYS(result == (wanted ? TIMESTAMP_OK : TIMESTAMP_BAD_FORM));
    if (!wanted)
        return;
    ALWAYS(days * 86400 == seconds && days >= TIMESTAMP_DAYS_MIN && days <= TIMESTAMP_DAYS_MAX);
    struct buf written = {0};
    timestamp_format_date(days, &written);
    ALWAYS(written.len == len && memcmp(written.data, text, len) == 0);
    buf_done(&written);
}

static void check_text(const char *text, size_t len)
{
    int64_t ns = 0;
    __int128 wanted = 0;
    enum timestamp_result result = timestamp_parse(text, len, &ns);
    ALWAYS(result == read_rfc3339(text, len, &wanted));
    ALWAYS(result != TIMESTAMP_OK || ns == wanted);
    check_date(text, len);
}

/* --- forms --- */

/* What a form has of a moment. */
struct written {
    struct tm tm; /* of the moment in the zone that is written */
    int64_t ns;
    int zone_minutes;
};

static void write_directive(const struct written *w, char directive, struct buf *out)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t seconds = floor_div(w->ns, TIMESTAMP_NS_PER_SECOND);
    int64_t fraction = floor_mod(w->ns, TIMESTAMP_NS_PER_SECOND);
    const struct tm *tm = &w->tm;
    const struct {
        char directive;
        int number;
    } twos[] = {{'m', tm->tm_mon + 1},
                {'d', tm->tm_mday},
                {'H', tm->tm_hour},
                {'M', tm->tm_min},
                {'S', tm->tm_sec}};
    for (size_t i = 0; i < sizeof twos / sizeof twos[0]; i++) {
        if (twos[i].directive == directive)
            buf_add_format(out, "%02d", twos[i].number);
    }
    if (directive == 'Y')
        buf_add_format(out, "%04d", tm->tm_year + 1900);
    else if (directive == 'e')
        buf_add_format(out, "%2d", tm->tm_mday);
    else if (directive == 'a')
        buf_add(out, days + (ptrdiff_t)3 * tm->tm_wday, 3);
    else if (directive == 'b')
        buf_add(out, months + (ptrdiff_t)3 * tm->tm_mon, 3);
    else if (directive == 'f')
        buf_add_format(out, "%09lld", (long long)fraction);
    else if (directive == 's')
        buf_add_format(out, "%lld", (long long)seconds);
    else if (directive == 'z')
        buf_add_format(out, "%c%02d%s%02d", w->zone_minutes < 0 ? '-' : '+',
                       abs(w->zone_minutes) / 60, w->zone_minutes % 2 != 0 ? ":" : "",
                       abs(w->zone_minutes) % 60);
}

static bool has(const struct timestamp_form *form, char directive)
{
    for (size_t i = 0; i < form->count; i++) {
        if (form->items[i].directive == directive)
            return true;
    }
    return false;
}

/* As much of a moment as the form has. */
static int64_t as_far_as(const struct timestamp_form *form, int64_t ns, int zone_minutes)
{
    int64_t unit = TIMESTAMP_NS_PER_SECOND, zone = zone_minutes * 60 * TIMESTAMP_NS_PER_SECOND;
    if (has(form, 's'))
        return has(form, 'f') ? ns : ns - floor_mod(ns, unit);
    int64_t local = ns + zone, day = local - floor_mod(local, TIMESTAMP_NS_PER_DAY);
    int64_t of_day = local - day, hours = of_day / (3600 * unit),
            minutes = of_day / (60 * unit) % 60;
    int64_t seconds = of_day / unit % 60, rest = of_day % unit;
    int64_t shown = (has(form, 'H') ? hours * 3600 : 0) + (has(form, 'M') ? minutes * 60 : 0) +
                    (has(form, 'S') ? seconds : 0);
    return day + shown * unit + (has(form, 'f') ? rest : 0) - zone;
}

static void check_form(const struct timestamp_form *form, int64_t ns, int zone_minutes)
{
    /* Where it would be outside of what 64 bits hold; and a fraction behind a minus leads down. */
    const int64_t margin = 4 * TIMESTAMP_NS_PER_DAY;
    if (ns > INT64_MAX - margin || ns < INT64_MIN + margin ||
        (has(form, 's') && has(form, 'f') && ns < 0))
        return;
    struct written w = {.ns = ns, .zone_minutes = has(form, 'z') ? zone_minutes : 0};
    time_t local = (time_t)(floor_div(ns, TIMESTAMP_NS_PER_SECOND) + w.zone_minutes * 60);
    ALWAYS(gmtime_r(&local, &w.tm) != NULL);
    struct buf text = {0};
    for (size_t i = 0; i < form->count; i++) {
        if (form->items[i].directive != 0)
            write_directive(&w, form->items[i].directive, &text);
        else
            buf_add_byte(&text, (uint8_t)form->items[i].character);
    }
    int64_t again = 0;
    enum timestamp_result result = timestamp_form_parse(form, buf_text(&text), text.len, &again);
    /* A number that nothing ends takes what stands behind it: then the form cannot be told. */
    if (result == TIMESTAMP_OK && !has(form, 'e') && !has(form, 's') && !has(form, 'f'))
        ALWAYS(again == as_far_as(form, ns, w.zone_minutes));
    bool told = true;
    for (size_t i = 0; i + 1 < form->count; i++) {
        char next = form->items[i + 1].directive, after = form->items[i + 1].character;
        bool open =
            form->items[i].directive != 0 && strchr("efsz", form->items[i].directive) != NULL;
        told = told && !(open && (next != 0 || is_digit(after) || after == ':'));
    }
    if (told)
        ALWAYS(result == TIMESTAMP_OK && again == as_far_as(form, ns, w.zone_minutes));
    buf_done(&text);
}

static void check_windows(int64_t ns, unsigned week_starts)
{
    const struct calendar calendar = {.week_starts = week_starts};
    for (int period = 0; period < CALENDAR_PERIODS; period++) {
        enum calendar_period p = (enum calendar_period)period;
        int64_t window = calendar_window(&calendar, p, ns);
        __int128 start = calendar_window_start_ns(&calendar, p, window);
        __int128 end = calendar_window_end_ns(&calendar, p, window);
        ALWAYS(start <= ns && ns < end);
        ALWAYS(end == calendar_window_start_ns(&calendar, p, window + 1));
        ALWAYS(end > INT64_MAX || calendar_window(&calendar, p, (int64_t)end) == window + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    int64_t ns = (int64_t)fuzz_number(&in);
    uint8_t zone = fuzz_byte(&in);
    char *text = fuzz_line(&in);
    struct timestamp_form form;
    struct err e = {0};
    check_moment(ns);
    check_windows(ns, zone % 7);
    int rc = timestamp_form_read(text, &form, &e);
    ALWAYS(rc == 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
    if (rc == 0)
        check_form(&form, ns, (zone - 128) * 11);
    free(text);
    while (fuzz_left(&in) != 0) {
        size_t len = fuzz_line_len(&in);
        int64_t untouched = ns;
        check_text((const char *)in.at, len);
        if (rc == 0 &&
            timestamp_form_parse(&form, (const char *)in.at, len, &untouched) != TIMESTAMP_OK)
            ALWAYS(untouched == ns);
        fuzz_take_line(&in, len);
    }
    return 0;
}
