/* SPDX-License-Identifier: MIT */
/*
 * value_json_bounded.h - the JSON of a value, as far as somebody wants it
 *
 * The JSON of a record can be six times as large as the record, and who asks for it may be about to
 * die for want of memory. So it is written in pieces, and no further than to a bound.
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
 * Returns: true; false: it does not fit, and what is there is its beginning, of more than max bytes
 * and not many more.
 */
bool value_write_json_bounded(const struct value *value, struct type type, size_t max,
                              struct buf *out);

#endif
