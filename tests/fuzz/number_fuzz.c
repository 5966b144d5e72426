/* SPDX-License-Identifier: MIT */
/*
 * Takes two numbers, and what is behind them for the text of one: of money, decimals, whole numbers,
 * sizes and durations. Texts are read as exact arithmetic of 128 bits reads them; what was read and
 * written is read as the same; and a quotient is rounded to a neighbour, as its mode says.
 */
#include "common/bounds.h"
#include "common/decimal.h"
#include "common/err.h"
#include "common/money.h"
#include "common/rounding.h"
#include "common/text.h"
#include "tests/fuzz/fuzz.h"

/* More than any number has that fits 64 bits, so that none is too large for 128. */
#define DIGITS_MAX 30u

/* A number as a text has it, exactly: digits * 10^-decimals. */
struct exact {
    __int128 digits;
    size_t decimals;
    bool is_huge; /* the digits are more than can be a number of 64 bits */
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* [-]digits[.digits], and nothing else. */
static bool read_exact(const char *text, size_t len, struct exact *ret)
{
    bool negative = len != 0 && text[0] == '-', point = false;
    size_t at = negative ? 1 : 0, significant = 0;
    *ret = (struct exact){0};
    if (at == len || !is_digit(text[at]) || !is_digit(text[len - 1]))
        return false;
    for (; at < len; at++) {
        if (text[at] == '.' && !point) {
            point = true;
            continue;
        }
        if (!is_digit(text[at]))
            return false;
        ret->decimals += point ? 1 : 0;
        significant += significant != 0 || text[at] != '0' ? 1 : 0;
        if (significant <= DIGITS_MAX)
            ret->digits = ret->digits * 10 + (text[at] - '0');
    }
    ret->is_huge = significant > DIGITS_MAX;
    ret->digits = negative ? -ret->digits : ret->digits;
    return true;
}

/* Times ten to what is missing; 30 digits and 18 more are too many, and huge already. */
static __int128 scaled(const struct exact *number, size_t scale)
{
    const __int128 bound = (__int128)INT64_MAX * 10;
    __int128 value = number->digits;
    for (size_t i = number->decimals; i < scale && value < bound && value > -bound; i++)
        value *= 10;
    return value;
}

/* --- money --- */

static struct currency currency_of(uint64_t number)
{
    static const char *const codes[] = {"USD", "EUR", "GBP", "JPY", "CHF", "BHD", "VND", "ZAR"};
    struct currency currency;
    ALWAYS(money_currency_find(codes[number % 8], 3, &currency) == 0);
    return currency;
}

static void check_money_format(int64_t minor, struct currency currency)
{
    struct buf text = {0};
    int64_t again = 0;
    money_format(minor, currency, &text);
    enum money_result result = money_parse(buf_text(&text), text.len, currency, &again);
    ALWAYS(minor == INT64_MIN ? result == MONEY_OVERFLOW : result == MONEY_OK && again == minor);
    buf_done(&text);
}

static void check_money(const char *text, size_t len, struct currency currency)
{
    int64_t minor = 0, bare = 0;
    struct exact exact;
    unsigned decimals = money_currency_decimals(currency);
    bool is_number = read_exact(text, len, &exact);
    enum money_result wanted = !is_number                  ? MONEY_BAD_FORM
                               : exact.decimals > decimals ? MONEY_TOO_MANY_DECIMALS
                                                           : MONEY_OK;
    __int128 value = is_number ? scaled(&exact, decimals) : 0;
    if (wanted == MONEY_OK && (exact.is_huge || value > INT64_MAX || value < -INT64_MAX))
        wanted = MONEY_OVERFLOW;
    ALWAYS(money_parse_bare(text, len, currency, &bare) == wanted);
    ALWAYS(wanted != MONEY_OK || bare == value);
    enum money_result result = money_parse(text, len, currency, &minor);
    ALWAYS(result == MONEY_BAD_FORM || !is_number);
    if (result == MONEY_OK)
        check_money_format(minor, currency);
    /* The currency in front of the number, as it is written. */
    bool negative = len != 0 && text[0] == '-';
    struct buf stated = {0};
    buf_add_format(&stated, "%s%s ", negative ? "-" : "", money_currency_code(currency));
    buf_add(&stated, text + (negative ? 1 : 0), len - (negative ? 1 : 0));
    ALWAYS(money_parse(buf_text(&stated), stated.len, currency, &minor) == wanted);
    ALWAYS(wanted != MONEY_OK || minor == bare);
    buf_done(&stated);
}

/* --- decimals --- */

static void check_decimal(const char *text, size_t len, unsigned precision, unsigned scale)
{
    int64_t number = 0, again = 0;
    struct exact exact;
    bool is_number = read_exact(text, len, &exact) && exact.decimals <= scale;
    __int128 value = is_number ? scaled(&exact, scale) : 0, bound = decimal_bound(precision);
    bool fits = is_number && !exact.is_huge && value < bound && value > -bound;
    int rc = decimal_parse(text, len, precision, scale, &number);
    ALWAYS(rc == (fits ? 0 : is_number ? ERR_RANGE : ERR_INVALID));
    if (rc != 0)
        return;
    ALWAYS(number == value);
    struct buf written = {0};
    decimal_format(number, scale, &written);
    ALWAYS(decimal_parse(buf_text(&written), written.len, precision, scale, &again) == 0);
    ALWAYS(again == number);
    buf_done(&written);
}

/* --- whole numbers, sizes and durations --- */

static void check_whole(const char *text)
{
    struct exact exact;
    int64_t number = 0;
    bool is_whole = read_exact(text, strlen(text), &exact) && exact.decimals == 0;
    bool fits =
        is_whole && !exact.is_huge && exact.digits <= INT64_MAX && exact.digits >= INT64_MIN;
    ALWAYS(text_parse_int(text, &number) == (fits ? 0 : is_whole ? ERR_RANGE : ERR_INVALID));
    ALWAYS(!fits || number == exact.digits);
}

static void check_size(const char *text)
{
    static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
    int64_t bytes = 0;
    int rc = text_parse_size(text, &bytes);
    size_t len = strspn(text, "0123456789"), blanks = strspn(text + len, " ");
    struct exact exact;
    bool is_number = read_exact(text, len, &exact);
    ALWAYS(rc == 0 || rc == ERR_RANGE || rc == ERR_INVALID);
    ALWAYS(is_number || rc == ERR_INVALID);
    if (rc != 0)
        return;
    size_t unit = 0;
    while (unit < 5 && strcmp(text + len + blanks, units[unit]) != 0)
        unit++;
    ALWAYS(unit < 5 && !exact.is_huge);
    ALWAYS(bytes == exact.digits << (10 * unit));
}

static void check_size_format(int64_t bytes)
{
    struct buf text = {0};
    int64_t again = 0;
    text_format_size(bytes, &text);
    ALWAYS(text_parse_size(buf_text(&text), &again) == 0 && again == bytes);
    buf_done(&text);
}

static void check_duration(const char *text)
{
    int64_t ns = 0, again = 0;
    int rc = text_parse_duration(text, &ns);
    ALWAYS(rc == 0 || rc == ERR_RANGE || rc == ERR_INVALID);
    if (rc != 0)
        return;
    ALWAYS(ns >= 0 && is_digit(text[0]));
    struct buf written = {0};
    text_format_duration(ns, &written);
    ALWAYS(text_parse_duration(buf_text(&written), &again) == 0 && again == ns);
    buf_done(&written);
}

/* A count is its digits with a comma before every third of them, from behind. */
static void check_count(uint64_t number)
{
    struct buf text = {0};
    text_format_count(number, &text);
    uint64_t again = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool comma = (text.len - i) % 4 == 0;
        ALWAYS(comma ? text.data[i] == ',' && i != 0 : is_digit((char)text.data[i]));
        again = comma ? again : again * 10 + (uint64_t)(text.data[i] - '0');
    }
    ALWAYS(again == number);
    buf_done(&text);
}

/* --- rounding --- */

static void check_rounding(__int128 dividend, __int128 divisor)
{
    __int128 even = rounding_divide(dividend, divisor, ROUNDING_HALF_EVEN);
    __int128 half_up = rounding_divide(dividend, divisor, ROUNDING_HALF_UP);
    __int128 down = rounding_divide(dividend, divisor, ROUNDING_DOWN);
    __int128 up = rounding_divide(dividend, divisor, ROUNDING_UP);
    __int128 sign = dividend < 0 ? -1 : 1, magnitude = sign * dividend;
    __int128 low = magnitude / divisor, rest = magnitude - low * divisor;
    __int128 nearest = low + (rest * 2 > divisor ? 1 : 0);
    bool half = rest * 2 == divisor;
    ALWAYS(down == sign * low);
    ALWAYS(up == sign * (low + (rest != 0 ? 1 : 0)));
    ALWAYS(half_up == sign * (nearest + (half ? 1 : 0)));
    ALWAYS(even == sign * (nearest + (half && low % 2 != 0 ? 1 : 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    uint64_t a = fuzz_number(&in), b = fuzz_number(&in);
    unsigned precision = (unsigned)(1 + (a & 0xff) % DECIMAL_PRECISION_MAX);
    unsigned scale = (unsigned)((b & 0xff) % (precision + 1));
    check_count(a);
    check_size_format((int64_t)(a >> (1 + b % 63)));
    check_size_format((int64_t)(a << (b % 64) >> 1));
    check_money_format((int64_t)a, currency_of(b));
    check_rounding((__int128)(int64_t)a * (int64_t)(b | 1), (b >> 1) + 1);
    check_rounding((int64_t)a, (b & 0xff) + 1);
    while (fuzz_left(&in) != 0) {
        char *text = fuzz_line(&in);
        check_money(text, strlen(text), currency_of(b));
        check_decimal(text, strlen(text), precision, scale);
        check_whole(text);
        check_size(text);
        check_duration(text);
        free(text);
    }
    return 0;
}
