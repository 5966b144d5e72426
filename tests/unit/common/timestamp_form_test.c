/* SPDX-License-Identifier: MIT */
/*
 * Forms against strftime(3), which writes what is to be read, and by cases.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/timestamp_form.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define UNTOUCHED INT64_C(-7777777)
#define SECOND TIMESTAMP_NS_PER_SECOND
#define GOOD(ns) TIMESTAMP_OK, ns
#define BAD TIMESTAMP_BAD_FORM, 0
#define FAR TIMESTAMP_OVERFLOW, 0
#define APACHE "%d/%b/%Y:%H:%M:%S %z"

static struct timestamp_form form_of(const char *text)
{
    struct timestamp_form form;
    struct err e;
    if (timestamp_form_read(text, &form, &e) != 0)
        fail_msg("'%s': %s", text, e.text);
    return form;
}

static const struct {
    const char *form;
    const char *text;
    enum timestamp_result result;
    int64_t ns;
} cases[] = {
    {APACHE, "10/Oct/2000:13:55:36 -0700", GOOD(971211336 * SECOND)},
    {APACHE, "10/oct/2000:13:55:36 -07:00", GOOD(971211336 * SECOND)},
    {APACHE, "10/OCT/2000:20:55:36 Z", GOOD(971211336 * SECOND)},
    {APACHE, "10/Oct/2000:13:55:36 -0760", BAD},
    {APACHE, "10/Oct/2000:13:55:36 -2400", BAD},
    {APACHE, "10/Okt/2000:13:55:36 -0700", BAD},
    {APACHE, "1/Oct/2000:13:55:36 -0700", BAD},
    {APACHE, "10/Oct/2000:13:55:36 -0700 ", BAD},
    {APACHE, " 10/Oct/2000:13:55:36 -0700", BAD},
    {APACHE, "10/Oct/2000:13:55:36 0700", BAD},
    {APACHE, "10/Oct/2000:13:55:36 ", BAD},
    {APACHE, "10/Oct/2000:24:00:00 +0000", BAD},
    {APACHE, "10/Oct/2000:23:60:00 +0000", BAD},
    {APACHE, "10/Oct/2000:23:59:60 +0000", BAD},
    {APACHE, "30/Feb/2000:00:00:00 +0000", BAD},
    {APACHE, "29/Feb/2000:00:00:00 +0000", GOOD(951782400 * SECOND)},
    {APACHE, "29/Feb/1900:00:00:00 +0000", BAD},
    {APACHE, "11/Apr/2262:23:47:16 +0000", GOOD(INT64_C(9223372036) * SECOND)},
    {APACHE, "11/Apr/2262:23:47:17 +0000", FAR},
    {APACHE, "", BAD},
    {"%Y-%m-%d", "2000-01-01", GOOD(946684800 * SECOND)},
    {"%Y-%m-%d", "2000-1-01", BAD},
    {"%Y-%m-%d", "2000-13-01", BAD},
    {"%Y-%m-%d", "2000-00-01", BAD},
    {"%Y-%m-%d", "2000-01-00", BAD},
    {"%Y-%m-%d", "+200-01-01", BAD},
    {"%Y%m%dT%H%M%S", "20000101T010203", GOOD((946684800 + 3723) * SECOND)},
    {"%Y-%m-%d %H:%M:%S.%f", "2000-01-01 00:00:00.5", GOOD(946684800 * SECOND + SECOND / 2)},
    {"%Y-%m-%d %H:%M:%S,%f", "2000-01-01 00:00:00,000000001", GOOD(946684800 * SECOND + 1)},
    {"%Y-%m-%d %H:%M:%S.%f", "2000-01-01 00:00:00.", BAD},
    {"%Y-%m-%d %H:%M:%S.%f", "2000-01-01 00:00:00.0000000001", BAD},
    {"%a %b %e %H:%M:%S %Y", "Sat Jan  1 00:00:00 2000", GOOD(946684800 * SECOND)},
    {"%a %b %e %H:%M:%S %Y", "Sat Jan 1 00:00:00 2000", GOOD(946684800 * SECOND)},
    {"%a %b %e %H:%M:%S %Y", "Sun Jan  1 00:00:00 2000", BAD},
    {"%a %b %e %H:%M:%S %Y", "Sat Jan 15 00:00:00 2000", GOOD(947894400 * SECOND)},
    {"%a %b %e %H:%M:%S %Y", "Sat Jan  15 00:00:00 2000", BAD},
    {"%a, %d %b %Y %H:%M:%S GMT", "Wed, 31 Dec 1969 23:59:59 GMT", GOOD(-SECOND)},
    {"%d.%m.%Y 100%%", "01.01.1970 100%", GOOD(0)},
    {"%s", "0", GOOD(0)},
    {"%s", "971211336", GOOD(971211336 * SECOND)},
    {"%s", "-1", GOOD(-SECOND)},
    {"%s", "-", BAD},
    {"%s", "", BAD},
    {"%s", "+1", BAD},
    {"%s", "99999999999", FAR},
    {"%s", "-99999999999", FAR},
    {"%s", "999999999999", FAR},
    {"%s", "9999999999999", BAD},
    {"%s.%f", "1.5", GOOD(3 * SECOND / 2)},
    {"%s.%f", "-1.5", GOOD(-3 * SECOND / 2)},
    {"%s.%f", "-0.5", GOOD(-SECOND / 2)},
    {"%s.%f", "9223372036.854775807", GOOD(INT64_MAX)},
    {"%s.%f", "9223372036.854775808", FAR},
    {"%s.%f", "-9223372036.854775808", GOOD(INT64_MIN)},
    {"%s.%f", "-9223372036.854775809", FAR},
};

static void cases_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct timestamp_form form = form_of(cases[i].form);
        int64_t ns = UNTOUCHED;
        enum timestamp_result result =
            timestamp_form_parse(&form, cases[i].text, strlen(cases[i].text), &ns);
        if (result != cases[i].result || ns != (result == TIMESTAMP_OK ? cases[i].ns : UNTOUCHED))
            fail_msg("'%s' as %s: %d, %lld", cases[i].text, cases[i].form, (int)result,
                     (long long)ns);
    }
}

static const struct {
    const char *form;
    const char *fault;
} bad_forms[] = {
    {"", "it has no complete date; use %Y, %m or %b, and %d or %e, or else %s"},
    {"%H:%M", "it has no complete date; use %Y, %m or %b, and %d or %e, or else %s"},
    {"%Y-%m", "it has no complete date; use %Y, %m or %b, and %d or %e, or else %s"},
    {"%Y-%m-%d %Y", "it has '%Y' twice"},
    {"%Y-%m-%d %b", "'%m' and '%b' are both the month"},
    {"%Y-%m-%d %e", "'%d' and '%e' are both the day"},
    {"%Y-%m-%d %f", "'%f' is a fraction of a second, but there is no '%S'"},
    {"%s %z", "'%s' is the whole time; remove '%z'"},
    {"%Y-%m-%q",
     "'%q' is not a part of a time; the parts are %Y %m %b %d %e %H %M %S %f %a %z %s %%"},
    {"%Y-%m-%d%",
     "'% ' is not a part of a time; the parts are %Y %m %b %d %e %H %M %S %f %a %z %s %%"},
    {"%Y-%m-%d----------------------------------------------------------------",
     "it has more than 64 parts"},
};

static void bad_forms_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_forms / sizeof bad_forms[0]; i++) {
        struct timestamp_form form;
        struct err e = {0};
        assert_int_equal(timestamp_form_read(bad_forms[i].form, &form, &e), ERR_INVALID);
        assert_string_equal(e.text, bad_forms[i].fault);
    }
}

/* The forms are from a table: */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

/* What strftime() writes of a random second is read as that second. */
static void what_strftime_writes_is_read(void **state)
{
    (void)state;
    static const char *const forms[] = {
        APACHE,         "%a, %d %b %Y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y",
        "%Y%m%d%H%M%S", "%S-%M-%H %e.%m.%Y %z",      "%s"};
    for (int i = 0; i < 20000; i++) {
        time_t seconds = (time_t)(random_integer() % INT64_C(9223372036));
        struct tm tm;
        assert_non_null(gmtime_r(&seconds, &tm));
        const char *text_of_form = forms[random_below(sizeof forms / sizeof forms[0])];
        struct timestamp_form form = form_of(text_of_form);
        char text[64];
        if (strcmp(text_of_form, "%s") == 0) /* strftime's is in local time */
            (void)snprintf(text, sizeof text, "%lld", (long long)seconds);
        else
            assert_true(strftime(text, sizeof text, text_of_form, &tm) != 0);
        int64_t ns = UNTOUCHED;
        if (timestamp_form_parse(&form, text, strlen(text), &ns) != TIMESTAMP_OK ||
            ns != seconds * SECOND)
            fail_msg("'%s' as %s: %lld", text, text_of_form, (long long)ns);
        /* A text that was cut short, or goes on, is in no form any more. */
        if (strcmp(text_of_form, "%s") != 0)
            assert_int_equal(timestamp_form_parse(&form, text, strlen(text) - 1, &ns),
                             TIMESTAMP_BAD_FORM);
    }
}

/* Whatever stands there is refused or read, and nothing behind it is looked at. */
static void noise_is_survived(void **state)
{
    (void)state;
    struct timestamp_form form = form_of(APACHE);
    for (int i = 0; i < 100000; i++) {
        char text[] = "10/Oct/2000:13:55:36 -0700";
        size_t changes = 1 + random_below(3);
        for (size_t k = 0; k < changes; k++)
            text[random_below(sizeof text - 1)] = (char)random_bits();
        size_t len = random_below(sizeof text);
        char *copy = malloc(len + 1); /* of its size, for the sanitizers */
        assert_non_null(copy);
        memcpy(copy, text, len);
        int64_t ns;
        (void)timestamp_form_parse(&form, copy, len, &ns);
        free(copy);
    }
}

int main(int argc, char **argv)
{
    random_init("timestamp_form_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cases_are_read),
        cmocka_unit_test(bad_forms_are_refused),
        cmocka_unit_test(what_strftime_writes_is_read),
        cmocka_unit_test(noise_is_survived),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
