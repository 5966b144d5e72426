/* SPDX-License-Identifier: MIT */
/*
 * nested.h - lists and maps: one run of bytes that holds everything in them
 *
 * The bytes are msgpack (docs/protocol.md, "Body") in canonical form: every number and length is in
 * the shortest form that msgpack has, and the keys of a map rise (by their bytes), each once. So
 * equal values are equal bytes. They are made by these functions; bytes from elsewhere are checked
 * by nested_valid() before they are read.
 */
#ifndef BULKHEAD_COMMON_NESTED_H
#define BULKHEAD_COMMON_NESTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"

/* Appends the head of a list of count items, or of a map of count keys with an item each (tag). */
void nested_add_head(enum value_tag tag, uint32_t count, struct buf *out);

/* Appends an item, or a key as a string. A list or map as an item is in this form already. */
void nested_add(const struct value *value, struct buf *out);

/* The unread rest of a list or a map. */
struct nested {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t left; /* items */
};

/* Begins to read a list or a map (tag). Returns: false if the bytes do not begin like one. */
bool nested_open(enum value_tag tag, const uint8_t *bytes, size_t len, struct nested *ret_nested);

/*
 * Reads the next item, of the given type, or the next key, as a string. Call it `left` times for a
 * list; for a map, for a key and an item in turn. Views live as long as the bytes.
 * Returns: false if something else is there, which cannot happen once the bytes were checked.
 */
bool nested_take(struct nested *nested, struct type type, struct value *ret_value);

/* Whether bytes from anywhere are a list or a map of this type, in canonical form. */
bool nested_valid(struct type type, const uint8_t *bytes, size_t len);

/*
 * How many bytes from `at` on are one list or map of this type. Returns: false if there is none.
 */
bool nested_span(struct type type, const uint8_t *at, const uint8_t *end, size_t *ret_len);

#endif
