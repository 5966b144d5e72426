/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/err.h"
#include "common/literal.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "common/value_json.h"
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
    int rc;
    const char *says; /* as JSON, or why not */
} cases[] = {
    {"string", "", 0, "\"\""},
    {"string", "\xff", ERR_INVALID, "is not UTF-8"},
    {"string(2..3)", "\xc3\xa4\xc3\xa4", 0, "\"\xc3\xa4\xc3\xa4\""},
    {"string(2..3)", "a", ERR_RANGE, "has fewer or more characters than its type allows"},
    {"string(2..3)", "abcd", ERR_RANGE, "has fewer or more characters than its type allows"},
    {"string(/^[A-Z]+$/)", "ABC", 0, "\"ABC\""},
    {"string(/^[A-Z]+$/)", "ABC\n", ERR_NOT_FOUND, "does not match the pattern of its type"},
    {"string(/^(?:a|b(?R)?)*$/)", "aaaaaaaaaaaaaaaaab", 0, "\"aaaaaaaaaaaaaaaaab\""},
    {"string(/(?R)?a/)", "a", ERR_TOO_HARD,
     "takes more than 20000000 steps or 16 MiB to match with the pattern of its type"},
    {"bytes", "\xff", 0, "\"/w==\""},
    {"int", "-9223372036854775808", 0, "-9223372036854775808"},
    {"int", "9223372036854775808", ERR_RANGE, "does not fit 64 bits"},
    {"int", "1.0", ERR_INVALID, "is no whole number"},
    {"int", "", ERR_INVALID, "is no whole number"},
    {"int", "0000000000000000000000000000000000000000000000000000000000000000001", ERR_INVALID,
     "is no whole number"},
    {"bool", "true", 0, "true"},
    {"bool", "false", 0, "false"},
    {"bool", "TRUE", ERR_INVALID, "is neither true nor false"},
    {"money(USD)", "$12.34", 0, "\"$12.34\""},
    {"money(USD)", "12.34", ERR_INVALID, "is no amount with a currency, like $12.34"},
    {"money(USD)", "EUR 1", ERR_INVALID, "is in another currency"},
    {"money(USD)", "$1.234", ERR_INVALID, "has more decimals than its currency"},
    {"money(USD)", "$99999999999999999999", ERR_RANGE, "is larger than an amount can be"},
    {"timestamp", "2000-01-01T00:00:00Z", 0, "\"2000-01-01T00:00:00Z\""},
    {"timestamp", "2000-01-01", ERR_INVALID, "is no RFC 3339 time, like 2000-01-01T00:00:00Z"},
    {"timestamp", "1500-01-01T00:00:00Z", ERR_RANGE, "lies outside the years 1677 to 2262"},
    {"decimal(4,2)", "12.5", 0, "\"12.50\""},
    {"decimal(4,2)", "-0.05", 0, "\"-0.05\""},
    {"decimal(4,2)", "-0", 0, "\"0.00\""},
    {"decimal(4,2)", "99.99", 0, "\"99.99\""},
    {"decimal(4,2)", "0099.99", 0, "\"99.99\""},
    {"decimal(4,2)", "100", ERR_RANGE, "has more digits than its type allows"},
    {"decimal(4,2)", "1.005", ERR_INVALID,
     "is no number like 12.50, with the decimals that its type has"},
    {"decimal(4,2)", "1.", ERR_INVALID,
     "is no number like 12.50, with the decimals that its type has"},
    {"decimal(4,2)", ".5", ERR_INVALID,
     "is no number like 12.50, with the decimals that its type has"},
    {"decimal(4,2)", "1e1", ERR_INVALID,
     "is no number like 12.50, with the decimals that its type has"},
    {"decimal(18,18)", "0.999999999999999999", 0, "\"0.999999999999999999\""},
    {"decimal(18,0)", "-999999999999999999", 0, "\"-999999999999999999\""},
    {"decimal(18,0)", "1000000000000000000", ERR_RANGE, "has more digits than its type allows"},
    {"date", "2024-02-29", 0, "\"2024-02-29\""},
    {"date", "0000-01-01", 0, "\"0000-01-01\""},
    {"date", "9999-12-31", 0, "\"9999-12-31\""},
    {"date", "2023-02-29", ERR_INVALID, "is no date, like 2000-01-31"},
    {"date", "2024-02-29T", ERR_INVALID, "is no date, like 2000-01-31"},
    {"duration", "1h30m", 0, "\"1h30m\""},
    {"duration", "90m", 0, "\"1h30m\""},
    {"duration", "-5s", 0, "\"-5s\""},
    {"duration", "0s", 0, "\"0s\""},
    {"duration", "--5s", ERR_INVALID, "is no duration, like 14d, 1h30m or -5s"},
    {"duration", "PT1H", ERR_INVALID, "is no duration, like 14d, 1h30m or -5s"},
    {"duration", "-", ERR_INVALID, "is no duration, like 14d, 1h30m or -5s"},
    {"duration", "999999d", ERR_RANGE, "does not fit 64 bits"},
    {"enum(open, closed)", "closed", 0, "\"closed\""},
    {"enum(open, closed)", "close", ERR_NOT_FOUND, "is no name of its enum"},
    {"optional(int)", "5", 0, "5"},
    {"optional(date)", "", ERR_INVALID, "is no date, like 2000-01-31"},
    {"list(int)", "[]", ERR_INVALID, "is a list or a map, which cannot be written as one text"},
};

static void texts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct type type = type_of(cases[i].type);
        struct value value = value_of_integer(VALUE_TAG_COUNT, 77);
        const char *why = NULL;
        struct buf json = {0};
        int rc = literal_parse(type, cases[i].text, strlen(cases[i].text), &value, &why);
        if (rc == 0) {
            assert_true(type_admits(type, &value));
            value_write_json(&value, type, &json);
            why = buf_text(&json);
        } else {
            assert_int_equal(value.tag, VALUE_TAG_COUNT);
        }
        if (rc != cases[i].rc || strcmp(why, cases[i].says) != 0)
            fail_msg("row %zu: %s '%s': %d, %s", i, cases[i].type, cases[i].text, rc, why);
        buf_done(&json);
    }
}

/* What value_write_json() writes is what literal_parse() reads. */
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
            if (literal_parse(type, (const char *)json.data + quoted, json.len - 2 * quoted, &again,
                              &why) != 0)
                fail_msg("%s: %s", buf_text(&json), why);
            assert_int_equal(value_compare(&value, &again), 0);
            buf_done(&json);
        }
        random_values_done(&owner);
    }
}

static void values_have_an_order(void **state)
{
    (void)state;
    const struct value rising[][2] = {
        {value_of_nothing(), value_of_integer(VALUE_INT, INT64_MIN)},
        {value_of_nothing(), value_of_bytes(VALUE_STRING, "", 0)},
        {value_of_bool(false), value_of_bool(true)},
        {value_of_integer(VALUE_INT, INT64_MIN), value_of_integer(VALUE_INT, INT64_MAX)},
        {value_of_integer(VALUE_DATE, -1), value_of_integer(VALUE_DATE, 0)},
        {value_of_bytes(VALUE_STRING, "", 0), value_of_bytes(VALUE_STRING, "\0", 1)},
        {value_of_bytes(VALUE_STRING, "ab", 2), value_of_bytes(VALUE_STRING, "abc", 3)},
        {value_of_bytes(VALUE_STRING, "b", 1), value_of_bytes(VALUE_STRING, "\xc3\xa4", 2)},
    };
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        assert_true(value_compare(&rising[i][0], &rising[i][1]) < 0);
        assert_true(value_compare(&rising[i][1], &rising[i][0]) > 0);
        assert_int_equal(value_compare(&rising[i][0], &rising[i][0]), 0);
    }
}

int main(void)
{
    random_init("literal");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_read),
        cmocka_unit_test(written_values_are_read),
        cmocka_unit_test(values_have_an_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
