/* SPDX-License-Identifier: MIT */
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "common/err.h"
#include "common/money.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define UNTOUCHED INT64_C(-7777777)

static struct currency currency_of(const char *code)
{
    struct currency currency = {0};
    assert_int_equal(money_currency_find(code, strlen(code), &currency), 0);
    return currency;
}

static const struct {
    const char *code;
    size_t len;
    int rc;
    unsigned decimals;
} currency_cases[] = {
    {"USD", 3, 0, 2},
    {"EUR", 3, 0, 2},
    {"GBP", 3, 0, 2},
    {"JPY", 3, 0, 0},
    {"BHD", 3, 0, 3},
    {"KRW", 3, 0, 0},
    {"ZAR", 3, 0, 2},
    {"USDX", 3, 0, 2}, /* the length decides */
    {"usd", 3, ERR_NOT_FOUND, 0},
    {"XXX", 3, ERR_NOT_FOUND, 0},
    {"US", 2, ERR_NOT_FOUND, 0},
    {"USDX", 4, ERR_NOT_FOUND, 0},
    {"", 0, ERR_NOT_FOUND, 0},
    {"\0\0\0", 3, ERR_NOT_FOUND, 0}, /* row 0 is no currency */
};

static void currencies_are_found_by_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof currency_cases / sizeof currency_cases[0]; i++) {
        struct currency currency = {0};
        int rc = money_currency_find(currency_cases[i].code, currency_cases[i].len, &currency);
        if (rc != currency_cases[i].rc)
            fail_msg("'%s': %d", currency_cases[i].code, rc);
        if (rc != 0)
            assert_int_equal(currency.index, 0);
        else
            assert_int_equal(money_currency_decimals(currency), currency_cases[i].decimals);
        if (rc == 0)
            assert_memory_equal(money_currency_code(currency), currency_cases[i].code, 4 - 1);
    }
}

static const struct {
    const char *name;
    const char *text;
    const char *currency;
    enum money_result result;
    int64_t minor;
} parse_cases[] = {
    {"symbol", "$3318.47", "USD", MONEY_OK, 331847},
    {"code", "USD3318.47", "USD", MONEY_OK, 331847},
    {"code and space", "USD 3318.47", "USD", MONEY_OK, 331847},
    {"two spaces", "USD  1", "USD", MONEY_BAD_FORM, 0},
    {"symbol and space", "$ 1", "USD", MONEY_BAD_FORM, 0},
    {"symbol of two bytes",
     "\xc2\xa3"
     "1.50",
     "GBP", MONEY_OK, 150},
    {"symbol of three bytes",
     "\xe2\x82\xac"
     "1.50",
     "EUR", MONEY_OK, 150},
    {"half a symbol",
     "\xe2\x82"
     "1.50",
     "EUR", MONEY_BAD_FORM, 0},
    {"no decimals given", "$5", "USD", MONEY_OK, 500},
    {"one decimal given", "$5.1", "USD", MONEY_OK, 510},
    {"zero", "$0", "USD", MONEY_OK, 0},
    {"minus zero", "-$0.00", "USD", MONEY_OK, 0},
    {"negative", "-$0.05", "USD", MONEY_OK, -5},
    {"negative code", "-CHF 1.00", "CHF", MONEY_OK, -100},
    {"leading zeros", "$0000000000000000000000001.00", "USD", MONEY_OK, 100},
    {"no decimals in the currency",
     "\xc2\xa5"
     "500",
     "JPY", MONEY_OK, 500},
    {"three decimals", "BHD 1.234", "BHD", MONEY_OK, 1234},
    {"greatest", "$92233720368547758.07", "USD", MONEY_OK, INT64_MAX},
    {"least that is read", "-$92233720368547758.07", "USD", MONEY_OK, -INT64_MAX},
    {"greatest yen", "JPY 9223372036854775807", "JPY", MONEY_OK, INT64_MAX},
    {"empty", "", "USD", MONEY_BAD_FORM, 0},
    {"sign alone", "-", "USD", MONEY_BAD_FORM, 0},
    {"symbol alone", "$", "USD", MONEY_BAD_FORM, 0},
    {"code alone", "USD", "USD", MONEY_BAD_FORM, 0},
    {"code and space alone", "USD ", "USD", MONEY_BAD_FORM, 0},
    {"bare number", "5.00", "USD", MONEY_BAD_FORM, 0},
    {"number first", "5.00 USD", "USD", MONEY_BAD_FORM, 0},
    {"plus", "+$5", "USD", MONEY_BAD_FORM, 0},
    {"sign behind the symbol", "$-5", "USD", MONEY_BAD_FORM, 0},
    {"two signs", "--$5", "USD", MONEY_BAD_FORM, 0},
    {"no whole part", "$.50", "USD", MONEY_BAD_FORM, 0},
    {"no fraction", "$5.", "USD", MONEY_BAD_FORM, 0},
    {"two points", "$5.0.0", "USD", MONEY_BAD_FORM, 0},
    {"comma", "$5,00", "USD", MONEY_BAD_FORM, 0},
    {"thousands", "$1,000.00", "USD", MONEY_BAD_FORM, 0},
    {"exponent", "$1e3", "USD", MONEY_BAD_FORM, 0},
    {"space before", " $5", "USD", MONEY_BAD_FORM, 0},
    {"space behind", "$5 ", "USD", MONEY_BAD_FORM, 0},
    {"lower case", "usd 5", "USD", MONEY_BAD_FORM, 0},
    {"two currencies", "$USD 5", "USD", MONEY_BAD_FORM, 0},
    {"other symbol",
     "\xe2\x82\xac"
     "5",
     "USD", MONEY_WRONG_CURRENCY, 0},
    {"other code", "EUR 5", "USD", MONEY_WRONG_CURRENCY, 0},
    {"unknown code", "XXX 5", "USD", MONEY_WRONG_CURRENCY, 0},
    {"a decimal too many", "$5.001", "USD", MONEY_TOO_MANY_DECIMALS, 0},
    {"even if it is zero", "$5.000", "USD", MONEY_TOO_MANY_DECIMALS, 0},
    {"decimals of yen", "JPY 5.0", "JPY", MONEY_TOO_MANY_DECIMALS, 0},
    {"one too great", "$92233720368547758.08", "USD", MONEY_OVERFLOW, 0},
    {"a digit too great", "$922337203685477580.70", "USD", MONEY_OVERFLOW, 0},
    {"great without decimals", "$92233720368547759", "USD", MONEY_OVERFLOW, 0},
    {"overflow of the whole part", "$99999999999999999999", "USD", MONEY_OVERFLOW, 0},
    /* Digits are gathered without their sign, so the range that is read is symmetric. */
    {"least of 64 bits", "-$92233720368547758.08", "USD", MONEY_OVERFLOW, 0},
    {"form before currency", "EUR 5.", "USD", MONEY_BAD_FORM, 0},
    {"currency before decimals", "EUR 5.001", "USD", MONEY_WRONG_CURRENCY, 0},
    {"currency before overflow", "EUR 99999999999999999999", "USD", MONEY_WRONG_CURRENCY, 0},
    {"decimals before overflow", "$99999999999999999999.001", "USD", MONEY_TOO_MANY_DECIMALS, 0},
};

/* Parses a copy of exactly that size, so that a sanitizer sees reads behind it. */
static enum money_result parse(const char *text, size_t len, struct currency currency,
                               int64_t *ret_minor)
{
    char *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum money_result result = money_parse(copy, len, currency, ret_minor);
    free(copy);
    return result;
}

static void known_amounts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++) {
        int64_t minor = UNTOUCHED;
        enum money_result result = parse(parse_cases[i].text, strlen(parse_cases[i].text),
                                         currency_of(parse_cases[i].currency), &minor);
        int64_t expected = parse_cases[i].result == MONEY_OK ? parse_cases[i].minor : UNTOUCHED;
        if (result != parse_cases[i].result || minor != expected)
            fail_msg("%s: result %d, %" PRId64, parse_cases[i].name, (int)result, minor);
    }
}

static void a_nul_is_no_end(void **state)
{
    (void)state;
    int64_t minor = UNTOUCHED;
    assert_int_equal(parse("$5\0", 3, currency_of("USD"), &minor), MONEY_BAD_FORM);
    assert_int_equal(parse("$5.0\0", 5, currency_of("USD"), &minor), MONEY_BAD_FORM);
    assert_int_equal(minor, UNTOUCHED);
}

static const struct {
    const char *text;
    const char *currency;
    enum money_result result;
    int64_t minor;
} bare_cases[] = {
    {"5000.00", "USD", MONEY_OK, 500000},
    {"5000", "USD", MONEY_OK, 500000},
    {"-0.5", "USD", MONEY_OK, -50},
    {"0", "JPY", MONEY_OK, 0},
    {"92233720368547758.07", "USD", MONEY_OK, INT64_MAX},
    {"92233720368547758.08", "USD", MONEY_OVERFLOW, 0},
    {"5.001", "USD", MONEY_TOO_MANY_DECIMALS, 0},
    {"5.0", "JPY", MONEY_TOO_MANY_DECIMALS, 0},
    {"", "USD", MONEY_BAD_FORM, 0},
    {"-", "USD", MONEY_BAD_FORM, 0},
    {".5", "USD", MONEY_BAD_FORM, 0},
    {"5.", "USD", MONEY_BAD_FORM, 0},
    {"$5", "USD", MONEY_BAD_FORM, 0},
    {"USD 5", "USD", MONEY_BAD_FORM, 0},
    {"+5", "USD", MONEY_BAD_FORM, 0},
    {"5 ", "USD", MONEY_BAD_FORM, 0},
};

static void bare_amounts_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bare_cases / sizeof bare_cases[0]; i++) {
        int64_t minor = UNTOUCHED;
        enum money_result result = money_parse_bare(bare_cases[i].text, strlen(bare_cases[i].text),
                                                    currency_of(bare_cases[i].currency), &minor);
        int64_t expected = bare_cases[i].result == MONEY_OK ? bare_cases[i].minor : UNTOUCHED;
        if (result != bare_cases[i].result || minor != expected)
            fail_msg("'%s': result %d, %" PRId64, bare_cases[i].text, (int)result, minor);
    }
}

static const struct {
    int64_t minor;
    const char *currency;
    const char *text;
} format_cases[] = {
    {331847, "USD", "$3318.47"},
    {-5, "USD", "-$0.05"},
    {0, "USD", "$0.00"},
    {100, "CHF", "CHF 1.00"},
    {-100, "CHF", "-CHF 1.00"},
    {1, "BHD", "BHD 0.001"},
    {500, "JPY",
     "\xc2\xa5"
     "500"},
    {150, "EUR",
     "\xe2\x82\xac"
     "1.50"},
    {150, "GBP",
     "\xc2\xa3"
     "1.50"},
    {-7, "KRW", "-KRW 7"},
    {INT64_MAX, "USD", "$92233720368547758.07"},
    {INT64_MIN, "USD", "-$92233720368547758.08"},
    {INT64_MIN, "JPY",
     "-\xc2\xa5"
     "9223372036854775808"},
};

static void amounts_are_written(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof format_cases / sizeof format_cases[0]; i++) {
        buf_reset(&text);
        buf_add_text(&text, ">");
        money_format(format_cases[i].minor, currency_of(format_cases[i].currency), &text);
        if (strcmp(buf_text(&text) + 1, format_cases[i].text) != 0)
            fail_msg("'%s', expected '%s'", buf_text(&text), format_cases[i].text);
    }
    buf_done(&text);
}

static struct currency random_currency(void)
{
    static const char *const codes[] = {"USD", "EUR", "GBP", "JPY", "CHF", "KRW", "BHD", "TND"};
    return currency_of(codes[random_below(sizeof codes / sizeof codes[0])]);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 100000; i++) {
        int64_t minor = i == 0 ? INT64_MIN : i == 1 ? -INT64_MAX : random_integer();
        struct currency currency = random_currency();
        buf_reset(&text);
        money_format(minor, currency, &text);
        int64_t read = UNTOUCHED;
        enum money_result result = parse((const char *)text.data, text.len, currency, &read);
        if (minor == INT64_MIN)
            assert_int_equal(result, MONEY_OVERFLOW);
        else if (result != MONEY_OK || read != minor)
            fail_msg("'%s': result %d, %" PRId64, buf_text(&text), (int)result, read);
    }
    buf_done(&text);
}

/* Every code of three letters: those that are known write and read themselves. */
static void all_currencies_know_themselves(void **state)
{
    (void)state;
    struct buf text = {0};
    unsigned count = 0;
    for (int i = 0; i < 26 * 26 * 26; i++) {
        const char code[4] = {(char)('A' + i / 676), (char)('A' + i / 26 % 26),
                              (char)('A' + i % 26), '\0'};
        struct currency currency = {0};
        if (money_currency_find(code, 3, &currency) != 0)
            continue;
        count++;
        assert_string_equal(money_currency_code(currency), code);
        assert_true(money_currency_decimals(currency) <= 3);
        buf_reset(&text);
        money_format(-123456, currency, &text);
        int64_t read = UNTOUCHED;
        assert_int_equal(parse((const char *)text.data, text.len, currency, &read), MONEY_OK);
        assert_int_equal(read, -123456);
    }
    assert_true(count >= 30);
    buf_done(&text);
}

/* The value of digits and a scale, or false if it does not fit; needs no care about overflow. */
static bool slow_value(const char *digits, size_t len, unsigned zeros, __int128 *value)
{
    *value = 0;
    for (size_t i = 0; i < len + zeros; i++) {
        *value = *value * 10 + (i < len ? digits[i] - '0' : 0);
        if (*value > INT64_MAX)
            return false;
    }
    return true;
}

/* A second judgement, by a regular expression and in 128 bits. */
static enum money_result slow_parse(const regex_t *form, const char *text, const char *symbol,
                                    struct currency expected, int64_t *ret_minor)
{
    regmatch_t part[5];
    if (regexec(form, text, 5, part, 0) != 0)
        return MONEY_BAD_FORM;
    char name[8] = "", digits[128];
    (void)snprintf(name, sizeof name, "%.*s", (int)(part[1].rm_eo - part[1].rm_so),
                   text + part[1].rm_so);
    if (strcmp(name, symbol) != 0 && strncmp(name, money_currency_code(expected), 3) != 0)
        return MONEY_WRONG_CURRENCY;
    int whole = (int)(part[2].rm_eo - part[2].rm_so);
    int fraction = part[4].rm_so >= 0 ? (int)(part[4].rm_eo - part[4].rm_so) : 0;
    unsigned decimals = money_currency_decimals(expected);
    if ((unsigned)fraction > decimals)
        return MONEY_TOO_MANY_DECIMALS;
    int len = snprintf(digits, sizeof digits, "%.*s%.*s", whole, text + part[2].rm_so, fraction,
                       fraction != 0 ? text + part[4].rm_so : "");
    __int128 value;
    if (!slow_value(digits, (size_t)len, decimals - (unsigned)fraction, &value))
        return MONEY_OVERFLOW;
    *ret_minor = (int64_t)(text[0] == '-' ? -value : value);
    return MONEY_OK;
}

/* Writes something that is nearly an amount. */
static void random_amount(struct buf *text)
{
    static const char *const fronts[] = {"$",    "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5",
                                         "USD ", "USD",          "EUR ",     "BHD ",
                                         "BHD",  "XYZ ",         "JPY "};
    buf_add_text(text, random_below(3) == 0 ? "-" : "");
    buf_add_text(text, fronts[random_below(sizeof fronts / sizeof fronts[0])]);
    for (uint64_t n = 1 + random_below(21); n > 0; n--)
        buf_add_byte(text, (uint8_t)('0' + random_below(10)));
    if (random_below(2) == 0)
        buf_add_byte(text, '.');
    for (uint64_t n = random_below(5); n > 0; n--)
        buf_add_byte(text, (uint8_t)('0' + random_below(10)));
    if (random_below(3) == 0) {
        static const char odd[] = "0123456789.-+$ ,USDEJPYBH\xc2\xa3\xe2\x82\xac";
        text->data[random_below(text->len)] = (uint8_t)odd[random_below(sizeof odd - 1)];
    }
}

static void any_text_is_judged_as_slowly(void **state)
{
    (void)state;
    static const struct {
        const char *code, *symbol;
    } currencies[] = {{"USD", "$"}, {"EUR", "\xe2\x82\xac"}, {"JPY", "\xc2\xa5"}, {"BHD", "none"}};
    regex_t form;
    assert_int_equal(regcomp(&form,
                             "^-?([$]|\xe2\x82\xac|\xc2\xa3|\xc2\xa5|[A-Z][A-Z][A-Z] ?)"
                             "([0-9]+)([.]([0-9]+))?$",
                             REG_EXTENDED),
                     0);
    struct buf text = {0};
    unsigned counts[MONEY_OVERFLOW + 1] = {0};
    for (int i = 0; i < 30000; i++) {
        buf_reset(&text);
        random_amount(&text);
        size_t k = random_below(sizeof currencies / sizeof currencies[0]);
        struct currency currency = currency_of(currencies[k].code);
        int64_t expected = UNTOUCHED, minor = UNTOUCHED;
        enum money_result wanted =
            slow_parse(&form, buf_text(&text), currencies[k].symbol, currency, &expected);
        enum money_result result = parse((const char *)text.data, text.len, currency, &minor);
        if (result != wanted || minor != expected)
            fail_msg("'%s' as %s: result %d, %" PRId64 "; expected %d, %" PRId64, buf_text(&text),
                     currencies[k].code, (int)result, minor, (int)wanted, expected);
        counts[result]++;
    }
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_true(counts[i] > 0);
    regfree(&form);
    buf_done(&text);
}

int main(int argc, char **argv)
{
    random_init("money_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(currencies_are_found_by_code),
        cmocka_unit_test(known_amounts_are_read),
        cmocka_unit_test(a_nul_is_no_end),
        cmocka_unit_test(bare_amounts_are_read),
        cmocka_unit_test(amounts_are_written),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(all_currencies_know_themselves),
        cmocka_unit_test(any_text_is_judged_as_slowly),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
