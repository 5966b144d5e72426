/* SPDX-License-Identifier: MIT */
/*
 * scan.h - finds the end of a run of ordinary bytes, many bytes at a time
 *
 * Sixteen at a time where the processor has SSE2, eight at a time for the rest and elsewhere.
 * Nothing outside of [at, end) is read.
 */
#ifndef BULKHEAD_COMMON_SCAN_H
#define BULKHEAD_COMMON_SCAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/bytes.h"

/* The same byte eight times. */
#define SCAN_EIGHT(byte) ((byte)*UINT64_C(0x0101010101010101))

/* Has the high bit of every byte of the word that is not ASCII. */
static inline uint64_t scan_word_not_ascii(uint64_t word)
{
    return word & SCAN_EIGHT(0x80);
}

/*
 * Has the high bit of the first byte of the word that is '"', '\\' or below 0x20. A subtraction
 * borrows from the byte behind only where it has found one, so bytes behind that may be wrong.
 */
static inline uint64_t scan_word_not_plain(uint64_t word)
{
    uint64_t below_space = word - SCAN_EIGHT(0x20);
    uint64_t quote = (word ^ SCAN_EIGHT('"')) - SCAN_EIGHT(1);
    uint64_t backslash = (word ^ SCAN_EIGHT('\\')) - SCAN_EIGHT(1);
    return (below_space | quote | backslash) & ~word & SCAN_EIGHT(0x80);
}

#ifdef __SSE2__
/* Has a bit for every one of sixteen bytes that is not ASCII. */
static inline unsigned scan_block_not_ascii(const uint8_t *at)
{
    return (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i_u *)at));
}

/* Has a bit for every one of sixteen bytes that is '"', '\\' or below 0x20. */
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
static inline const uint8_t *scan_ascii(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned found = scan_block_not_ascii(at);
        if (found != 0)
            return at + __builtin_ctz(found);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t found = scan_word_not_ascii(bytes_get_u64(at));
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    uint64_t found = scan_word_not_ascii(bytes_get_short(at, (size_t)(end - at)));
    return found != 0 ? at + __builtin_ctzll(found) / 8 : end;
}

/* The first byte from `at` on that cannot stand in a JSON string as it is; end if there is none. */
static inline const uint8_t *scan_plain(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned found = scan_block_not_plain(at);
        if (found != 0)
            return at + __builtin_ctz(found);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t found = scan_word_not_plain(bytes_get_u64(at));
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    /* The zeros behind the last bytes are found as control characters, at `end`. */
    uint64_t found = scan_word_not_plain(bytes_get_short(at, (size_t)(end - at)));
    return at + __builtin_ctzll(found) / 8;
}

#endif
