/* SPDX-License-Identifier: MIT */
/*
 * pack.h - msgpack's forms of single values: written in the shortest one, read in any
 *
 * Frames (ipc/frame.c) and lists and maps (nested.c) are made of these. They are in a header
 * because a link calls them for every field of every record.
 *
 * The writers return where they ended; the caller provides the room. The readers accept bytes from
 * anywhere. They read nothing from `end` on, and return where the value ended, or NULL if there is
 * no value of the requested kind.
 */
#ifndef BULKHEAD_COMMON_PACK_H
#define BULKHEAD_COMMON_PACK_H

#include <msgpack/pack_define.h>
#include <msgpack/timestamp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/bytes.h"

enum {
    PACK_FIX_MAP = 0x80,
    PACK_FIX_ARRAY = 0x90,
    PACK_FIX_STR = 0xa0,
    PACK_NIL = 0xc0,
    PACK_FALSE = 0xc2,
    PACK_TRUE = 0xc3,
    PACK_NEVER = 0xc1, /* begins no value */
    PACK_BIN_8 = 0xc4, /* bin 16 and bin 32 follow; the same below */
    PACK_EXT_8 = 0xc7,
    PACK_FLOAT_32 = 0xca, /* float 64 follows */
    PACK_UINT_8 = 0xcc,
    PACK_INT_8 = 0xd0,
    PACK_FIX_EXT_1 = 0xd4, /* those of 2, 4, 8 and 16 bytes follow */
    PACK_STR_8 = 0xd9,
    PACK_ARRAY_16 = 0xdc,
    PACK_MAP_16 = 0xde,
};

/* The most bytes of a number, or of the head of anything else. Writers may write this many. */
#define PACK_HEAD_BYTES_MAX 9u

/* The writers are msgpack-c's template, instantiated to write where `at` points. */
#define msgpack_pack_user uint8_t **
#define msgpack_pack_append_buffer(at, bytes, len) (memcpy(*(at), (bytes), (len)), *(at) += (len))
#define msgpack_pack_inline_func(name)                                                             \
    static inline __attribute__((unused)) void pack_by_msgpack##name
#define msgpack_pack_inline_func_cint(name) msgpack_pack_inline_func(name)
/* The template calls one of its functions by the name that it has in the library. */
#define msgpack_pack_ext pack_by_msgpack_ext
#include <msgpack/pack_template.h>
#undef msgpack_pack_ext

/* Writes an integer. Needs room for PACK_HEAD_BYTES_MAX, however short the integer is. */
static inline uint8_t *pack_put_int(uint8_t *at, int64_t number)
{
    pack_by_msgpack_int64(&at, number);
    return at;
}

/* Writes the head of a string of len bytes. Room: as for an integer. */
static inline uint8_t *pack_put_string_head(uint8_t *at, uint32_t len)
{
    pack_by_msgpack_str(&at, len);
    return at;
}

/* Writes the head of len bytes. Room: as for an integer. */
static inline uint8_t *pack_put_bytes_head(uint8_t *at, uint32_t len)
{
    pack_by_msgpack_bin(&at, len);
    return at;
}

/* Writes the head of an array of count elements. Room: as for an integer. */
static inline uint8_t *pack_put_array(uint8_t *at, uint32_t count)
{
    pack_by_msgpack_array(&at, count);
    return at;
}

/* Writes the head of a map of count pairs. Room: as for an integer. */
static inline uint8_t *pack_put_map(uint8_t *at, uint32_t count)
{
    pack_by_msgpack_map(&at, count);
    return at;
}

/* Reads a big-endian number of 1 << width bytes. Requires: all of them are there. */
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

/* Reads an integer in any form, if it fits a signed number of 64 bits. */
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

/*
 * Reads one of three tags and the length after it (8, 16 or 32 bits). NULL if fewer bytes follow.
 */
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

/* Reads the head of a string; the *ret_len bytes after it are there. */
static inline const uint8_t *pack_get_string_head(const uint8_t *at, const uint8_t *end,
                                                  uint32_t *ret_len)
{
    if (at == end || (*at & 0xe0) != PACK_FIX_STR)
        return pack_get_len(at, end, PACK_STR_8, ret_len);
    *ret_len = *at++ & 0x1f;
    return (size_t)(end - at) < *ret_len ? NULL : at;
}

/* Reads the head of bytes; the *ret_len bytes after it are there. */
static inline const uint8_t *pack_get_bytes_head(const uint8_t *at, const uint8_t *end,
                                                 uint32_t *ret_len)
{
    return pack_get_len(at, end, PACK_BIN_8, ret_len);
}

#endif
