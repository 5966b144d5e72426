/* SPDX-License-Identifier: MIT */
/*
 * scalar.h - values that hold no others: all but lists and maps
 *
 * How such a value is written as one text, in a topology, in a line or in a string of JSON, and
 * what can be wrong with it, is known here and nowhere else.
 */
#ifndef BULKHEAD_COMMON_SCALAR_H
#define BULKHEAD_COMMON_SCALAR_H

#include <stdbool.h>
#include <stddef.h>

#include "common/timestamp_form.h"
#include "common/value.h"

/* What can be wrong with a text. */
enum scalar_fault {
    SCALAR_GOOD,
    SCALAR_NOT_UTF8,          /* of a string */
    SCALAR_BAD_MONEY,         /* not an amount, or its currency is missing */
    SCALAR_WRONG_CURRENCY,    /* an amount, but in another currency */
    SCALAR_TOO_MANY_DECIMALS, /* more than the currency has */
    SCALAR_BAD_TIMESTAMP,     /* not a time in its form, or one that does not exist */
    SCALAR_OVERFLOW,          /* a number or a time that does not fit its type */
    SCALAR_TOO_HARD,          /* a string takes its pattern too many steps */
    SCALAR_BAD_VALUE,         /* anything else that is not a value of the type */
};
#define SCALAR_FAULT_COUNT (SCALAR_BAD_VALUE + 1)

/* How texts are written where that is not as scalar_parse() says. */
struct scalar_form {
    bool bare_money;                        /* an amount need not state its currency: "12.34" */
    const struct timestamp_form *timestamp; /* NULL: RFC 3339 */
};

/*
 * Whether a value can be one of the type, as far as its own tag, UTF-8, and bounds of numbers and
 * lengths go. Of a list or a map only the tag is looked at: see type_admits(). Patterns are not
 * asked: scalar_parse() matches them, where values come in.
 */
bool scalar_admits(struct type type, const struct value *value);

/* scalar_parse() without its short cut. */
enum scalar_fault scalar_parse_any(const struct type *type, const char *text, size_t len,
                                   const struct scalar_form *form, struct value *ret_value,
                                   const char **ret_why);

/*
 * Reads a value. A string and bytes are the text itself, an int and a bool are written as in JSON,
 * a decimal as "-12.50", money as "$12.34" or "USD 12.34", a timestamp and a date as
 * "2000-01-01T00:00:00Z" and "2000-01-01", a duration as "1h30m" or "-5s", an enum by its name. An
 * optional type is read as what it holds. Nothing is rounded or cut, and spaces are not skipped.
 *
 *   text       any bytes
 *   form       NULL: as above
 *   ret_value  for a string or bytes a view of the text; untouched on failure
 *   ret_why    on failure: what is wrong with the text, to stand after its name: "is no date, …".
 *              It lives for ever
 *
 * Good amounts and times are most of what is read, and a call more for each can be measured: so
 * they are read here, and what is not good goes the long way, which finds out what is wrong.
 *
 * Returns:  SCALAR_GOOD, or what is wrong. A list or a map is SCALAR_BAD_VALUE.
 */
static inline enum scalar_fault scalar_parse(const struct type *type, const char *text, size_t len,
                                             const struct scalar_form *form,
                                             struct value *ret_value, const char **ret_why)
{
    bool good = type->tag == VALUE_MONEY
                    ? money_parse(text, len, type->currency, &ret_value->integer) == MONEY_OK
                : type->tag == VALUE_TIMESTAMP && form == NULL
                    ? timestamp_parse(text, len, &ret_value->integer) == TIMESTAMP_OK
                    : false;
    if (!good)
        return scalar_parse_any(type, text, len, form, ret_value, ret_why);
    ret_value->tag = type->tag;
    ret_value->len = 0;
    return SCALAR_GOOD;
}

#endif
