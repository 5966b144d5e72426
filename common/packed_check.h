/* SPDX-License-Identifier: MIT */
/*
 * packed_check.h - over bytes that may be msgpack, before a library sees them
 *
 * msgpack-c allocates on the word of a length before it has seen that so much is there, and takes
 * what stands after a value. A check allocates nothing, and needs no more stack for deeper bytes.
 */
#ifndef BULKHEAD_COMMON_PACKED_CHECK_H
#define BULKHEAD_COMMON_PACKED_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* What may stand there. */
struct packed_rules {
    bool any;            /* also floats and extensions */
    uint64_t values_max; /* values in all; a list or map is one, and so is each key */
};

/* Those of records: all that msgpack has, but no more than a record may have. */
extern const struct packed_rules packed_record_rules;

/*
 * Goes over the first value in the bytes, which may hold anything; others may stand after it. It is
 * whole, and at most PACKED_DEPTH_MAX lists and maps in it stand in each other; an empty one, which
 * has nothing to go into, is not counted.
 *
 *   ret_len   how many bytes it has
 *
 * Returns: 0, or ERR_PROTOCOL with what is wrong, and at which offset.
 */
int packed_check(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                 size_t *ret_len, struct err *e);

/* As packed_check(), of one value that is all of the bytes. */
int packed_check_all(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                     struct err *e);

/* Whether the value that begins with these bytes is a map. */
bool packed_begins_map(const uint8_t *bytes, size_t len);

#endif
