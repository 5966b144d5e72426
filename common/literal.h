/* SPDX-License-Identifier: MIT */
/*
 * literal.h - one value of a type, written as text: in a topology, in a line, in a string of JSON
 */
#ifndef BULKHEAD_COMMON_LITERAL_H
#define BULKHEAD_COMMON_LITERAL_H

#include <stddef.h>

#include "common/buf.h"
#include "common/value.h"

/*
 * Reads a value. A string and bytes are the text itself, an int and a bool are written as in JSON,
 * a decimal as "-12.50", money as "$12.34" or "USD 12.34", a timestamp and a date as
 * "2000-01-01T00:00:00Z" and "2000-01-01", a duration as "1h30m" or "-5s", an enum by its name. An
 * optional type is read as what it holds.
 *
 *   text       any bytes
 *   ret_value  for a string or bytes a view of the text; untouched on failure
 *   ret_why    on failure: what is wrong with the text, to stand behind its name: "is no date, …".
 *              It lives as long as the type does
 *
 * Returns:  0
 *           ERR_INVALID    the text is no such value; or the type is a list or a map, which no
 *                          text is
 *           ERR_RANGE      it is one, but does not fit its type: a number, a length
 *           ERR_NOT_FOUND  a string that does not match its pattern, a name that the enum does not
 *                          have
 *           ERR_TOO_HARD   a string takes its pattern too many steps
 */
int literal_parse(struct type type, const char *text, size_t len, struct value *ret_value,
                  const char **ret_why);

#endif
