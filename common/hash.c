/* SPDX-License-Identifier: MIT */
#include "common/hash.h"

#include <stdbool.h>
#include <string.h>

#include "common/bytes.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#endif

/*
 * sums_of[n][b] is what a byte b adds to the sum when n bytes follow it: one lookup for each of
 * eight bytes ("slicing by 8"; docs/decisions/0028-crc32c.md). A byte adds what its bits add. So
 * the contributions of bits 0 to 7 are written down here, and the compiler computes the rest. Read
 * row by row from the right, these are 64 steps of the bitwise method; the first is the polynomial,
 * reversed.
 */
#define IF_BIT(b, bit, sum) (((b) >> (bit)) % 2 != 0 ? (sum) : 0u)
#define SUM_OF_BITS(b, s0, s1, s2, s3, s4, s5, s6, s7)                                             \
    (IF_BIT(b, 0, s0) ^ IF_BIT(b, 1, s1) ^ IF_BIT(b, 2, s2) ^ IF_BIT(b, 3, s3) ^                   \
     IF_BIT(b, 4, s4) ^ IF_BIT(b, 5, s5) ^ IF_BIT(b, 6, s6) ^ IF_BIT(b, 7, s7))
#define ENTRIES_4(b, ...)                                                                          \
    SUM_OF_BITS((b), __VA_ARGS__), SUM_OF_BITS((b) + 1, __VA_ARGS__),                              \
        SUM_OF_BITS((b) + 2, __VA_ARGS__), SUM_OF_BITS((b) + 3, __VA_ARGS__)
#define ENTRIES_16(b, ...)                                                                         \
    ENTRIES_4((b), __VA_ARGS__), ENTRIES_4((b) + 4, __VA_ARGS__), ENTRIES_4((b) + 8, __VA_ARGS__), \
        ENTRIES_4((b) + 12, __VA_ARGS__)
#define ENTRIES_64(b, ...)                                                                         \
    ENTRIES_16((b), __VA_ARGS__), ENTRIES_16((b) + 16, __VA_ARGS__),                               \
        ENTRIES_16((b) + 32, __VA_ARGS__), ENTRIES_16((b) + 48, __VA_ARGS__)
#define ENTRIES_256(...)                                                                           \
    ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),         \
        ENTRIES_64(192, __VA_ARGS__)

static const uint32_t sums_of[8][256] = {
    {ENTRIES_256(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu,
                 0x417b1dbcu, 0x82f63b78u)},
    {ENTRIES_256(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u,
                 0xff17c604u, 0xfbc3faf9u)},
    {ENTRIES_256(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u,
                 0xc76580d9u, 0x8b277743u)},
    {ENTRIES_256(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu,
                 0xaba65fe7u, 0x52a0c93fu)},
    {ENTRIES_256(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u,
                 0x37516aaeu, 0x6ea2d55cu)},
    {ENTRIES_256(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du,
                 0x0e045bebu, 0x1c08b7d6u)},
    {ENTRIES_256(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu,
                 0x7ab7077au, 0xf56e0ef4u)},
    {ENTRIES_256(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u,
                 0x1a00cb32u, 0x34019664u)},
};

uint32_t hash_crc32c_portable(uint32_t crc, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t sum = ~crc;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t word = bytes_get_u64(at) ^ sum;
        sum = sums_of[7][word & 0xff] ^ sums_of[6][word >> 8 & 0xff] ^
              sums_of[5][word >> 16 & 0xff] ^ sums_of[4][word >> 24 & 0xff] ^
              sums_of[3][word >> 32 & 0xff] ^ sums_of[2][word >> 40 & 0xff] ^
              sums_of[1][word >> 48 & 0xff] ^ sums_of[0][word >> 56];
    }
    for (; len != 0; at++, len--)
        sum = (sum >> 8) ^ sums_of[0][(sum ^ *at) & 0xff];
    return ~sum;
}

#if defined(__x86_64__)
/* Continues the sum itself, which is the complement of the CRC in formats. */
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
 * The instruction takes three cycles, but one can begin in each cycle: hence three parallel lanes.
 * Then the first two sums are moved over the lanes after them. A sum moves over n bytes when it is
 * multiplied by x^(8n) modulo the polynomial. The exponents of the factors are lower by 33, which
 * the reflected product and the instruction that reduces it add.
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
