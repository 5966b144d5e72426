/* SPDX-License-Identifier: MIT */
#include "common/money.h"

#include <stdbool.h>
#include <string.h>

#include "common/check.h"
#include "common/err.h"

struct currency_row {
    const char code[4];
    const char *symbol; /* NULL where a symbol would be ambiguous */
    uint8_t decimals;
};

/* Row 0 is "none". The order may change: contracts name the code, never the row. */
static const struct currency_row currencies[] = {
    {"", NULL, 0},          {"USD", "$", 2},  {"EUR", "\xe2\x82\xac", 2}, {"GBP", "\xc2\xa3", 2},
    {"JPY", "\xc2\xa5", 0}, {"AED", NULL, 2}, {"ARS", NULL, 2},           {"AUD", NULL, 2},
    {"BGN", NULL, 2},       {"BHD", NULL, 3}, {"BRL", NULL, 2},           {"CAD", NULL, 2},
    {"CHF", NULL, 2},       {"CLP", NULL, 0}, {"CNY", NULL, 2},           {"COP", NULL, 2},
    {"CZK", NULL, 2},       {"DKK", NULL, 2}, {"EGP", NULL, 2},           {"HKD", NULL, 2},
    {"HUF", NULL, 2},       {"IDR", NULL, 2}, {"ILS", NULL, 2},           {"INR", NULL, 2},
    {"ISK", NULL, 0},       {"JOD", NULL, 3}, {"KES", NULL, 2},           {"KRW", NULL, 0},
    {"KWD", NULL, 3},       {"MXN", NULL, 2}, {"MYR", NULL, 2},           {"NGN", NULL, 2},
    {"NOK", NULL, 2},       {"NZD", NULL, 2}, {"OMR", NULL, 3},           {"PEN", NULL, 2},
    {"PHP", NULL, 2},       {"PKR", NULL, 2}, {"PLN", NULL, 2},           {"QAR", NULL, 2},
    {"RON", NULL, 2},       {"RSD", NULL, 2}, {"SAR", NULL, 2},           {"SEK", NULL, 2},
    {"SGD", NULL, 2},       {"THB", NULL, 2}, {"TND", NULL, 3},           {"TRY", NULL, 2},
    {"TWD", NULL, 2},       {"UAH", NULL, 2}, {"VND", NULL, 0},           {"ZAR", NULL, 2},
};

#define CURRENCY_COUNT (sizeof currencies / sizeof currencies[0])
_Static_assert(CURRENCY_COUNT <= UINT8_MAX, "a currency index is one byte");

int money_currency_find(const char *code, size_t len, struct currency *ret_currency)
{
    if (len != 3)
        return ERR_NOT_FOUND;
    for (size_t i = 1; i < CURRENCY_COUNT; i++) {
        if (memcmp(currencies[i].code, code, 3) == 0) {
            *ret_currency = (struct currency){(uint8_t)i};
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

static const struct currency_row *row_of(struct currency currency)
{
    REQUIRE(currency.index > 0 && currency.index < CURRENCY_COUNT);
    return &currencies[currency.index];
}

const char *money_currency_code(struct currency currency)
{
    return row_of(currency)->code;
}

unsigned money_currency_decimals(struct currency currency)
{
    return row_of(currency)->decimals;
}

/* The digits before and after the point, before they are converted. */
struct digits {
    const char *whole;
    size_t whole_len;
    const char *fraction;
    size_t fraction_len;
};

static size_t digits_span(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

static bool digits_split(const char *text, size_t len, struct digits *d)
{
    *d = (struct digits){.whole = text, .whole_len = digits_span(text, len)};
    if (d->whole_len == 0)
        return false;
    if (d->whole_len == len)
        return true;
    if (text[d->whole_len] != '.')
        return false;
    d->fraction = text + d->whole_len + 1;
    d->fraction_len = len - d->whole_len - 1;
    return d->fraction_len > 0 && digits_span(d->fraction, d->fraction_len) == d->fraction_len;
}

static bool append_digits(int64_t *value, const char *digits, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, digits[i] - '0', value))
            return false;
    }
    return true;
}

static enum money_result digits_to_minor(const struct digits *d, unsigned decimals, bool negative,
                                         int64_t *ret_minor)
{
    if (d->fraction_len > decimals)
        return MONEY_TOO_MANY_DECIMALS;
    int64_t value = 0;
    /* No currency has more than three decimals. */
    if (!append_digits(&value, d->whole, d->whole_len) ||
        !append_digits(&value, d->fraction, d->fraction_len) ||
        !append_digits(&value, "000", decimals - d->fraction_len))
        return MONEY_OVERFLOW;
    *ret_minor = negative ? -value : value;
    return MONEY_OK;
}

static bool take_word(const char **text, size_t *len, const char *word)
{
    size_t word_len = strlen(word);
    if (*len < word_len || memcmp(*text, word, word_len) != 0)
        return false;
    *text += word_len;
    *len -= word_len;
    return true;
}

static void take_space(const char **text, size_t *len)
{
    if (*len > 0 && **text == ' ') {
        (*text)++;
        (*len)--;
    }
}

/*
 * Consumes a symbol or code. A code that is not in the table is a currency too, but never the
 * expected one: *ret_index is then 0.
 */
static bool take_any_currency(const char **text, size_t *len, uint8_t *ret_index)
{
    for (size_t i = 1; i < CURRENCY_COUNT; i++) {
        if (currencies[i].symbol != NULL && take_word(text, len, currencies[i].symbol)) {
            *ret_index = (uint8_t)i;
            return true;
        }
    }
    if (*len < 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if ((*text)[i] < 'A' || (*text)[i] > 'Z')
            return false;
    }
    struct currency found = {0};
    (void)money_currency_find(*text, 3, &found);
    *ret_index = found.index;
    *text += 3;
    *len -= 3;
    take_space(text, len);
    return true;
}

/* The same, but tries the expected currency first, which is nearly always the right one. */
static bool take_currency(const char **text, size_t *len, struct currency expected,
                          uint8_t *ret_index)
{
    const struct currency_row *row = row_of(expected);
    *ret_index = expected.index;
    if (row->symbol != NULL && take_word(text, len, row->symbol))
        return true;
    if (take_word(text, len, row->code)) {
        take_space(text, len);
        return true;
    }
    return take_any_currency(text, len, ret_index);
}

enum money_result money_parse(const char *text, size_t len, struct currency expected,
                              int64_t *ret_minor)
{
    bool negative = len > 0 && *text == '-';
    if (negative) {
        text++;
        len--;
    }
    uint8_t index = 0;
    struct digits d;
    if (!take_currency(&text, &len, expected, &index) || !digits_split(text, len, &d))
        return MONEY_BAD_FORM;
    if (index != expected.index)
        return MONEY_WRONG_CURRENCY;
    return digits_to_minor(&d, row_of(expected)->decimals, negative, ret_minor);
}

enum money_result money_parse_bare(const char *text, size_t len, struct currency currency,
                                   int64_t *ret_minor)
{
    bool negative = len > 0 && *text == '-';
    if (negative) {
        text++;
        len--;
    }
    struct digits d;
    if (!digits_split(text, len, &d))
        return MONEY_BAD_FORM;
    return digits_to_minor(&d, row_of(currency)->decimals, negative, ret_minor);
}

void money_format(int64_t minor, struct currency currency, struct buf *out)
{
    const struct currency_row *row = row_of(currency);
    /* Negating in unsigned arithmetic is defined for INT64_MIN as well. */
    uint64_t magnitude = minor < 0 ? 0u - (uint64_t)minor : (uint64_t)minor;
    uint64_t unit = 1;
    for (unsigned i = 0; i < row->decimals; i++)
        unit *= 10;
    if (minor < 0)
        buf_add_byte(out, '-');
    buf_add_text(out, row->symbol != NULL ? row->symbol : row->code);
    if (row->symbol == NULL)
        buf_add_byte(out, ' ');
    buf_add_digits(out, magnitude / unit, 1);
    if (row->decimals == 0)
        return;
    buf_add_byte(out, '.');
    buf_add_digits(out, magnitude % unit, row->decimals);
}
