/* SPDX-License-Identifier: MIT */
/*
 * value_packed.h - values in msgpack, for other programs
 *
 * The form of each value: docs/decisions/0027-msgpack-kinds.md. Frames have another form, which
 * only our own processes read.
 */
#ifndef BULKHEAD_COMMON_VALUE_PACKED_H
#define BULKHEAD_COMMON_VALUE_PACKED_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/value.h"

/*
 * Appends the value in canonical form, until the buffer holds more than max bytes. Strings, bytes,
 * ints, booleans, timestamps, lists and maps have forms of their own in msgpack, and nothing is
 * nil. All other values are the text that they have in JSON.
 * Returns: true; or false if it does not fit: then the buffer has its beginning.
 */
bool value_write_packed(const struct value *value, struct type type, size_t max, struct buf *out);

#endif
