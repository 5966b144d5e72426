/* SPDX-License-Identifier: MIT */
#include "common/scan.h"

#include "common/bytes.h"

/* The same byte eight times. */
#define EIGHT(byte) ((byte)*UINT64_C(0x0101010101010101))

/* The high bit of every byte of the word that is not ASCII. */
static uint64_t word_not_ascii(uint64_t word)
{
    return word & EIGHT(0x80);
}

/*
 * The high bit of the first byte of the word that is '"', '\\' or below 0x20. A subtraction borrows
 * from the next byte only after it has found one, so only the bits after the first may be wrong.
 */
static uint64_t word_not_plain(uint64_t word)
{
    uint64_t below_space = word - EIGHT(0x20);
    uint64_t quote = (word ^ EIGHT('"')) - EIGHT(1);
    uint64_t backslash = (word ^ EIGHT('\\')) - EIGHT(1);
    return (below_space | quote | backslash) & ~word & EIGHT(0x80);
}

#ifdef __SSE2__
/* A bit for every one of sixteen bytes that is not ASCII. */
static unsigned block_not_ascii(const uint8_t *at)
{
    return (unsigned)_mm_movemask_epi8(_mm_loadu_si128((const __m128i_u *)at));
}
#endif

const uint8_t *scan_ascii(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned found = block_not_ascii(at);
        if (found != 0)
            return at + __builtin_ctz(found);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t found = word_not_ascii(bytes_get_u64(at));
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    uint64_t found = word_not_ascii(bytes_get_short(at, (size_t)(end - at)));
    return found != 0 ? at + __builtin_ctzll(found) / 8 : end;
}

const uint8_t *scan_plain_far(const uint8_t *at, const uint8_t *end)
{
#ifdef __SSE2__
    for (; end - at >= 16; at += 16) {
        unsigned found = scan_block_not_plain(at);
        if (found != 0)
            return at + __builtin_ctz(found);
    }
#endif
    for (; end - at >= 8; at += 8) {
        uint64_t found = word_not_plain(bytes_get_u64(at));
        if (found != 0)
            return at + __builtin_ctzll(found) / 8;
    }
    /* The zeros after the last bytes are found as control characters, at `end`. */
    uint64_t found = word_not_plain(bytes_get_short(at, (size_t)(end - at)));
    return at + __builtin_ctzll(found) / 8;
}
