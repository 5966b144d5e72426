/* SPDX-License-Identifier: MIT */
/*
 * pack.h - msgpack's forms of single values: written in the shortest one, read in any
 *
 * Frames (ipc/frame.c) and lists and maps (nested.c) are made of these. They stand in a header
 * because a link needs some for every field of every record.
 *
 * The writers return where they ended; whoever calls gives room. The readers take bytes from
 * anywhere: they look at nothing from `end` on, and return where the value ended, or NULL if none
 * of the asked kind stands there.
 */
#ifndef BULKHEAD_COMMON_PACK_H
#define BULKHEAD_COMMON_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"

enum {
    PACK_FIX_MAP = 0x80,
    PACK_FIX_ARRAY = 0x90,
    PACK_FIX_STR = 0xa0,
    PACK_NIL = 0xc0,
    PACK_FALSE = 0xc2,
    PACK_TRUE = 0xc3,
    PACK_NEVER = 0xc1, /* begins no value */
    PACK_BIN_8 = 0xc4, /* bin 16 and bin 32 follow; likewise below */
    PACK_EXT_8 = 0xc7,
    PACK_FLOAT_32 = 0xca, /* float 64 follows */
    PACK_UINT_8 = 0xcc,
    PACK_INT_8 = 0xd0,
    PACK_FIX_EXT_1 = 0xd4, /* those of 2, 4, 8 and 16 bytes follow */
    PACK_STR_8 = 0xd9,
    PACK_ARRAY_16 = 0xdc,
    PACK_MAP_16 = 0xde,
};

/* What a number, or what stands in front of anything else, needs at most. Writers write so much. */
#define PACK_HEAD_BYTES_MAX 9u

/* The exponent of how many bytes (1, 2, 4, 8) an unsigned number needs. */
static inline unsigned pack_width(uint64_t number)
{
    if (number <= UINT8_MAX)
        return 0;
    if (number <= UINT16_MAX)
        return 1;
    return number <= UINT32_MAX ? 2 : 3;
}

/* Writes a tag and a big-endian number of 1 << width bytes. */
static inline uint8_t *pack_put_number(uint8_t *at, uint8_t tag, uint64_t number, unsigned width)
{
    *at = tag;
    bytes_put_u64(at + 1, __builtin_bswap64(number << (64 - (8u << width))));
    return at + 1 + (1u << width);
}

/* Writes an integer. Needs room for PACK_HEAD_BYTES_MAX, whatever it takes. */
static inline uint8_t *pack_put_int(uint8_t *at, int64_t number)
{
    if (number >= -32 && number <= 127) {
        *at = (uint8_t)number;
        return at + 1;
    }
    /* One bit of a signed number is its sign. */
    uint64_t bits = (uint64_t)number;
    unsigned width = number > 0 ? pack_width(bits) : pack_width(~bits << 1);
    uint8_t tag = (uint8_t)((number > 0 ? PACK_UINT_8 : PACK_INT_8) + width);
    return pack_put_number(at, tag, bits, width);
}

/* Writes what stands in front of so many bytes of UTF-8. Room: as for an integer. */
static inline uint8_t *pack_put_string_head(uint8_t *at, uint32_t len)
{
    if (len <= 31) {
        *at = (uint8_t)(PACK_FIX_STR | len);
        return at + 1;
    }
    unsigned width = pack_width(len);
    return pack_put_number(at, (uint8_t)(PACK_STR_8 + width), len, width);
}

/* Writes what stands in front of so many bytes. Room: as for an integer. */
static inline uint8_t *pack_put_bytes_head(uint8_t *at, uint32_t len)
{
    unsigned width = pack_width(len);
    return pack_put_number(at, (uint8_t)(PACK_BIN_8 + width), len, width);
}

/* Writes what stands in front of so many elements, or pairs: fix and wide are the tags of the form.
 * Room: as for an integer. */
static inline uint8_t *pack_put_count(uint8_t *at, uint8_t fix, uint8_t wide, uint32_t count)
{
    if (count <= 15) {
        *at = (uint8_t)(fix | count);
        return at + 1;
    }
    unsigned width = count <= UINT16_MAX ? 1 : 2;
    return pack_put_number(at, (uint8_t)(wide + width - 1), count, width);
}

/* A big-endian number of 1 << width bytes, all of which are there. */
static inline uint64_t pack_number_at(const uint8_t *at, unsigned width)
{
    switch (width) {
    case 0:
        return *at;
    case 1:
        return __builtin_bswap16(bytes_get_u16(at));
    case 2:
        return __builtin_bswap32(bytes_get_u32(at));
    default:
        return __builtin_bswap64(bytes_get_u64(at));
    }
}

/* Reads an integer in any form, if it fits 64 bits with a sign. */
static inline const uint8_t *pack_get_int(const uint8_t *at, const uint8_t *end,
                                          int64_t *ret_number)
{
    if (at == end)
        return NULL;
    uint8_t tag = *at++;
    if (tag <= 0x7f || tag >= 0xe0) {
        *ret_number = (int8_t)tag;
        return at;
    }
    if (tag < PACK_UINT_8 || tag > PACK_INT_8 + 3)
        return NULL;
    unsigned width = (tag - PACK_UINT_8) & 3;
    if ((size_t)(end - at) < (size_t)1 << width)
        return NULL;
    uint64_t bits = pack_number_at(at, width);
    if (tag >= PACK_INT_8) {
        unsigned shift = 64 - (8u << width);
        *ret_number = (int64_t)(bits << shift) >> shift;
    } else {
        if (bits > INT64_MAX)
            return NULL;
        *ret_number = (int64_t)bits;
    }
    return at + (1u << width);
}

/* Reads a length of 8, 16 or 32 bits behind one of three tags, and sees that so much is there. */
static inline const uint8_t *pack_get_len(const uint8_t *at, const uint8_t *end, uint8_t first_tag,
                                          uint32_t *ret_len)
{
    if (at == end)
        return NULL;
    unsigned width = (unsigned)*at++ - first_tag;
    if (width > 2 || (size_t)(end - at) < (size_t)1 << width)
        return NULL;
    *ret_len = (uint32_t)pack_number_at(at, width);
    at += 1u << width;
    return (size_t)(end - at) < *ret_len ? NULL : at;
}

/* Reads what stands in front of a string; the len bytes behind it are there. */
static inline const uint8_t *pack_get_string_head(const uint8_t *at, const uint8_t *end,
                                                  uint32_t *ret_len)
{
    if (at == end || (*at & 0xe0) != PACK_FIX_STR)
        return pack_get_len(at, end, PACK_STR_8, ret_len);
    *ret_len = *at++ & 0x1f;
    return (size_t)(end - at) < *ret_len ? NULL : at;
}

/* Reads what stands in front of bytes; the len bytes behind it are there. */
static inline const uint8_t *pack_get_bytes_head(const uint8_t *at, const uint8_t *end,
                                                 uint32_t *ret_len)
{
    return pack_get_len(at, end, PACK_BIN_8, ret_len);
}

#endif
