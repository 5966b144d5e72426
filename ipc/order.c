/* SPDX-License-Identifier: MIT */
#include "ipc/order.h"

#include <string.h>

#define SHORT_NUMBERS 248u

static void add_big_endian(struct buf *order, uint64_t number, unsigned bytes)
{
    while (bytes-- > 0)
        buf_add_byte(order, (uint8_t)(number >> (8 * bytes)));
}

void order_add_number(struct buf *order, uint64_t number)
{
    if (number < SHORT_NUMBERS) {
        buf_add_byte(order, (uint8_t)number);
        return;
    }
    unsigned bytes = 1;
    while (bytes < 8 && number >> (8 * bytes) != 0)
        bytes++;
    buf_add_byte(order, (uint8_t)(SHORT_NUMBERS + bytes - 1));
    add_big_endian(order, number, bytes);
}

void order_add_integer(struct buf *order, int64_t number)
{
    add_big_endian(order, (uint64_t)number ^ (UINT64_C(1) << 63), 8);
}

void order_add_bytes(struct buf *order, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    for (size_t i = 0; i < len; i++) {
        buf_add_byte(order, at[i]);
        if (at[i] == 0)
            buf_add_byte(order, 255);
    }
    buf_add_byte(order, 0);
    buf_add_byte(order, 1);
}

int order_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    size_t common = a_len < b_len ? a_len : b_len;
    int result = common != 0 ? memcmp(a, b, common) : 0;
    if (result != 0)
        return result;
    return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}
