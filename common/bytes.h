/* SPDX-License-Identifier: MIT */
/*
 * bytes.h - fixed-width little-endian numbers in byte strings
 *
 * All our own formats, on the wire and on disk, are little-endian and unaligned.
 */
#ifndef BULKHEAD_COMMON_BYTES_H
#define BULKHEAD_COMMON_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the host is little-endian");

static inline void bytes_put_u16(uint8_t *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline void bytes_put_u32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline void bytes_put_u64(uint8_t *at, uint64_t value)
{
    memcpy(at, &value, sizeof value);
}

static inline uint16_t bytes_get_u16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t bytes_get_u32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t bytes_get_u64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

/* A number of len bytes; 0 if there are none. Requires: len < 8. */
static inline uint64_t bytes_get_short(const uint8_t *at, size_t len)
{
    /* Loads may overlap; bytes that are read twice are the same. */
    if (len >= 4)
        return bytes_get_u32(at) | (uint64_t)bytes_get_u32(at + len - 4) << (8 * (len - 4));
    if (len == 0)
        return 0;
    return at[0] | (uint64_t)at[len / 2] << (8 * (len / 2)) |
           (uint64_t)at[len - 1] << (8 * (len - 1));
}

#endif
