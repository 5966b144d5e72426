/* SPDX-License-Identifier: MIT */
#include "common/decimal.h"

#include <stdbool.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/err.h"

int64_t decimal_bound(unsigned precision)
{
    REQUIRE(precision <= DECIMAL_PRECISION_MAX);
    int64_t bound = 1;
    for (; precision != 0; precision--)
        bound *= 10;
    return bound;
}

static size_t digits_at(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[n] >= '0' && text[n] <= '9')
        n++;
    return n;
}

/* Appends any number of digits to a number that is below the bound. */
static bool add_digits(const char *digits, size_t count, int64_t bound, int64_t *number)
{
    for (size_t i = 0; i < count; i++) {
        /* A number below the bound may exceed 64 bits with one more digit. */
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, digits[i] - '0', number) || *number >= bound)
            return false;
    }
    return true;
}

int decimal_parse(const char *text, size_t len, unsigned precision, unsigned scale,
                  int64_t *ret_scaled)
{
    REQUIRE(scale <= precision);
    bool negative = len != 0 && *text == '-';
    if (negative) {
        text++;
        len--;
    }
    size_t whole = digits_at(text, len), decimals = 0;
    if (whole == 0)
        return ERR_INVALID;
    if (whole < len) {
        decimals = digits_at(text + whole + 1, len - whole - 1);
        if (text[whole] != '.' || decimals == 0 || whole + 1 + decimals != len || decimals > scale)
            return ERR_INVALID;
    }
    int64_t bound = decimal_bound(precision), number = 0;
    if (!add_digits(text, whole, bound, &number) ||
        !add_digits(text + whole + 1, decimals, bound, &number) ||
        !add_digits("000000000000000000", scale - decimals, bound, &number))
        return ERR_RANGE;
    *ret_scaled = negative ? -number : number;
    return 0;
}

void decimal_format(int64_t scaled, unsigned scale, struct buf *out)
{
    int64_t bound = decimal_bound(scale);
    uint64_t number = scaled < 0 ? 0 - (uint64_t)scaled : (uint64_t)scaled;
    if (scaled < 0)
        buf_add_byte(out, '-');
    buf_add_digits(out, number / (uint64_t)bound, 1);
    if (scale == 0)
        return;
    buf_add_byte(out, '.');
    buf_add_digits(out, number % (uint64_t)bound, scale);
}
