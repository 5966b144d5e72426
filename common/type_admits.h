/* SPDX-License-Identifier: MIT */
/*
 * type_admits.h - whether a value from any source belongs to a type
 */
#ifndef BULKHEAD_COMMON_TYPE_ADMITS_H
#define BULKHEAD_COMMON_TYPE_ADMITS_H

#include <stdbool.h>

#include "common/value.h"

/*
 * Whether a value can be one of the type: checks its tag, UTF-8, bounds of numbers and lengths, and
 * the form of lists and maps. Patterns are not checked; they are matched where values come in
 * (scalar.h).
 */
bool type_admits(struct type type, const struct value *value);

#endif
