/* SPDX-License-Identifier: MIT */
/*
 * nested.h - lists and maps: one run of bytes that holds all that is in them
 *
 * The bytes are msgpack (docs/protocol.md, "Body") in one form only: every number and length in the
 * shortest form that msgpack has, a map by rising keys (by their bytes), each once. So the same
 * values are the same bytes. Whoever makes them uses these functions; bytes from elsewhere are
 * checked by nested_valid() before anything reads them.
 */
#ifndef BULKHEAD_COMMON_NESTED_H
#define BULKHEAD_COMMON_NESTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"

/* Appends what begins a list or a map (tag) of count items, or of count keys with an item each. */
void nested_add_head(enum value_tag tag, uint32_t count, struct buf *out);

/* Appends an item or, as a string, a key. A list or map that is an item is in this form already. */
void nested_add(const struct value *value, struct buf *out);

/* What is still to be read of a list or a map. */
struct nested {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t left; /* items */
};

/* Begins to read a list or a map. Returns: false if it does not begin as one of the tag does. */
bool nested_open(enum value_tag tag, const uint8_t *bytes, size_t len, struct nested *ret_nested);

/*
 * Reads the next item of the type, or the next key as a string; call it `left` times for a list,
 * for a key and an item by turns for a map. Views live as long as the bytes. Returns: false if that
 * is not what stands there; only if the bytes were never checked.
 */
bool nested_take(struct nested *nested, struct type type, struct value *ret_value);

/* Whether bytes from anywhere are a list or a map of this type, in its one form. */
bool nested_valid(struct type type, const uint8_t *bytes, size_t len);

/*
 * How many bytes from here on are one list or map of this type. Returns: false if they are none.
 */
bool nested_span(struct type type, const uint8_t *at, const uint8_t *end, size_t *ret_len);

#endif
