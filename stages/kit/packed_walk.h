/* SPDX-License-Identifier: MIT */
/*
 * packed_walk.h - where a value of msgpack ends, found without reading it
 *
 * A walk goes over the heads of values alone. What it has in hand is how many values are still to
 * come, however deep they lie, and what is left of the one it is in: so it needs no stack, keeps
 * nothing of the input, and goes on wherever the input broke off. Pure. Why it is not msgpack-c's:
 * docs/decisions/0026-msgpack-records.md.
 */
#ifndef BULKHEAD_STAGES_KIT_PACKED_WALK_H
#define BULKHEAD_STAGES_KIT_PACKED_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Within a record. Zeroed, it is between two. */
struct packed_walk {
    uint64_t values;      /* still to come, or more than any input has bytes */
    uint64_t body_bytes;  /* of the value in hand, still to come */
    uint32_t number;      /* behind a tag: a length or a count, as far as it is there */
    uint8_t number_bytes; /* of it still to come */
    uint8_t tag;          /* that the number belongs to */
    bool is_map;          /* the record is one */
};

/* As it is kept: all but is_map. */
#define PACKED_WALK_BYTES 22u

enum packed_step {
    PACKED_GOES_ON, /* all bytes were gone over, and the record is not at its end */
    PACKED_ENDS,    /* it ends behind the bytes that were used */
    PACKED_IS_LOST, /* the last byte that was used begins no value: nobody knows what comes then */
};

/*
 * Goes over bytes up to the end of the record in hand; the first of them begins one if the walk is
 * between two. After PACKED_ENDS and PACKED_IS_LOST it is between two, but for is_map.
 *
 *   len   above 0
 *
 * *ret_used is how many bytes belong to the record.
 */
enum packed_step packed_walk(struct packed_walk *walk, const uint8_t *bytes, size_t len,
                             size_t *ret_used);

/* Whether it is between two records. */
bool packed_walk_is_between(const struct packed_walk *walk);

/* A walk as bytes that are kept, and back. Which bytes: docs/protocol.md, "Journal". A walk that
 * nobody has put may say anything, and goes on with that. */
void packed_walk_put(const struct packed_walk *walk, uint8_t ret_bytes[PACKED_WALK_BYTES]);
struct packed_walk packed_walk_get(const uint8_t bytes[PACKED_WALK_BYTES]);

#endif
