/* SPDX-License-Identifier: MIT */
/*
 * value_json.h - values as JSON, for outputs, dead letters and people
 */
#ifndef BULKHEAD_COMMON_VALUE_JSON_H
#define BULKHEAD_COMMON_VALUE_JSON_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"

/*
 * Appends the value as JSON: numbers and booleans bare, lists and maps as arrays and objects,
 * nothing as null, bytes as a string if they are UTF-8 and as a base64 string if not, all else as
 * strings.
 */
void value_write_json(const struct value *value, struct type type, struct buf *out);

/* Appends base64 (RFC 4648, with padding). */
void value_write_base64(const uint8_t *bytes, size_t len, struct buf *out);

#endif
