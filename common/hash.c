/* SPDX-License-Identifier: MIT */
#include "common/hash.h"

#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
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
/* Continues the sum itself, which is the complement of what stands in formats. */
__attribute__((target("sse4.2"))) static uint32_t continue_sum(uint32_t sum, const uint8_t *at,
                                                               size_t len)
{
    uint64_t wide = sum;
    for (; len >= 8; at += 8, len -= 8)
        wide = _mm_crc32_u64(wide, bytes_get_u64(at));
    sum = (uint32_t)wide;
    for (; len != 0; at++, len--)
        sum = _mm_crc32_u8(sum, *at);
    return sum;
}

/*
 * The instruction takes three cycles, but one can begin in each: so three lanes side by side. Then
 * the first two sums are moved over the lanes behind them: a sum moves over n bytes when it is
 * multiplied by x^(8n) modulo the polynomial. The factors are for 33 less, because the reflected
 * product and the instruction that reduces it add so much.
 */
#define LANE_BYTES ((size_t)256)
#define OVER_TWO_LANES 0xdd7e3b0cu
#define OVER_ONE_LANE 0xb9e02b86u

__attribute__((target("sse4.2,pclmul"))) static uint64_t times(uint64_t sum, uint32_t factor)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)sum),
                                           _mm_cvtsi64_si128((int64_t)factor), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t
continue_sum_in_lanes(uint32_t sum, const uint8_t *at, size_t len)
{
    for (; len >= 3 * LANE_BYTES; at += 3 * LANE_BYTES, len -= 3 * LANE_BYTES) {
        uint64_t first = sum, second = 0, third = 0;
        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            first = _mm_crc32_u64(first, bytes_get_u64(at + i));
            second = _mm_crc32_u64(second, bytes_get_u64(at + LANE_BYTES + i));
            third = _mm_crc32_u64(third, bytes_get_u64(at + 2 * LANE_BYTES + i));
        }
        uint64_t moved = times(first, OVER_TWO_LANES) ^ times(second, OVER_ONE_LANE);
        sum = (uint32_t)(_mm_crc32_u64(0, moved) ^ third);
    }
    return continue_sum(sum, at, len);
}
#endif

uint32_t hash_crc32c(uint32_t crc, const void *bytes, size_t len)
{
#if defined(__x86_64__)
    if (len >= 3 * LANE_BYTES && __builtin_cpu_supports("sse4.2") &&
        __builtin_cpu_supports("pclmul"))
        return ~continue_sum_in_lanes(~crc, bytes, len);
    if (__builtin_cpu_supports("sse4.2"))
        return ~continue_sum(~crc, bytes, len);
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
