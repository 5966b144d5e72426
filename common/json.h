/* SPDX-License-Identifier: MIT */
/*
 * json.h - strict JSON (RFC 8259), read in place and written compactly
 *
 * The reader checks one whole text and reports the members of its top-level object as views into
 * it. It allocates nothing and keeps numbers as text. It refuses what JSON does not allow (NaN,
 * comments, raw control characters, lone surrogates, trailing bytes) and nesting beyond
 * JSON_DEPTH_MAX. Why no library is used: docs/decisions/0003-json.md.
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

/* A piece of the text. For a string it is the text between the quotes, still escaped. */
struct json_span {
    const uint8_t *start;
    size_t len;
    enum json_type type;
    bool escaped; /* a string with backslashes: json_unescape() it before use */
};

/* Called for every member of the top-level object, in the order of the text. */
typedef void json_member_fn(void *context, const struct json_span *key,
                            const struct json_span *value);

/*
 * Reads one JSON text, which may have white space around it.
 *
 *   text, len   must be valid UTF-8 (see utf8_valid())
 *   member      called for every top-level member, also for those before an error
 *   ret_type    type of the whole text; if it is not an object, member is never called
 *
 * Returns:  0
 *           ERR_INVALID  not JSON; e says what is wrong, and at which byte (from 1)
 */
int json_read(const uint8_t *text, size_t len, json_member_fn *member, void *context,
              enum json_type *ret_type, struct err *e);

/* Called for every item of an array, in order. */
typedef void json_item_fn(void *context, const struct json_span *item);

/* Goes through the items of an array. Requires: the span is one that json_read reported. */
void json_read_items(const struct json_span *array, json_item_fn *item, void *context);

/* Appends the string that a span represents. Requires: the span is one that json_read reported. */
void json_unescape(const struct json_span *string, struct buf *out);

/* The name of a type in messages: "a string", "null" … */
const char *json_type_name(enum json_type type);

/*
 * Appends a JSON string with its quotes. Escapes are \" \\ \b \f \n \r \t, and \u00xx for the other
 * control characters; everything else is copied. Requires: valid UTF-8.
 */
void json_write_string(const uint8_t *bytes, size_t len, struct buf *out);

#endif
