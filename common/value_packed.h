/* SPDX-License-Identifier: MIT */
/*
 * value_packed.h - values in msgpack, for those outside
 *
 * What a value looks like there: docs/decisions/0027-msgpack-kinds.md. Frames have another form,
 * which only our own processes read.
 */
#ifndef BULKHEAD_COMMON_VALUE_PACKED_H
#define BULKHEAD_COMMON_VALUE_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/value.h"

/*
 * Appends the value in its one form, until the buffer holds more than max bytes: nothing as nil,
 * what is no string, bytes, number, boolean, timestamp, list or map as the text that JSON has.
 * Returns: true; false: it does not fit, and what is there is its beginning.
 */
bool value_write_packed(const struct value *value, struct type type, size_t max, struct buf *out);

#endif
