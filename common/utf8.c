/* SPDX-License-Identifier: MIT */
#include "common/utf8.h"

#include "common/check.h"
#include "common/scan.h"

static bool continues(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The length of the sequence of two or more bytes at `at`, of `left` bytes; 0 if it is invalid. */
static size_t sequence_len(const uint8_t *at, size_t left)
{
    uint8_t first = at[0];
    if (first < 0xe0)
        return first >= 0xc2 && left >= 2 && continues(at[1]) ? 2 : 0;
    if (first < 0xf0) {
        uint8_t min = first == 0xe0 ? 0xa0 : 0x80; /* below: overlong */
        uint8_t max = first == 0xed ? 0x9f : 0xbf; /* above: surrogates */
        return left >= 3 && at[1] >= min && at[1] <= max && continues(at[2]) ? 3 : 0;
    }
    uint8_t min = first == 0xf0 ? 0x90 : 0x80; /* below: overlong */
    uint8_t max = first == 0xf4 ? 0x8f : 0xbf; /* above: beyond U+10FFFF */
    return first <= 0xf4 && left >= 4 && at[1] >= min && at[1] <= max && continues(at[2]) &&
                   continues(at[3])
               ? 4
               : 0;
}

bool utf8_valid(const uint8_t *bytes, size_t len, size_t *ret_bad_at)
{
    const uint8_t *at = bytes, *end = bytes + len;
    while ((at = scan_ascii(at, end)) != end) {
        /* Characters that are not ASCII are usually next to others. */
        do {
            size_t n = sequence_len(at, (size_t)(end - at));
            if (n == 0) {
                *ret_bad_at = (size_t)(at - bytes);
                return false;
            }
            at += n;
        } while (at != end && *at >= 0x80);
    }
    return true;
}

size_t utf8_count(const uint8_t *bytes, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += (bytes[i] & 0xc0) != 0x80;
    return count;
}

size_t utf8_cut(const void *text, size_t len, size_t most)
{
    const uint8_t *bytes = text;
    if (len <= most)
        return len;
    while (most > 0 && continues(bytes[most]))
        most--;
    return most;
}

void utf8_add(struct buf *out, uint32_t code_point)
{
    REQUIRE(code_point <= 0x10ffff && (code_point < 0xd800 || code_point > 0xdfff));
    if (code_point < 0x80) {
        buf_add_byte(out, (uint8_t)code_point);
        return;
    }
    if (code_point < 0x800) {
        buf_add_byte(out, (uint8_t)(0xc0 | (code_point >> 6)));
    } else {
        if (code_point < 0x10000) {
            buf_add_byte(out, (uint8_t)(0xe0 | (code_point >> 12)));
        } else {
            buf_add_byte(out, (uint8_t)(0xf0 | (code_point >> 18)));
            buf_add_byte(out, (uint8_t)(0x80 | ((code_point >> 12) & 0x3f)));
        }
        buf_add_byte(out, (uint8_t)(0x80 | ((code_point >> 6) & 0x3f)));
    }
    buf_add_byte(out, (uint8_t)(0x80 | (code_point & 0x3f)));
}
