/* SPDX-License-Identifier: MIT */
/*
 * scalar.h - values that hold no other values: all but lists and maps
 *
 * Only this module knows how such a value is written as text, in a topology, in a line or in a JSON
 * string, and what can be wrong with that text.
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
    SCALAR_BAD_TIMESTAMP,     /* not a time in the required form, or one that does not exist */
    SCALAR_OVERFLOW,          /* a number or a time that does not fit its type */
    SCALAR_TOO_HARD,          /* matching a string against its pattern takes too many steps */
    SCALAR_BAD_VALUE,         /* anything else that is not a value of the type */
};
#define SCALAR_FAULT_COUNT (SCALAR_BAD_VALUE + 1)

/* Forms of text other than those that scalar_parse() reads by default. */
struct scalar_form {
    bool bare_money;                        /* an amount need not state its currency: "12.34" */
    const struct timestamp_form *timestamp; /* NULL: RFC 3339 */
};

/*
 * Whether a value can be one of the type: checks its tag, UTF-8, and the bounds of numbers and
 * lengths. Of a list or a map only the tag is checked; see type_admits(). Patterns are not checked:
 * scalar_parse() matches them where values come in.
 */
bool scalar_admits(struct type type, const struct value *value);

/* scalar_parse() without its fast path. */
enum scalar_fault scalar_parse_any(const struct type *type, const char *text, size_t len,
                                   const struct scalar_form *form, struct value *ret_value,
                                   const char **ret_why);

/*
 * Reads a value from text:
 *
 *   string, bytes  the text itself
 *   int, bool      as in JSON
 *   decimal        "-12.50"
 *   money          "$12.34" or "USD 12.34"
 *   timestamp      "2000-01-01T00:00:00Z"
 *   date           "2000-01-01"
 *   duration       "1h30m" or "-5s"
 *   enum           one of its names
 *   optional       as the type that it holds
 *
 * Nothing is rounded or cut, and spaces are not skipped.
 *
 *   text       any bytes
 *   form       NULL: as above
 *   ret_value  for a string or bytes, a view of the text; untouched on failure
 *   ret_why    on failure: what is wrong, as the end of a sentence: "is not a date, …". It lives
 *              for ever
 *
 * Most values are valid amounts and times, for which one more call costs measurable time. So these
 * are read here; everything else goes to scalar_parse_any(), which also finds out what is wrong.
 *
 * Returns:  SCALAR_GOOD, or what is wrong; SCALAR_BAD_VALUE for a list or a map.
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
