/* SPDX-License-Identifier: MIT */
#include "stages/kit/packed_walk.h"

#include "common/bytes.h"
#include "common/pack.h"

enum {
    TAG_NEVER_USED = 0xc1,
    TAG_EXT_8 = 0xc7, /* ext 16 and ext 32 follow; the same goes for the tags below */
    TAG_FLOAT_32 = 0xca,
    TAG_FIX_EXT_1 = 0xd4,
    TAG_NEGATIVE = 0xe0,
};

/* Offsets in the stored form of a walk. */
enum {
    WALK_AT_VALUES = 0,
    WALK_AT_BODY = 8,
    WALK_AT_NUMBER = 16,
    WALK_AT_NUMBER_BYTES = 20,
    WALK_AT_TAG = 21,
};

bool packed_walk_is_between(const struct packed_walk *walk)
{
    return walk->values == 0 && walk->body_bytes == 0 && walk->number_bytes == 0;
}

/* A count above the bytes of any input is capped: such a record never ends anyway. */
static void add_values(struct packed_walk *walk, uint64_t count)
{
    walk->values = walk->values + count <= INT64_MAX ? walk->values + count : INT64_MAX;
}

/* A number of 1, 2 or 4 bytes follows the tag. */
static void await_number(struct packed_walk *walk, uint8_t tag, unsigned width)
{
    walk->tag = tag;
    walk->number = 0;
    walk->number_bytes = (uint8_t)(1u << width);
}

/* Applies the first byte of a value. */
static void take_tag(struct packed_walk *walk, uint8_t tag)
{
    if (tag < PACK_FIX_MAP || tag >= TAG_NEGATIVE)
        return;
    if (tag < PACK_FIX_ARRAY)
        add_values(walk, 2u * (tag & 0x0fu));
    else if (tag < PACK_FIX_STR)
        add_values(walk, tag & 0x0fu);
    else if (tag < PACK_NIL)
        walk->body_bytes = tag & 0x1fu;
    else if (tag < PACK_BIN_8)
        return; /* nil, false, true */
    else if (tag < TAG_EXT_8)
        await_number(walk, tag, tag - (unsigned)PACK_BIN_8);
    else if (tag < TAG_FLOAT_32)
        await_number(walk, tag, tag - (unsigned)TAG_EXT_8);
    else if (tag < PACK_UINT_8)
        walk->body_bytes = 4u << (tag - TAG_FLOAT_32);
    else if (tag < TAG_FIX_EXT_1)
        walk->body_bytes = 1u << (tag & 3u);
    else if (tag < PACK_STR_8)
        walk->body_bytes = 1 + (1u << (tag - TAG_FIX_EXT_1));
    else if (tag < PACK_ARRAY_16)
        await_number(walk, tag, tag - (unsigned)PACK_STR_8);
    else
        await_number(walk, tag, 1 + (tag & 1u));
}

/* Applies the number after a tag, which is complete. */
static void take_number(struct packed_walk *walk)
{
    uint64_t number = walk->number;
    if (walk->tag >= PACK_MAP_16)
        add_values(walk, 2 * number);
    else if (walk->tag >= PACK_ARRAY_16)
        add_values(walk, number);
    else if (walk->tag >= TAG_EXT_8 && walk->tag < TAG_FLOAT_32)
        walk->body_bytes = number + 1; /* 1 byte for the type of the extension */
    else
        walk->body_bytes = number;
}

static bool is_map(uint8_t tag)
{
    return (tag >= PACK_FIX_MAP && tag < PACK_FIX_ARRAY) || tag == PACK_MAP_16 ||
           tag == PACK_MAP_16 + 1;
}

enum packed_step packed_walk(struct packed_walk *walk, const uint8_t *bytes, size_t len,
                             size_t *ret_used)
{
    size_t at = 0;
    if (packed_walk_is_between(walk)) {
        walk->values = 1;
        walk->is_map = is_map(bytes[0]);
    }
    while (at < len) {
        if (walk->body_bytes > len - at) {
            walk->body_bytes -= len - at;
            at = len;
            break;
        }
        at += (size_t)walk->body_bytes;
        walk->body_bytes = 0;
        if (walk->number_bytes != 0 && at < len) {
            walk->number = walk->number << 8 | bytes[at++];
            if (--walk->number_bytes == 0)
                take_number(walk);
        } else if (walk->values != 0 && at < len) {
            uint8_t tag = bytes[at++];
            if (tag == TAG_NEVER_USED) {
                *ret_used = at;
                *walk = (struct packed_walk){.is_map = walk->is_map};
                return PACKED_IS_LOST;
            }
            walk->values--;
            take_tag(walk, tag);
        }
        if (packed_walk_is_between(walk))
            break;
    }
    *ret_used = at;
    return packed_walk_is_between(walk) ? PACKED_ENDS : PACKED_GOES_ON;
}

void packed_walk_put(const struct packed_walk *walk, uint8_t ret_bytes[PACKED_WALK_BYTES])
{
    bytes_put_u64(ret_bytes + WALK_AT_VALUES, walk->values);
    bytes_put_u64(ret_bytes + WALK_AT_BODY, walk->body_bytes);
    bytes_put_u32(ret_bytes + WALK_AT_NUMBER, walk->number);
    ret_bytes[WALK_AT_NUMBER_BYTES] = walk->number_bytes;
    ret_bytes[WALK_AT_TAG] = walk->tag;
}

struct packed_walk packed_walk_get(const uint8_t bytes[PACKED_WALK_BYTES])
{
    return (struct packed_walk){.values = bytes_get_u64(bytes + WALK_AT_VALUES),
                                .body_bytes = bytes_get_u64(bytes + WALK_AT_BODY),
                                .number = bytes_get_u32(bytes + WALK_AT_NUMBER),
                                .number_bytes = bytes[WALK_AT_NUMBER_BYTES],
                                .tag = bytes[WALK_AT_TAG]};
}
