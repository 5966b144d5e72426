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
 * Appends the value as JSON:
 *
 *   int, bool        a number, true or false
 *   list, map        an array, an object
 *   nothing          null
 *   bytes            a string; in base64 if they are not UTF-8
 *   everything else  a string
 */
void value_write_json(const struct value *value, struct type type, struct buf *out);

/* Appends base64 (RFC 4648, with padding). */
void value_write_base64(const uint8_t *bytes, size_t len, struct buf *out);

#endif
