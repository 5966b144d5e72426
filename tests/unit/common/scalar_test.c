/* SPDX-License-Identifier: MIT */
#include "common/err.h"
#include "common/scalar.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "common/value_json.h"
#include "tests/unit/cases.h"
#include "tests/unit/random_value.h"

static struct type type_of(const char *text)
{
    struct type type;
    struct err e;
    if (type_parse(text, &type, &e) != 0)
        fail_msg("%s: %s", text, e.text);
    return type;
}

static const struct {
    const char *type;
    const char *text;
    enum scalar_fault fault;
    const char *says; /* as JSON, or why not */
} cases[] = {
    {"string", "", SCALAR_GOOD, "\"\""},
    {"string", "\xff", SCALAR_NOT_UTF8, "is not UTF-8"},
    {"string(2..3)", "\xc3\xa4\xc3\xa4", SCALAR_GOOD, "\"\xc3\xa4\xc3\xa4\""},
    {"string(2..3)", "a", SCALAR_BAD_VALUE, "has fewer or more characters than its type allows"},
    {"string(2..3)", "abcd", SCALAR_BAD_VALUE, "has fewer or more characters than its type allows"},
    {"string(/^[A-Z]+$/)", "ABC", SCALAR_GOOD, "\"ABC\""},
    {"string(/^[A-Z]+$/)", "ABC\n", SCALAR_BAD_VALUE, "does not match the pattern of its type"},
    {"string(/^(?:a|b(?R)?)*$/)", "aaaaaaaaaaaaaaaaab", SCALAR_GOOD, "\"aaaaaaaaaaaaaaaaab\""},
    {"string(/(?R)?a/)", "a", SCALAR_TOO_HARD,
     "takes more than 20000000 steps or 16 MiB to match against the pattern of its type"},
    {"bytes", "\xff", SCALAR_GOOD, "\"/w==\""},
    {"int", "-9223372036854775808", SCALAR_GOOD, "-9223372036854775808"},
    {"int", "9223372036854775808", SCALAR_OVERFLOW, "does not fit 64 bits"},
    {"int", "1.0", SCALAR_BAD_VALUE, "is not a whole number"},
    {"int", "", SCALAR_BAD_VALUE, "is not a whole number"},
    {"int", "0000000000000000000000000000000000000000000000000000000000000000001", SCALAR_BAD_VALUE,
     "is not a whole number"},
    {"bool", "true", SCALAR_GOOD, "true"},
    {"bool", "false", SCALAR_GOOD, "false"},
    {"bool", "TRUE", SCALAR_BAD_VALUE, "is neither true nor false"},
    {"money(USD)", "$12.34", SCALAR_GOOD, "\"$12.34\""},
    {"money(USD)", "12.34", SCALAR_BAD_MONEY, "is not an amount with a currency, like $12.34"},
    {"money(USD)", "EUR 1", SCALAR_WRONG_CURRENCY, "is in another currency"},
    {"money(USD)", "$1.234", SCALAR_TOO_MANY_DECIMALS, "has more decimals than its currency"},
    {"money(USD)", "$99999999999999999999", SCALAR_OVERFLOW, "is larger than an amount can be"},
    {"timestamp", "2000-01-01T00:00:00Z", SCALAR_GOOD, "\"2000-01-01T00:00:00Z\""},
    {"timestamp", "2000-01-01", SCALAR_BAD_TIMESTAMP,
     "is not an RFC 3339 time, like 2000-01-01T00:00:00Z"},
    {"timestamp", "1500-01-01T00:00:00Z", SCALAR_OVERFLOW, "lies outside the years 1677 to 2262"},
    {"decimal(4,2)", "12.5", SCALAR_GOOD, "\"12.50\""},
    {"decimal(4,2)", "-0.05", SCALAR_GOOD, "\"-0.05\""},
    {"decimal(4,2)", "-0", SCALAR_GOOD, "\"0.00\""},
    {"decimal(4,2)", "99.99", SCALAR_GOOD, "\"99.99\""},
    {"decimal(4,2)", "0099.99", SCALAR_GOOD, "\"99.99\""},
    {"decimal(4,2)", "100", SCALAR_OVERFLOW, "has more digits than its type allows"},
    {"decimal(4,2)", "1.005", SCALAR_BAD_VALUE,
     "is not a number like 12.50, with no more decimals than its type has"},
    {"decimal(4,2)", "1.", SCALAR_BAD_VALUE,
     "is not a number like 12.50, with no more decimals than its type has"},
    {"decimal(4,2)", ".5", SCALAR_BAD_VALUE,
     "is not a number like 12.50, with no more decimals than its type has"},
    {"decimal(4,2)", "1e1", SCALAR_BAD_VALUE,
     "is not a number like 12.50, with no more decimals than its type has"},
    {"decimal(18,18)", "0.999999999999999999", SCALAR_GOOD, "\"0.999999999999999999\""},
    {"decimal(18,0)", "-999999999999999999", SCALAR_GOOD, "\"-999999999999999999\""},
    {"decimal(18,0)", "1000000000000000000", SCALAR_OVERFLOW,
     "has more digits than its type allows"},
    {"date", "2024-02-29", SCALAR_GOOD, "\"2024-02-29\""},
    {"date", "0000-01-01", SCALAR_GOOD, "\"0000-01-01\""},
    {"date", "9999-12-31", SCALAR_GOOD, "\"9999-12-31\""},
    {"date", "2023-02-29", SCALAR_BAD_VALUE, "is not a date, like 2000-01-31"},
    {"date", "2024-02-29T", SCALAR_BAD_VALUE, "is not a date, like 2000-01-31"},
    {"duration", "1h30m", SCALAR_GOOD, "\"1h30m\""},
    {"duration", "90m", SCALAR_GOOD, "\"1h30m\""},
    {"duration", "-5s", SCALAR_GOOD, "\"-5s\""},
    {"duration", "0s", SCALAR_GOOD, "\"0s\""},
    {"duration", "--5s", SCALAR_BAD_VALUE, "is not a duration, like 14d, 1h30m or -5s"},
    {"duration", "PT1H", SCALAR_BAD_VALUE, "is not a duration, like 14d, 1h30m or -5s"},
    {"duration", "-", SCALAR_BAD_VALUE, "is not a duration, like 14d, 1h30m or -5s"},
    {"duration", "999999d", SCALAR_OVERFLOW, "does not fit 64 bits"},
    {"enum(open, closed)", "closed", SCALAR_GOOD, "\"closed\""},
    {"enum(open, closed)", "close", SCALAR_BAD_VALUE, "is not a name of its enum"},
    {"optional(int)", "5", SCALAR_GOOD, "5"},
    {"optional(date)", "", SCALAR_BAD_VALUE, "is not a date, like 2000-01-31"},
    {"list(int)", "[]", SCALAR_BAD_VALUE,
     "is a list or a map, which cannot be written as one text"},
};

static void texts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct type type = type_of(cases[i].type);
        struct value value = value_of_integer(VALUE_TAG_COUNT, 77);
        const char *why = NULL;
        struct buf json = {0};
        enum scalar_fault fault =
            scalar_parse(&type, cases[i].text, strlen(cases[i].text), NULL, &value, &why);
        if (fault == SCALAR_GOOD) {
            assert_true(type_admits(type, &value));
            value_write_json(&value, type, &json);
            why = buf_text(&json);
        } else {
            assert_int_equal(value.tag, VALUE_TAG_COUNT);
        }
        if (fault != cases[i].fault || strcmp(why, cases[i].says) != 0)
            fail_msg("row %zu: %s '%s': %d, %s", i, cases[i].type, cases[i].text, (int)fault, why);
        buf_done(&json);
    }
}

/* What value_write_json() writes is what scalar_parse() reads. */
static void written_values_are_read(void **state)
{
    (void)state;
    static const char *const types[] = {"int",           "bool",  "money(JPY)",   "timestamp",
                                        "decimal(18,7)", "date",  "duration",     "enum(x, y)",
                                        "decimal(1,1)",  "bytes", "string(0..9)", "decimal(3,0)"};
    static struct random_values owner;
    for (int round = 0; round < 50000; round++) {
        struct type type = type_of(types[random_below(sizeof types / sizeof types[0])]);
        struct value value = random_value(type, &owner), again;
        if (type.tag != VALUE_BYTES) {
            struct buf json = {0};
            const char *why;
            value_write_json(&value, type, &json);
            bool quoted = json.data[0] == '"';
            if (scalar_parse(&type, (const char *)json.data + quoted, json.len - 2 * quoted, NULL,
                             &again, &why) != SCALAR_GOOD)
                fail_msg("%s: %s", buf_text(&json), why);
            assert_int_equal(value_compare(&value, &again), 0);
            buf_done(&json);
        }
        random_values_done(&owner);
    }
}

static const struct {
    const char *text;
    enum scalar_fault fault;
    int64_t cents;
    const char *says;
} bare_cases[] = {
    {"12.34", SCALAR_GOOD, 1234, NULL},
    {"$12.34", SCALAR_GOOD, 1234, NULL},
    {"-5", SCALAR_GOOD, -500, NULL},
    {"USD 1", SCALAR_GOOD, 100, NULL},
    {"EUR 1", SCALAR_WRONG_CURRENCY, 0, "is in another currency"},
    {"1.234", SCALAR_TOO_MANY_DECIMALS, 0, "has more decimals than its currency"},
    {"99999999999999999999", SCALAR_OVERFLOW, 0, "is larger than an amount can be"},
    {"1,00", SCALAR_BAD_MONEY, 0, "is not an amount, like 12.34 or $12.34"},
    {"", SCALAR_BAD_MONEY, 0, "is not an amount, like 12.34 or $12.34"},
};

static void money_may_be_bare(void **state)
{
    (void)state;
    const struct type type = type_of("money(USD)");
    const struct scalar_form form = {.bare_money = true};
    for (size_t i = 0; i < sizeof bare_cases / sizeof bare_cases[0]; i++) {
        struct value value = value_of_integer(VALUE_MONEY, 0);
        const char *why = NULL;
        const char *text = bare_cases[i].text;
        enum scalar_fault fault = scalar_parse(&type, text, strlen(text), &form, &value, &why);
        if (fault != bare_cases[i].fault || value.integer != bare_cases[i].cents)
            fail_msg("'%s': %d, %" PRId64, text, (int)fault, value.integer);
        if (bare_cases[i].says != NULL)
            assert_string_equal(why, bare_cases[i].says);
    }
}

static void times_may_have_another_form(void **state)
{
    (void)state;
    const struct type type = type_of("timestamp");
    struct timestamp_form timestamp;
    struct err e;
    assert_int_equal(timestamp_form_read("%Y/%m/%d", &timestamp, &e), 0);
    const struct scalar_form form = {.timestamp = &timestamp};
    struct value value;
    const char *why;
    assert_int_equal(scalar_parse(&type, "1970/01/02", 10, &form, &value, &why), SCALAR_GOOD);
    assert_int_equal(value.integer, INT64_C(86400000000000));
    assert_int_equal(scalar_parse(&type, "1970-01-02T00:00:00Z", 20, &form, &value, &why),
                     SCALAR_BAD_TIMESTAMP);
    assert_string_equal(why, "is not a time in the required form");
    assert_int_equal(scalar_parse(&type, "1500/01/02", 10, &form, &value, &why), SCALAR_OVERFLOW);
}

/* The same bound as a text, and as a value from elsewhere; a list has its own check. */
static const struct {
    const char *type;
    struct value value;
    bool admitted;
} admit_cases[] = {
    {"int", {.tag = VALUE_INT, .integer = INT64_MIN}, true},
    {"int", {.tag = VALUE_DATE}, false},
    {"int", {.tag = VALUE_OPTIONAL}, false},
    {"optional(int)", {.tag = VALUE_OPTIONAL}, true},
    {"optional(decimal(2,0))", {.tag = VALUE_DECIMAL, .integer = 100}, false},
    {"decimal(2,0)", {.tag = VALUE_DECIMAL, .integer = 99}, true},
    {"decimal(2,0)", {.tag = VALUE_DECIMAL, .integer = -100}, false},
    {"date", {.tag = VALUE_DATE, .integer = TIMESTAMP_DAYS_MAX}, true},
    {"date", {.tag = VALUE_DATE, .integer = TIMESTAMP_DAYS_MAX + 1}, false},
    {"date", {.tag = VALUE_DATE, .integer = TIMESTAMP_DAYS_MIN - 1}, false},
    {"duration", {.tag = VALUE_DURATION, .integer = INT64_MIN}, false},
    {"duration", {.tag = VALUE_DURATION, .integer = -INT64_MAX}, true},
    {"enum(a, b)", {.tag = VALUE_ENUM, .integer = 1}, true},
    {"enum(a, b)", {.tag = VALUE_ENUM, .integer = 2}, false},
    {"enum(a, b)", {.tag = VALUE_ENUM, .integer = -1}, false},
    {"string(2..2)", {.tag = VALUE_STRING, .len = 3, .bytes = (const uint8_t *)"\xc3\xa4x"}, true},
    {"string(2..2)", {.tag = VALUE_STRING, .len = 1, .bytes = (const uint8_t *)"x"}, false},
    {"string", {.tag = VALUE_STRING, .len = 1, .bytes = (const uint8_t *)"\xff"}, false},
    {"bytes", {.tag = VALUE_BYTES, .len = 1, .bytes = (const uint8_t *)"\xff"}, true},
    {"list(int)", {.tag = VALUE_LIST, .len = 1, .bytes = (const uint8_t *)"\xff"}, true},
    {"list(int)", {.tag = VALUE_MAP}, false},
};

static void values_are_admitted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof admit_cases / sizeof admit_cases[0]; i++) {
        struct type type = type_of(admit_cases[i].type);
        if (scalar_admits(type, &admit_cases[i].value) != admit_cases[i].admitted)
            fail_msg("row %zu: %s", i, admit_cases[i].type);
        /* What makes the difference for whoever must look into lists. */
        bool whole = admit_cases[i].admitted && admit_cases[i].value.tag != VALUE_LIST;
        assert_int_equal(type_admits(type, &admit_cases[i].value), whole);
    }
}

int main(int argc, char **argv)
{
    random_init("scalar_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),      cmocka_unit_test(written_values_are_read),
        cmocka_unit_test(money_may_be_bare),   cmocka_unit_test(times_may_have_another_form),
        cmocka_unit_test(values_are_admitted),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
