/* SPDX-License-Identifier: MIT */
#include "common/packed_check.h"

#include <inttypes.h>

#include "common/bounds.h"
#include "common/pack.h"

const struct packed_rules packed_record_rules = {.any = true, .values_max = PACKED_VALUES_MAX};

/* What follows a tag: a length of some bytes, and then what that counts. */
struct shape {
    uint8_t length_bytes; /* of the length; 0: there is none, and `fixed` is the length */
    uint8_t fixed;        /* the length, if it is part of the tag */
    uint8_t more;         /* bytes after the length: the type of an extension */
    uint8_t values;       /* what the length counts: 0: bytes; 1: items; 2: pairs */
    bool other;           /* it is a float or an extension */
};

static struct shape shape_of(uint8_t tag)
{
    if (tag <= 0x7f || tag >= 0xe0)
        return (struct shape){0};
    if (tag < PACK_FIX_ARRAY)
        return (struct shape){.fixed = tag & 0x0f, .values = 2};
    if (tag < PACK_FIX_STR)
        return (struct shape){.fixed = tag & 0x0f, .values = 1};
    if (tag < PACK_NIL)
        return (struct shape){.fixed = tag & 0x1f};
    if (tag < PACK_BIN_8)
        return (struct shape){0}; /* nil, false, true */
    if (tag < PACK_EXT_8)
        return (struct shape){.length_bytes = (uint8_t)(1u << (tag - PACK_BIN_8))};
    if (tag < PACK_FLOAT_32)
        return (struct shape){
            .length_bytes = (uint8_t)(1u << (tag - PACK_EXT_8)), .more = 1, .other = true};
    if (tag < PACK_UINT_8)
        return (struct shape){.fixed = (uint8_t)(4u << (tag - PACK_FLOAT_32)), .other = true};
    if (tag < PACK_FIX_EXT_1)
        return (struct shape){.fixed = (uint8_t)(1u << ((tag - PACK_UINT_8) & 3))};
    if (tag < PACK_STR_8)
        return (struct shape){
            .fixed = (uint8_t)(1u << (tag - PACK_FIX_EXT_1)), .more = 1, .other = true};
    if (tag < PACK_ARRAY_16)
        return (struct shape){.length_bytes = (uint8_t)(1u << (tag - PACK_STR_8))};
    return (struct shape){.length_bytes = (uint8_t)(2u << ((tag - PACK_ARRAY_16) & 1)),
                          .values = tag < PACK_MAP_16 ? 1 : 2};
}

static uint64_t length_at(const uint8_t *at, unsigned bytes)
{
    uint64_t length = 0;
    for (unsigned i = 0; i < bytes; i++)
        length = length << 8 | at[i];
    return length;
}

/*
 * Where a value ends. For a list or a map, where its head ends; *ret_values is the number of values
 * that follow. NULL: there are fewer bytes than it needs.
 */
static const uint8_t *pass_one(struct shape shape, const uint8_t *at, const uint8_t *end,
                               uint64_t *ret_values)
{
    if ((size_t)(end - at) < shape.length_bytes)
        return NULL;
    uint64_t count = shape.length_bytes != 0 ? length_at(at, shape.length_bytes) : shape.fixed;
    at += shape.length_bytes;
    *ret_values = count * shape.values;
    /* Every value has at least one byte. */
    uint64_t needed = shape.values != 0 ? *ret_values : count + shape.more;
    if ((uint64_t)(end - at) < needed)
        return NULL;
    return shape.values != 0 ? at : at + needed;
}

/* As pass_one(), for the value at `at`, if it is allowed. NULL, with the error, if not. */
static const uint8_t *pass(const uint8_t *bytes, const uint8_t *at, const uint8_t *end,
                           const struct packed_rules *rules, uint64_t *ret_values, struct err *e)
{
    size_t offset = (size_t)(at - bytes);
    struct shape shape = at < end ? shape_of(*at) : (struct shape){0};
    if (at < end && (*at == PACK_NEVER || (shape.other && !rules->any))) {
        (void)err_set(e, ERR_PROTOCOL, "the byte at offset %zu (0x%02x) does not begin a value%s",
                      offset, *at, *at == PACK_NEVER ? " of msgpack" : " that is allowed here");
        return NULL;
    }
    const uint8_t *next = at < end ? pass_one(shape, at + 1, end, ret_values) : NULL;
    if (next == NULL && end == bytes)
        (void)err_set(e, ERR_PROTOCOL, "it is empty");
    else if (next == NULL)
        (void)err_set(e, ERR_PROTOCOL, "it is cut off inside the value that begins at offset %zu",
                      offset);
    return next;
}

int packed_check(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                 size_t *ret_len, struct err *e)
{
    uint64_t left[PACKED_DEPTH_MAX + 1] = {1}; /* values that must still follow, by depth */
    uint64_t values = 1, more = 0;
    size_t depth = 0;
    const uint8_t *at = bytes;
    for (;;) {
        while (left[depth] == 0 && depth > 0)
            depth--;
        if (left[depth] == 0)
            break;
        left[depth]--;
        at = pass(bytes, at, bytes + len, rules, &more, e);
        if (at == NULL)
            return ERR_PROTOCOL;
        values += more;
        if (values > rules->values_max)
            return err_set(e, ERR_PROTOCOL, "it has more than %" PRIu64 " values",
                           rules->values_max);
        if (more != 0 && depth == PACKED_DEPTH_MAX)
            return err_set(e, ERR_PROTOCOL, "arrays and maps are nested more than %u deep",
                           PACKED_DEPTH_MAX);
        if (more != 0)
            left[++depth] = more;
    }
    *ret_len = (size_t)(at - bytes);
    return 0;
}

int packed_check_all(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                     struct err *e)
{
    size_t used;
    int rc = packed_check(bytes, len, rules, &used, e);
    if (rc == 0 && used != len)
        return err_set(e, ERR_PROTOCOL, "%zu %s the value", len - used,
                       len - used == 1 ? "byte follows" : "bytes follow");
    return rc;
}

bool packed_begins_map(const uint8_t *bytes, size_t len)
{
    return len != 0 &&
           ((*bytes & 0xf0) == PACK_FIX_MAP || *bytes == PACK_MAP_16 || *bytes == PACK_MAP_16 + 1);
}
