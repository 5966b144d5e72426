/* SPDX-License-Identifier: MIT */
/*
 * type_admits.h - whether a value, from wherever it comes, is one of a type
 */
#ifndef BULKHEAD_COMMON_TYPE_ADMITS_H
#define BULKHEAD_COMMON_TYPE_ADMITS_H

#include <stdbool.h>

#include "common/value.h"

/*
 * Whether a value can be one of the type: tag, UTF-8, bounds of numbers and lengths, form of lists
 * and maps. Not asked are patterns, which are matched where values come in (scalar.h).
 */
bool type_admits(struct type type, const struct value *value);

#endif
