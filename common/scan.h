/* SPDX-License-Identifier: MIT */
/*
 * scan.h - finds the end of a run of ordinary bytes, many bytes at a time
 *
 * Sixteen at a time where the processor has SSE2; eight at a time for the rest, and elsewhere.
 * Nothing outside [at, end) is read.
 */
#ifndef BULKHEAD_COMMON_SCAN_H
#define BULKHEAD_COMMON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#ifdef __SSE2__
/* A bit for each of sixteen bytes: set if the byte is '"', '\\' or below 0x20. */
static inline unsigned scan_block_not_plain(const uint8_t *at)
{
    __m128i block = _mm_loadu_si128((const __m128i_u *)at);
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
    __m128i quote = _mm_cmpeq_epi8(block, _mm_set1_epi8('"'));
    __m128i backslash = _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'));
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control));
}
#endif

/* The first byte from `at` on that is not ASCII; end if there is none. */
const uint8_t *scan_ascii(const uint8_t *at, const uint8_t *end);

/* As scan_plain(), of which it is the part that is not inline. */
const uint8_t *scan_plain_far(const uint8_t *at, const uint8_t *end);

/* The first byte from `at` on that must be escaped in a JSON string; end if there is none. */
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    /* Most strings end in their first block. */
    if (end - at >= 16) {
        unsigned found = scan_block_not_plain(at);
        if (found != 0)
            return at + __builtin_ctz(found);
        at += 16;
    }
#endif
    return scan_plain_far(at, end);
}

#endif
