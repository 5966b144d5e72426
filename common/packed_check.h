/* SPDX-License-Identifier: MIT */
/*
 * packed_check.h - checks bytes that may be msgpack before the library reads them
 *
 * msgpack-c trusts a length and allocates before it knows that this many bytes are there, and it
 * accepts bytes after a value. This check allocates nothing, and its stack does not grow with the
 * nesting of the bytes.
 */
#ifndef BULKHEAD_COMMON_PACKED_CHECK_H
#define BULKHEAD_COMMON_PACKED_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* What is allowed. */
struct packed_rules {
    bool any;            /* floats and extensions too */
    uint64_t values_max; /* values in all; a list or map counts as one, and so does each key */
};

/* The rules for records: all of msgpack, but at most PACKED_VALUES_MAX values. */
extern const struct packed_rules packed_record_rules;

/*
 * Checks that the first value in the bytes, which may hold anything, is complete, and that lists
 * and maps in it are nested at most PACKED_DEPTH_MAX deep; empty ones do not count. Other values
 * may follow it.
 *
 *   ret_len   the number of bytes of the value
 *
 * Returns: 0, or ERR_PROTOCOL with what is wrong, and at which offset.
 */
int packed_check(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                 size_t *ret_len, struct err *e);

/* As packed_check(), for bytes that must be one value and nothing else. */
int packed_check_all(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                     struct err *e);

/* Whether the value that begins with these bytes is a map. */
bool packed_begins_map(const uint8_t *bytes, size_t len);

#endif
