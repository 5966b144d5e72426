/* SPDX-License-Identifier: MIT */
#include "common/timestamp.h"

#include <stdbool.h>

#include "common/check.h"
#include "common/floor.h"

/*
 * Counts in years that begin in March, so that the leap day is a year's last, and in eras of 400
 * years, which all have the same number of days (H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms").
 */
#define DAYS_PER_ERA 146097
#define DAYS_TO_1970 719468

int64_t timestamp_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    REQUIRE(month >= 1 && month <= 12);
    int64_t march_year = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(march_year, 400);
    int64_t year_of_era = march_year - era * 400;
    int64_t month_of_year = month <= 2 ? month + 9 : month - 3;
    int64_t day_of_year = (153 * month_of_year + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    int64_t shifted = days + DAYS_TO_1970;
    int64_t era = floor_div(shifted, DAYS_PER_ERA);
    int64_t day_of_era = shifted - era * DAYS_PER_ERA;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_of_year = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * month_of_year + 2) / 5 + 1;
    *month = month_of_year < 10 ? month_of_year + 3 : month_of_year - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29u : days[month - 1];
}

/* The value of two characters that are not digits: more than any part of a time can be. */
#define NO_NUMBER 100u

/* Reads the two digits at `at`. */
static inline unsigned two_digits(const char *at)
{
    unsigned tens = (unsigned)at[0] - '0', ones = (unsigned)at[1] - '0';
    return tens <= 9 && ones <= 9 ? tens * 10 + ones : NO_NUMBER;
}

/* Reads the date of ten characters at `at`. A part of it may be NO_NUMBER or more. */
static inline bool read_date(const char *at, struct timestamp_parts *parts)
{
    unsigned century = two_digits(at), year = two_digits(at + 2);
    parts->year = century * 100 + year;
    parts->month = two_digits(at + 5);
    parts->day = two_digits(at + 8);
    return century < NO_NUMBER && year < NO_NUMBER && at[4] == '-' && at[7] == '-';
}

static bool date_exists(const struct timestamp_parts *parts)
{
    return parts->month >= 1 && parts->month <= 12 && parts->day >= 1 &&
           parts->day <= days_in_month(parts->year, parts->month);
}

static bool take_char(const char **at, const char *end, char wanted)
{
    if (*at == end || **at != wanted)
        return false;
    (*at)++;
    return true;
}

/* Accepts both cases of a letter: RFC 3339 allows T and Z in lower case. */
static bool take_letter(const char **at, const char *end, char upper)
{
    return take_char(at, end, upper) || take_char(at, end, (char)(upper + ('a' - 'A')));
}

static bool take_fraction(const char **at, const char *end, int64_t *ret_ns)
{
    int64_t ns = 0;
    int digits = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, digits++) {
        if (digits == 9)
            return false;
        ns = ns * 10 + (**at - '0');
    }
    if (digits == 0)
        return false;
    for (; digits < 9; digits++)
        ns *= 10;
    *ret_ns = ns;
    return true;
}

static bool take_offset(const char **at, const char *end, int64_t *ret_seconds)
{
    if (take_letter(at, end, 'Z')) {
        *ret_seconds = 0;
        return true;
    }
    bool west = *at < end && **at == '-';
    if (!(take_char(at, end, '+') || take_char(at, end, '-')) || end - *at < 5)
        return false;
    unsigned hours = two_digits(*at), minutes = two_digits(*at + 3);
    if ((*at)[2] != ':' || hours > 23 || minutes > 59)
        return false;
    *at += 5;
    int64_t seconds = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *ret_seconds = west ? -seconds : seconds;
    return true;
}

enum timestamp_result timestamp_from_parts(const struct timestamp_parts *parts, int64_t *ret_ns)
{
    REQUIRE(parts->year <= 9999);
    if (!date_exists(parts) || parts->hour > 23 || parts->minute > 59 || parts->second > 59)
        return TIMESTAMP_BAD_FORM;
    int64_t seconds = timestamp_days_from_civil(parts->year, parts->month, parts->day) * 86400 +
                      (int64_t)parts->hour * 3600 + (int64_t)parts->minute * 60 +
                      (int64_t)parts->second - parts->offset_seconds;
    /* In 128 bits: near the lower bound the product does not fit 64 bits although the sum does. */
    __int128 ns = (__int128)seconds * TIMESTAMP_NS_PER_SECOND + parts->fraction_ns;
    if (ns > INT64_MAX || ns < INT64_MIN)
        return TIMESTAMP_OVERFLOW;
    *ret_ns = (int64_t)ns;
    return TIMESTAMP_OK;
}

enum timestamp_result timestamp_parse(const char *text, size_t len, int64_t *ret_ns)
{
    struct timestamp_parts parts = {0};
    if (len < sizeof "2000-01-01T00:00:00Z" - 1 || !read_date(text, &parts) ||
        (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':')
        return TIMESTAMP_BAD_FORM;
    parts.hour = two_digits(text + 11);
    parts.minute = two_digits(text + 14);
    parts.second = two_digits(text + 17);
    const char *at = text + 19, *end = text + len;
    if (take_char(&at, end, '.') && !take_fraction(&at, end, &parts.fraction_ns))
        return TIMESTAMP_BAD_FORM;
    if (!take_offset(&at, end, &parts.offset_seconds) || at != end)
        return TIMESTAMP_BAD_FORM;
    return timestamp_from_parts(&parts, ret_ns);
}

enum timestamp_result timestamp_parse_date(const char *text, size_t len, int64_t *ret_days)
{
    struct timestamp_parts parts;
    if (len != sizeof "2000-01-01" - 1 || !read_date(text, &parts) || !date_exists(&parts))
        return TIMESTAMP_BAD_FORM;
    *ret_days = timestamp_days_from_civil(parts.year, parts.month, parts.day);
    return TIMESTAMP_OK;
}

/* Writes count digits and advances. */
static void put_digits(uint8_t **at, uint64_t number, unsigned count)
{
    for (unsigned i = count; i-- > 0; number /= 10)
        (*at)[i] = (uint8_t)('0' + number % 10);
    *at += count;
}

/* Writes a date and advances. */
static void put_date(uint8_t **at, int64_t days)
{
    int64_t year, month, day;
    civil_from_days(days, &year, &month, &day);
    put_digits(at, (uint64_t)year, 4);
    *(*at)++ = '-';
    put_digits(at, (uint64_t)month, 2);
    *(*at)++ = '-';
    put_digits(at, (uint64_t)day, 2);
}

void timestamp_format_date(int64_t days, struct buf *out)
{
    REQUIRE(days >= TIMESTAMP_DAYS_MIN && days <= TIMESTAMP_DAYS_MAX);
    uint8_t *at = buf_reserve(out, sizeof "2000-01-01");
    put_date(&at, days);
    out->len = (size_t)(at - out->data);
}

void timestamp_format(int64_t ns, struct buf *out)
{
    uint8_t *at = buf_reserve(out, sizeof "2000-01-01T00:00:00.123456789Z");
    put_date(&at, floor_div(ns, TIMESTAMP_NS_PER_DAY));
    uint64_t ns_of_day = (uint64_t)floor_mod(ns, TIMESTAMP_NS_PER_DAY);
    uint64_t seconds = ns_of_day / TIMESTAMP_NS_PER_SECOND;
    uint64_t fraction = ns_of_day % TIMESTAMP_NS_PER_SECOND;
    *at++ = 'T';
    put_digits(&at, seconds / 3600, 2);
    *at++ = ':';
    put_digits(&at, seconds / 60 % 60, 2);
    *at++ = ':';
    put_digits(&at, seconds % 60, 2);
    if (fraction != 0) {
        unsigned digits = 9;
        for (; fraction % 10 == 0; fraction /= 10)
            digits--;
        *at++ = '.';
        put_digits(&at, fraction, digits);
    }
    *at++ = 'Z';
    out->len = (size_t)(at - out->data);
}
