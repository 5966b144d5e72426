/* SPDX-License-Identifier: MIT */
/*
 * value_json_bounded.h - the JSON of a value up to a bound
 *
 * The JSON of a record can be six times as large as the record, and the process that writes it may
 * be nearly out of memory. So it is written in pieces, and only up to a bound.
 */
#ifndef BULKHEAD_COMMON_VALUE_JSON_BOUNDED_H
#define BULKHEAD_COMMON_VALUE_JSON_BOUNDED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/type.h"
#include "common/value.h"

/*
 * Appends what value_write_json() would, until the buffer holds more than max bytes.
 * Returns: true; or false if it does not fit: then the buffer has its beginning, of slightly more
 * than max bytes.
 */
bool value_write_json_bounded(const struct value *value, struct type type, size_t max,
                              struct buf *out);

#endif
