/* SPDX-License-Identifier: MIT */
#include <regex.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "common/timestamp.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define UNTOUCHED INT64_C(-7777777)
#define SECOND TIMESTAMP_NS_PER_SECOND
#define GOOD(ns) TIMESTAMP_OK, ns
#define BAD TIMESTAMP_BAD_FORM, 0
#define FAR TIMESTAMP_OVERFLOW, 0

static const struct {
    const char *name;
    const char *text;
    enum timestamp_result result;
    int64_t ns;
} parse_cases[] = {
    {"the epoch", "1970-01-01T00:00:00Z", GOOD(0)},
    {"a second before it", "1969-12-31T23:59:59Z", GOOD(-SECOND)},
    {"a nanosecond before it", "1969-12-31T23:59:59.999999999Z", GOOD(-1)},
    {"2000", "2000-01-01T00:00:00Z", GOOD(946684800 * SECOND)},
    {"lower case", "2000-01-01t00:00:00z", GOOD(946684800 * SECOND)},
    {"one decimal", "1970-01-01T00:00:00.5Z", GOOD(SECOND / 2)},
    {"nine decimals", "1970-01-01T00:00:00.000000001Z", GOOD(1)},
    {"decimals that end in zeros", "1970-01-01T00:00:01.500000000Z", GOOD(3 * SECOND / 2)},
    {"east", "1970-01-01T01:30:00+01:30", GOOD(0)},
    {"west", "1969-12-31T18:30:00-05:30", GOOD(0)},
    {"offset of unknown place", "1970-01-01T00:00:00-00:00", GOOD(0)},
    {"greatest offset", "1970-01-01T23:59:00+23:59", GOOD(0)},
    {"decimals and offset", "1970-01-01T02:00:00.25+02:00", GOOD(SECOND / 4)},
    {"leap day", "2004-02-29T00:00:00Z", GOOD(1078012800 * SECOND)},
    {"leap day of a 400th year", "2000-02-29T00:00:00Z", GOOD(951782400 * SECOND)},
    {"last moment", "2262-04-11T23:47:16.854775807Z", GOOD(INT64_MAX)},
    {"behind the last moment", "2262-04-11T23:47:16.854775808Z", FAR},
    {"last moment elsewhere", "2262-04-12T00:47:16.854775807+01:00", GOOD(INT64_MAX)},
    {"first moment", "1677-09-21T00:12:43.145224192Z", GOOD(INT64_MIN)},
    {"before the first moment", "1677-09-21T00:12:43.145224191Z", FAR},
    {"first moment elsewhere", "1677-09-20T23:12:43.145224192-01:00", GOOD(INT64_MIN)},
    {"offset leads out of range", "2262-04-11T23:47:16.854775807-00:01", FAR},
    {"year 0", "0000-01-01T00:00:00Z", FAR},
    {"leap day of year 0", "0000-02-29T00:00:00Z", FAR},
    {"leap day of another 400th year", "2400-02-29T00:00:00Z", FAR},
    {"no leap day in a 500th year", "1500-02-29T00:00:00Z", BAD},
    {"year 9999", "9999-12-31T23:59:59Z", FAR},
    {"wrong before far", "9999-02-29T00:00:00Z", BAD},
    {"empty", "", BAD},
    {"date alone", "2000-01-01", BAD},
    {"no zone", "2000-01-01T00:00:00", BAD},
    {"no seconds", "2000-01-01T00:00Z", BAD},
    {"space for T", "2000-01-01 00:00:00Z", BAD},
    {"month 0", "2000-00-01T00:00:00Z", BAD},
    {"month 13", "2000-13-01T00:00:00Z", BAD},
    {"day 0", "2000-01-00T00:00:00Z", BAD},
    {"day 32", "2000-01-32T00:00:00Z", BAD},
    {"31st of April", "2000-04-31T00:00:00Z", BAD},
    {"29th of February", "2001-02-29T00:00:00Z", BAD},
    {"29th of February 1900", "1900-02-29T00:00:00Z", BAD},
    {"30th of February", "2000-02-30T00:00:00Z", BAD},
    {"hour 24", "2000-01-01T24:00:00Z", BAD},
    {"minute 60", "2000-01-01T00:60:00Z", BAD},
    {"leap second", "2016-12-31T23:59:60Z", BAD},
    {"no digits behind the point", "2000-01-01T00:00:00.Z", BAD},
    {"ten decimals", "2000-01-01T00:00:00.0000000000Z", BAD},
    {"comma", "2000-01-01T00:00:00,5Z", BAD},
    {"offset of hours alone", "2000-01-01T00:00:00+01", BAD},
    {"offset without colon", "2000-01-01T00:00:00+0100", BAD},
    {"offset hour 24", "2000-01-01T00:00:00+24:00", BAD},
    {"offset minute 60", "2000-01-01T00:00:00+01:60", BAD},
    {"zone twice", "2000-01-01T00:00:00ZZ", BAD},
    {"space behind", "2000-01-01T00:00:00Z ", BAD},
    {"space before", " 2000-01-01T00:00:00Z", BAD},
    {"year of five digits", "12000-01-01T00:00:00Z", BAD},
    {"year of two digits", "00-01-01T00:00:00Z", BAD},
    {"signed year", "+200-01-01T00:00:00Z", BAD},
    {"one digit of month", "2000-1-01T00:00:00Z", BAD},
    {"slashes", "2000/01/01T00:00:00Z", BAD},
};

/* Parses a copy of exactly that size, so that a sanitizer sees reads behind it. */
static enum timestamp_result parse(const char *text, size_t len, int64_t *ret_ns)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum timestamp_result result = timestamp_parse(copy, len, ret_ns);
    free(copy);
    return result;
}

static void known_times_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++) {
        int64_t ns = UNTOUCHED;
        enum timestamp_result result = parse(parse_cases[i].text, strlen(parse_cases[i].text), &ns);
        int64_t expected = parse_cases[i].result == TIMESTAMP_OK ? parse_cases[i].ns : UNTOUCHED;
        if (result != parse_cases[i].result || ns != expected)
            fail_msg("%s: result %d, %" PRId64, parse_cases[i].name, (int)result, ns);
    }
}

/* Every part that ends early must be refused, and nothing behind it be read. */
static void cut_times_are_refused(void **state)
{
    (void)state;
    static const char whole[] = "2000-01-01T00:00:00.123456789+01:00";
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        int64_t ns = UNTOUCHED;
        assert_int_equal(parse(whole, len, &ns), TIMESTAMP_BAD_FORM);
        assert_int_equal(ns, UNTOUCHED);
    }
}

static const struct {
    int64_t ns;
    const char *text;
} format_cases[] = {
    {0, "1970-01-01T00:00:00Z"},
    {1, "1970-01-01T00:00:00.000000001Z"},
    {-1, "1969-12-31T23:59:59.999999999Z"},
    {SECOND / 2, "1970-01-01T00:00:00.5Z"},
    {SECOND / 1000, "1970-01-01T00:00:00.001Z"},
    {120 * SECOND / 1000, "1970-01-01T00:00:00.12Z"},
    {946684800 * SECOND, "2000-01-01T00:00:00Z"},
    {951782400 * SECOND, "2000-02-29T00:00:00Z"},
    {951868799 * SECOND, "2000-02-29T23:59:59Z"},
    {951868800 * SECOND, "2000-03-01T00:00:00Z"},
    {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
    {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
};

static void times_are_written(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof format_cases / sizeof format_cases[0]; i++) {
        buf_reset(&text);
        buf_add_text(&text, ">");
        timestamp_format(format_cases[i].ns, &text);
        if (strcmp(buf_text(&text) + 1, format_cases[i].text) != 0)
            fail_msg("'%s', expected '%s'", buf_text(&text), format_cases[i].text);
    }
    buf_done(&text);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 100000; i++) {
        int64_t ns = random_integer();
        if (random_below(2) == 0)
            ns -= ns % SECOND;
        buf_reset(&text);
        timestamp_format(ns, &text);
        int64_t read = UNTOUCHED;
        enum timestamp_result result = parse((const char *)text.data, text.len, &read);
        if (result != TIMESTAMP_OK || read != ns)
            fail_msg("%s: result %d, %" PRId64 ", expected %" PRId64, buf_text(&text), (int)result,
                     read, ns);
    }
    buf_done(&text);
}

/* The same moment told in another place is the same moment. */
static void offsets_are_taken_off(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 50000; i++) {
        int64_t ns = random_integer();
        int64_t minutes = (int64_t)random_below(2 * 1439 + 1) - 1439;
        int64_t local;
        if (__builtin_add_overflow(ns, minutes * 60 * SECOND, &local))
            continue;
        buf_reset(&text);
        timestamp_format(local, &text);
        text.len--; /* the Z */
        int64_t distance = minutes < 0 ? -minutes : minutes;
        buf_add_format(&text, "%c%02d:%02d", minutes < 0 ? '-' : '+', (int)(distance / 60),
                       (int)(distance % 60));
        int64_t read = UNTOUCHED;
        assert_int_equal(parse((const char *)text.data, text.len, &read), TIMESTAMP_OK);
        if (read != ns)
            fail_msg("%s: %" PRId64 ", expected %" PRId64, buf_text(&text), read, ns);
    }
    buf_done(&text);
}

static void glibc_writes_the_same(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 50000; i++) {
        int64_t seconds = random_integer() / SECOND;
        /* Each year's edges are drawn more often than chance would. */
        if (i % 4 == 0) {
            struct tm edge = {.tm_year = (int)random_below(584) + 1678 - 1900};
            edge.tm_mon = random_below(2) == 0 ? 0 : 2;
            edge.tm_mday = 1;
            seconds = timegm(&edge) - (int64_t)random_below(2);
        }
        time_t moment = (time_t)seconds;
        struct tm tm;
        char expected[32];
        assert_non_null(gmtime_r(&moment, &tm));
        assert_true(strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%SZ", &tm) > 0);
        buf_reset(&text);
        timestamp_format(seconds * SECOND, &text);
        assert_string_equal(buf_text(&text), expected);
        int64_t read = UNTOUCHED;
        assert_int_equal(parse(expected, strlen(expected), &read), TIMESTAMP_OK);
        assert_int_equal(read, timegm(&tm) * SECOND);
    }
    buf_done(&text);
}

static void days_are_those_of_glibc(void **state)
{
    (void)state;
    for (int year = -4000; year <= 9999; year++) {
        for (int i = 0; i < 4; i++) {
            int month = (int)random_below(12) + 1;
            int day = (int)random_below(28) + 1;
            if (i == 0)
                month = 3, day = 1;
            else if (i == 1)
                month = 2, day = 28;
            struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
            int64_t days = timestamp_days_from_civil(year, (unsigned)month, (unsigned)day);
            if (days * 86400 != timegm(&tm))
                fail_msg("%d-%02d-%02d: day %" PRId64, year, month, day, days);
        }
    }
}

static int number_at(const char *text, const regmatch_t *part)
{
    return (int)strtol(text + part->rm_so, NULL, 10);
}

/* A second judgement, by a regular expression and by glibc's calendar. */
static enum timestamp_result slow_parse(const regex_t *form, const char *text, int64_t *ret_ns)
{
    enum { YEAR = 1, MONTH, DAY, HOUR, MINUTE, SECONDS, POINT, FRACTION, ZONE, SIGN, EAST, PAST };
    regmatch_t part[PAST + 1];
    if (regexec(form, text, PAST + 1, part, 0) != 0)
        return TIMESTAMP_BAD_FORM;
    struct tm tm = {
        .tm_year = number_at(text, &part[YEAR]) - 1900,
        .tm_mon = number_at(text, &part[MONTH]) - 1,
        .tm_mday = number_at(text, &part[DAY]),
        .tm_hour = number_at(text, &part[HOUR]),
        .tm_min = number_at(text, &part[MINUTE]),
        .tm_sec = number_at(text, &part[SECONDS]),
    };
    struct tm wanted = tm;
    /* timegm() carries what is too great; a date that exists comes back as it went. */
    __int128 ns = timegm(&tm);
    if (tm.tm_mon != wanted.tm_mon || tm.tm_mday != wanted.tm_mday ||
        tm.tm_hour != wanted.tm_hour || tm.tm_min != wanted.tm_min || tm.tm_sec != wanted.tm_sec)
        return TIMESTAMP_BAD_FORM;
    if (part[SIGN].rm_so >= 0) {
        int hours = number_at(text, &part[EAST]), minutes = number_at(text, &part[PAST]);
        if (hours > 23 || minutes > 59)
            return TIMESTAMP_BAD_FORM;
        int seconds = hours * 3600 + minutes * 60;
        ns += text[part[SIGN].rm_so] == '-' ? seconds : -seconds;
    }
    char fraction[10] = "000000000";
    if (part[FRACTION].rm_so >= 0)
        memcpy(fraction, text + part[FRACTION].rm_so,
               (size_t)(part[FRACTION].rm_eo - part[FRACTION].rm_so));
    ns = ns * SECOND + strtol(fraction, NULL, 10);
    if (ns < INT64_MIN || ns > INT64_MAX)
        return TIMESTAMP_OVERFLOW;
    *ret_ns = (int64_t)ns;
    return TIMESTAMP_OK;
}

static void damage(struct buf *text)
{
    static const char odd[] = "0123456789012345678901234567890123456789TtZz+-.: /x";
    size_t at = random_below(text->len);
    char c = odd[random_below(sizeof odd - 1)];
    switch (random_below(8)) {
    case 0:
        memmove(text->data + at, text->data + at + 1, text->len - at - 1);
        text->len--;
        break;
    case 1:
        buf_add_byte(text, (uint8_t)c);
        break;
    case 2:
        break;
    default:
        text->data[at] = (uint8_t)c;
    }
}

static void any_text_is_judged_as_slowly(void **state)
{
    (void)state;
    regex_t form;
    assert_int_equal(regcomp(&form,
                             "^([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})"
                             "([.]([0-9]{1,9}))?([Zz]|([+-])([0-9]{2}):([0-9]{2}))$",
                             REG_EXTENDED),
                     0);
    struct buf text = {0};
    unsigned counts[TIMESTAMP_OVERFLOW + 1] = {0};
    for (int i = 0; i < 30000; i++) {
        buf_reset(&text);
        timestamp_format(random_integer(), &text);
        if (random_below(2) == 0) {
            text.len--;
            buf_add_text(&text, random_below(2) == 0 ? "+05:30" : "-23:59");
        }
        for (uint64_t n = 1 + random_below(2); n > 0; n--)
            damage(&text);
        int64_t expected = UNTOUCHED, ns = UNTOUCHED;
        enum timestamp_result wanted = slow_parse(&form, buf_text(&text), &expected);
        enum timestamp_result result = parse((const char *)text.data, text.len, &ns);
        if (result != wanted || ns != expected)
            fail_msg("'%s': result %d, %" PRId64 "; expected %d, %" PRId64, buf_text(&text),
                     (int)result, ns, (int)wanted, expected);
        counts[result]++;
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_true(counts[i] > 0);
    regfree(&form);
    buf_done(&text);
}

int main(int argc, char **argv)
{
    random_init("timestamp_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_times_are_read),    cmocka_unit_test(cut_times_are_refused),
        cmocka_unit_test(times_are_written),       cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(offsets_are_taken_off),   cmocka_unit_test(glibc_writes_the_same),
        cmocka_unit_test(days_are_those_of_glibc), cmocka_unit_test(any_text_is_judged_as_slowly),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
