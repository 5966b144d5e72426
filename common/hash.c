/* SPDX-License-Identifier: MIT */
#include "common/hash.h"

#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#define CRC32C_POLYNOMIAL_REVERSED 0x82f63b78u

uint32_t hash_crc32c_portable(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (CRC32C_POLYNOMIAL_REVERSED & (0u - (crc & 1u)));
    }
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const uint8_t *at,
                                                               size_t len)
{
    uint64_t wide = ~crc;
    for (; len >= 8; at += 8, len -= 8)
        wide = _mm_crc32_u64(wide, bytes_get_u64(at));
    uint32_t narrow = (uint32_t)wide;
    for (; len != 0; at++, len--)
        narrow = _mm_crc32_u8(narrow, *at);
    return ~narrow;
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2"))
        return crc32c_sse42(crc, bytes, len);
#endif
    return hash_crc32c_portable(crc, bytes, len);
}

static inline uint64_t rotate_left(uint64_t value, int bits)
{
    return (value << bits) | (value >> (64 - bits));
}

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_absorb(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t sip_squeeze(struct sip_state *s)
{
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

struct hash128 hash_siphash128(const uint8_t key[16], const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t k0 = bytes_get_u64(key);
    uint64_t k1 = bytes_get_u64(key + 8);
    /* The constants spell "somepseudorandomlygeneratedbytes"; 0xee marks the 128-bit form. */
    struct sip_state s = {
        .v0 = k0 ^ 0x736f6d6570736575u,
        .v1 = k1 ^ 0x646f72616e646f6du ^ 0xeeu,
        .v2 = k0 ^ 0x6c7967656e657261u,
        .v3 = k1 ^ 0x7465646279746573u,
    };
    size_t whole = len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8)
        sip_absorb(&s, bytes_get_u64(at + i));
    uint64_t last = (uint64_t)len << 56;
    for (size_t i = whole; i < len; i++)
        last |= (uint64_t)at[i] << (8 * (i - whole));
    sip_absorb(&s, last);

    struct hash128 result;
    s.v2 ^= 0xee;
    result.low = sip_squeeze(&s);
    s.v1 ^= 0xdd;
    result.high = sip_squeeze(&s);
    return result;
}

uint64_t hash_fnv1a(const void *bytes, size_t len)
{
    return hash_fnv1a_add(HASH_FNV1A_START, bytes, len);
}

uint64_t hash_fnv1a_add(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

uint64_t hash_mix64(uint64_t number)
{
    number = (number ^ number >> 33) * 0xff51afd7ed558ccdu;
    number = (number ^ number >> 33) * 0xc4ceb9fe1a85ec53u;
    return number ^ number >> 33;
}
