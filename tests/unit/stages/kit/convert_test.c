/* SPDX-License-Identifier: MIT */
/*
 * Tests conversions against what the manual says under `map`: what becomes of a value, as its text
 * in JSON, and what is refused with which reason.
 */
#include <string.h>

#include "common/type.h"
#include "common/value_json.h"
#include "stages/dead_reasons.h"
#include "stages/kit/convert.h"
#include "tests/unit/cases.h"

static struct type type_of(const char *text)
{
    struct type type;
    struct err e;
    if (type_parse(text, &type, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return type;
}

static struct value value_of(const char *text, struct type type)
{
    static const struct scalar_form form = {.bare_money = true};
    struct value value = value_of_nothing();
    const char *why;
    if (text != NULL && scalar_parse(&type, text, strlen(text), &form, &value, &why) != SCALAR_GOOD)
        fail_msg("'%s' %s", text, why);
    return value;
}

struct row {
    const char *from, *text; /* NULL: no value */
    const char *to;
    const char *json;                 /* NULL: */
    const struct dead_reason *reason; /* this */
};

/* Converts a value; checks that the result is the expected one and has the right type. */
static void check(const struct row *row, const char *fallback, bool rounds, enum rounding mode)
{
    struct conversion c = {.from = type_of(row->from),
                           .to = type_of(row->to),
                           .rounds = rounds,
                           .mode = mode,
                           .has_fallback = fallback != NULL};
    c.fallback = value_of(fallback, c.to);
    struct value value = value_of(row->text, c.from), converted = value_of_nothing();
    struct buf text = {0}, json = {0};
    struct misfit misfit;
    assert_true(convert_can(c.from, c.to));
    if (convert_value(&c, &value, &text, &converted, &misfit)) {
        value_write_json(&converted, c.to, &json);
        assert_true(scalar_admits(c.to, &converted));
        if (row->json == NULL || strcmp(buf_text(&json), row->json) != 0)
            fail_msg("%s '%s' as %s: %s", row->from, row->text, row->to, buf_text(&json));
    } else if (row->json != NULL || misfit.reason != row->reason) {
        fail_msg("%s '%s' as %s: it %s", row->from, row->text, row->to, misfit.what);
    }
    buf_done(&text);
    buf_done(&json);
}

static void check_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check(&rows[i], NULL, false, ROUNDING_DOWN);
}

static void texts_become_what_they_are_the_text_of(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"string", "12", "int", "12", NULL},
        {"bytes", "-9223372036854775808", "int", "-9223372036854775808", NULL},
        {"bytes", "9223372036854775808", "int", NULL, &dead_overflow},
        {"string", "1.5", "int", NULL, &dead_bad_value},
        {"string", "", "int", NULL, &dead_bad_value},
        {"string", "true", "bool", "true", NULL},
        {"string", "$12.34", "money(USD)", "\"$12.34\"", NULL},
        {"string", "12.34", "money(USD)", "\"$12.34\"", NULL},
        {"string", "EUR 1", "money(USD)", NULL, &dead_wrong_currency},
        {"string", "$1.234", "money(USD)", NULL, &dead_too_many_decimals},
        {"string", "1.5", "decimal(3,2)", "\"1.50\"", NULL},
        {"string", "2000-01-01T01:00:00+01:00", "timestamp", "\"2000-01-01T00:00:00Z\"", NULL},
        {"string", "yesterday", "timestamp", NULL, &dead_bad_timestamp},
        {"string", "2000-02-29", "date", "\"2000-02-29\"", NULL},
        {"string", "open", "enum(open, shut)", "\"open\"", NULL},
        {"string", "opened", "enum(open, shut)", NULL, &dead_bad_value},
        {"string", "abc", "string(1..3)", "\"abc\"", NULL},
        {"string", "abcd", "string(1..3)", NULL, &dead_bad_value},
        {"string", "a", "bytes", "\"a\"", NULL},
        {"bytes", "a\xff", "string", NULL, &dead_not_utf8},
        {"optional(string)", "7", "int", "7", NULL},
        {"string", "7", "optional(int)", "7", NULL},
    };
    check_all(rows, sizeof rows / sizeof rows[0]);
}

static void scalars_become_strings_as_in_json_without_quotes(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"int", "-5", "string", "\"-5\"", NULL},
        {"bool", "false", "string", "\"false\"", NULL},
        {"money(USD)", "-$0.05", "string", "\"-$0.05\"", NULL},
        {"decimal(4,2)", "1.5", "string", "\"1.50\"", NULL},
        {"timestamp", "2000-01-01T00:00:00.5Z", "string", "\"2000-01-01T00:00:00.5Z\"", NULL},
        {"date", "0000-01-01", "string", "\"0000-01-01\"", NULL},
        {"duration", "90m", "string", "\"1h30m\"", NULL},
        {"enum(a.b, c-d)", "c-d", "string", "\"c-d\"", NULL},
        {"int", "1234", "string(1..3)", NULL, &dead_bad_value},
        {"optional(int)", "7", "optional(string)", "\"7\"", NULL},
    };
    check_all(rows, sizeof rows / sizeof rows[0]);
}

static void numbers_become_each_other_in_whole_units(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"int", "5", "money(USD)", "\"$5.00\"", NULL},
        {"int", "5", "money(JPY)", "\"¥5\"", NULL},
        {"int", "5", "money(KWD)", "\"KWD 5.000\"", NULL},
        {"int", "92233720368547758", "money(USD)", "\"$92233720368547758.00\"", NULL},
        {"int", "92233720368547759", "money(USD)", NULL, &dead_overflow},
        {"int", "-92233720368547759", "money(USD)", NULL, &dead_overflow},
        {"int", "999", "decimal(3,0)", "\"999\"", NULL},
        {"int", "-999", "decimal(3,0)", "\"-999\"", NULL},
        {"int", "1000", "decimal(3,0)", NULL, &dead_overflow},
        {"int", "-1000", "decimal(3,0)", NULL, &dead_overflow},
        {"int", "9223372036854775807", "decimal(18,18)", NULL, &dead_overflow},
        {"int", "0", "decimal(18,18)", "\"0.000000000000000000\"", NULL},
        {"decimal(4,2)", "12.00", "int", "12", NULL},
        {"decimal(4,2)", "-12.00", "int", "-12", NULL},
        {"decimal(4,2)", "12.01", "int", NULL, &dead_too_many_decimals},
        {"decimal(18,18)", "0.999999999999999999", "decimal(1,0)", NULL, &dead_too_many_decimals},
        {"decimal(4,2)", "12.50", "decimal(2,1)", NULL, &dead_overflow},
        {"decimal(4,2)", "12.50", "decimal(3,1)", "\"12.5\"", NULL},
        {"decimal(4,2)", "1.5", "money(USD)", "\"$1.50\"", NULL},
        {"decimal(4,3)", "1.5", "money(JPY)", NULL, &dead_too_many_decimals},
        {"money(USD)", "$7.00", "int", "7", NULL},
        {"money(USD)", "$7.50", "int", NULL, &dead_too_many_decimals},
        {"money(USD)", "$7.50", "decimal(3,2)", "\"7.50\"", NULL},
    };
    check_all(rows, sizeof rows / sizeof rows[0]);
}

static void times_and_days_become_each_other(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"timestamp", "2000-01-01T23:59:59.999999999Z", "date", "\"2000-01-01\"", NULL},
        {"timestamp", "1969-12-31T23:59:59.999999999Z", "date", "\"1969-12-31\"", NULL},
        {"timestamp", "1970-01-01T00:00:00Z", "date", "\"1970-01-01\"", NULL},
        {"timestamp", "2000-01-02T00:30:00+01:00", "date", "\"2000-01-01\"", NULL},
        {"date", "2000-01-01", "timestamp", "\"2000-01-01T00:00:00Z\"", NULL},
        {"date", "2262-04-11", "timestamp", "\"2262-04-11T00:00:00Z\"", NULL},
        {"date", "2262-04-12", "timestamp", NULL, &dead_overflow},
        {"date", "1677-09-22", "timestamp", "\"1677-09-22T00:00:00Z\"", NULL},
        {"date", "1677-09-21", "timestamp", NULL, &dead_overflow}, /* it begins before all times */
    };
    check_all(rows, sizeof rows / sizeof rows[0]);
}

static void no_value_becomes_none_or_the_default(void **state)
{
    (void)state;
    static const struct row none = {"optional(int)", NULL, "optional(string)", "null", NULL},
                            same = {"optional(int)", NULL, "optional(int)", "null", NULL},
                            refused = {"optional(int)", NULL, "int", NULL, &dead_missing_field},
                            other = {"optional(int)", NULL, "string", NULL, &dead_missing_field},
                            instead = {"optional(int)", NULL, "money(USD)", "\"$9.00\"", NULL},
                            of_optional = {"optional(int)", NULL, "optional(int)", "9", NULL},
                            there = {"optional(int)", "3", "int", "3", NULL};
    check(&none, NULL, false, ROUNDING_DOWN);
    check(&same, NULL, false, ROUNDING_DOWN);
    check(&refused, NULL, false, ROUNDING_DOWN);
    check(&other, NULL, false, ROUNDING_DOWN);
    check(&instead, "9", false, ROUNDING_DOWN);
    check(&of_optional, "9", false, ROUNDING_DOWN);
    check(&there, "9", false, ROUNDING_DOWN);
}

static void decimals_that_do_not_fit_are_rounded_as_said(void **state)
{
    (void)state;
    static const struct {
        enum rounding mode;
        const char *results[6];
    } rows[] = {
        {ROUNDING_HALF_EVEN, {"2", "3", "4", "-2", "-3", "-4"}},
        {ROUNDING_HALF_UP, {"3", "3", "4", "-3", "-3", "-4"}},
        {ROUNDING_DOWN, {"2", "2", "3", "-2", "-2", "-3"}},
        {ROUNDING_UP, {"3", "3", "4", "-3", "-3", "-4"}},
    };
    static const char *const texts[6] = {"2.50", "2.51", "3.50", "-2.50", "-2.51", "-3.50"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t k = 0; k < 6; k++) {
            struct row row = {"decimal(4,2)", texts[k], "int", rows[i].results[k], NULL};
            check(&row, NULL, true, rows[i].mode);
        }
    }
    static const struct row beyond = {"decimal(4,2)", "99.99", "decimal(2,0)", NULL,
                                      &dead_overflow};
    check(&beyond, NULL, true, ROUNDING_HALF_UP);
}

/* From the manual: which pairs there are, and which of them can lose decimals. */
static void which_conversions_there_are(void **state)
{
    (void)state;
    static const char *const types[] = {"string",       "bytes",      "int",       "bool",
                                        "money(USD)",   "money(JPY)", "timestamp", "decimal(10,2)",
                                        "decimal(9,3)", "date",       "duration",  "enum(a, b)",
                                        "list(int)",    "map(int)"};
    /*
     * T: text, to any scalar; S: to a string; N: numbers; R: numbers that lose decimals; D: day and
     * moment; =: the same; -: none.
     */
    static const char *const matrix[] = {
        "=TTTTTTTTTTT--", "T=TTTTTTTTTT--", "S-=-NN-NN-----", "S--=----------", "S-R-=--NN-----",
        "S-N--=-NN-----", "S-----=--D----", "S-R-NR-=N-----", "S-R-RR-R=-----", "S-----D--=----",
        "S---------=---", "S----------=--", "------------=-", "-------------=",
    };
    enum { COUNT = sizeof types / sizeof types[0] };
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t k = 0; k < COUNT; k++) {
            struct type from = type_of(types[i]), to = type_of(types[k]);
            char wanted = matrix[i][k];
            if (convert_can(from, to) != (wanted != '-') ||
                (wanted != '-' && convert_can_round(from, to) != (wanted == 'R')))
                fail_msg("%s to %s: %d, %d", types[i], types[k], convert_can(from, to),
                         convert_can_round(from, to));
            assert_int_equal(convert_can(type_optional(from), to), wanted != '-');
            assert_int_equal(convert_can(from, type_optional(to)), wanted != '-');
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_what_they_are_the_text_of),
        cmocka_unit_test(scalars_become_strings_as_in_json_without_quotes),
        cmocka_unit_test(numbers_become_each_other_in_whole_units),
        cmocka_unit_test(times_and_days_become_each_other),
        cmocka_unit_test(no_value_becomes_none_or_the_default),
        cmocka_unit_test(decimals_that_do_not_fit_are_rounded_as_said),
        cmocka_unit_test(which_conversions_there_are),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
