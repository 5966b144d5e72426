/* SPDX-License-Identifier: MIT */
/*
 * scalar.h - values that hold no others: all but lists and maps
 */
#ifndef BULKHEAD_COMMON_SCALAR_H
#define BULKHEAD_COMMON_SCALAR_H

#include <stdbool.h>

#include "common/value.h"

/*
 * Whether a value can be one of the type, as far as its own tag, UTF-8, and bounds of numbers and
 * lengths go. Of a list or a map only the tag is looked at: see type_admits(). Patterns are not
 * asked: they are matched where values come in.
 */
bool scalar_admits(struct type type, const struct value *value);

#endif
