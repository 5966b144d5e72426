/* SPDX-License-Identifier: MIT */
/*
 * json.h - strict JSON (RFC 8259), read in place and written compactly
 *
 * The reader checks one whole text and reports the members of its top-level object as views into
 * it; it allocates nothing, keeps numbers as text, and refuses what JSON does not allow (NaN,
 * comments, raw control characters, lone surrogates, trailing bytes) and nesting behind
 * JSON_DEPTH_MAX. Why no library: docs/decisions/0003-json.md.
 */
#ifndef BULKHEAD_COMMON_JSON_H
#define BULKHEAD_COMMON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

/* A piece of the text; for a string, what is between its quotes, still escaped. */
struct json_span {
    const uint8_t *start;
    size_t len;
    enum json_type type;
    bool escaped; /* a string that holds a backslash: json_unescape() it before use */
};

/* Is told every member of the top-level object, in the order of the text. */
typedef void json_member_fn(void *context, const struct json_span *key,
                            const struct json_span *value);

/*
 * Reads one JSON text, optional white space around it.
 *
 *   text, len   the text, which must be valid UTF-8 (utf8_valid() was asked before)
 *   member      called for every top-level member, also before an error further on is seen
 *   ret_type    type of the whole text; for one that is no object, member is never called
 *
 * Returns:  0
 *           ERR_INVALID  not JSON; e says what is wrong at which byte (from 1)
 */
int json_read(const uint8_t *text, size_t len, json_member_fn *member, void *context,
              enum json_type *ret_type, struct err *e);

/* Is told every item of an array, in order. */
typedef void json_item_fn(void *context, const struct json_span *item);

/* Goes through the items of an array. Requires: the span is one that json_read reported. */
void json_read_items(const struct json_span *array, json_item_fn *item, void *context);

/* Appends the string that a span stands for. Requires: the span came from json_read. */
void json_unescape(const struct json_span *string, struct buf *out);

/* What people call the type: "a string", "null" … */
const char *json_type_name(enum json_type type);

/*
 * Appends a JSON string with its quotes: escapes are \" \\ \b \f \n \r \t and \u00xx for the other
 * control characters, all else stands as it is. Requires: valid UTF-8.
 */
void json_write_string(const uint8_t *bytes, size_t len, struct buf *out);

#endif
