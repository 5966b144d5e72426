/* SPDX-License-Identifier: MIT */
#include "common/utf8.h"

#include "common/bytes.h"
#include "common/check.h"

/* Length of the sequence that starts with byte, and the bounds of its second byte; 0 if none. */
static unsigned sequence_len(uint8_t byte, uint8_t *second_min, uint8_t *second_max)
{
    *second_min = 0x80;
    *second_max = 0xbf;
    if (byte >= 0xc2 && byte <= 0xdf)
        return 2;
    if (byte >= 0xe0 && byte <= 0xef) {
        if (byte == 0xe0)
            *second_min = 0xa0; /* below: overlong */
        if (byte == 0xed)
            *second_max = 0x9f; /* above: surrogates */
        return 3;
    }
    if (byte >= 0xf0 && byte <= 0xf4) {
        if (byte == 0xf0)
            *second_min = 0x90; /* below: overlong */
        if (byte == 0xf4)
            *second_max = 0x8f; /* above: behind U+10FFFF */
        return 4;
    }
    return 0;
}

bool utf8_valid(const uint8_t *bytes, size_t len, size_t *ret_bad_at)
{
    size_t i = 0;
    while (i < len) {
        /* Most text is ASCII: eight bytes at a time while no high bit is set. */
        if (len - i >= 8 && (bytes_get_u64(bytes + i) & 0x8080808080808080u) == 0) {
            i += 8;
            continue;
        }
        if (bytes[i] < 0x80) {
            i++;
            continue;
        }
        uint8_t second_min, second_max;
        unsigned n = sequence_len(bytes[i], &second_min, &second_max);
        bool good =
            n != 0 && len - i >= n && bytes[i + 1] >= second_min && bytes[i + 1] <= second_max;
        for (unsigned k = 2; good && k < n; k++)
            good = (bytes[i + k] & 0xc0) == 0x80;
        if (!good) {
            *ret_bad_at = i;
            return false;
        }
        i += n;
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
