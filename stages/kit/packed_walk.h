/* SPDX-License-Identifier: MIT */
/*
 * packed_walk.h - finds where a msgpack value ends without decoding it
 *
 * A walk only looks at the heads of values. Its whole state is how many values are still to come,
 * at whatever depth, and how much is left of the current one. So it needs no stack, keeps none of
 * the input, and can resume wherever the input broke off. Pure.
 * docs/decisions/0026-msgpack-records.md explains why it is not msgpack-c's parser.
 */
#ifndef BULKHEAD_STAGES_KIT_PACKED_WALK_H
#define BULKHEAD_STAGES_KIT_PACKED_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A position within a record. If zeroed, it is between two records. */
struct packed_walk {
    uint64_t values;      /* values still to come; INT64_MAX at most, more than any input holds */
    uint64_t body_bytes;  /* bytes of the current value still to come */
    uint32_t number;      /* the length or count after a tag, as far as it was read */
    uint8_t number_bytes; /* bytes of `number` still to come */
    uint8_t tag;          /* the tag that the number belongs to */
    bool is_map;          /* the record is a map */
};

/* The stored form, which holds everything but is_map. */
#define PACKED_WALK_BYTES 22u

/* How far packed_walk() came. */
enum packed_step {
    PACKED_GOES_ON, /* all bytes were used, and the record has not ended */
    PACKED_ENDS,    /* the record ends with the last byte that was used */
    /* The last byte that was used cannot begin a value; what follows it is unknown. */
    PACKED_IS_LOST,
};

/*
 * Walks over bytes to the end of the current record. If the walk is between two records, the first
 * byte begins one. After PACKED_ENDS and PACKED_IS_LOST it is between two records again, and only
 * is_map still describes the last one.
 *
 *   len   at least 1
 *
 * *ret_used is the number of bytes that belong to the record.
 */
enum packed_step packed_walk(struct packed_walk *walk, const uint8_t *bytes, size_t len,
                             size_t *ret_used);

/* Whether the walk is between two records. */
bool packed_walk_is_between(const struct packed_walk *walk);

/*
 * Convert a walk to its stored form and back. docs/protocol.md, "Journal", describes the bytes. Any
 * bytes are accepted: a walk that packed_walk_put() did not write has arbitrary contents but can
 * still be continued.
 */
void packed_walk_put(const struct packed_walk *walk, uint8_t ret_bytes[PACKED_WALK_BYTES]);
struct packed_walk packed_walk_get(const uint8_t bytes[PACKED_WALK_BYTES]);

#endif
