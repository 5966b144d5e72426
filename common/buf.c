/* SPDX-License-Identifier: MIT */
#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"

void buf_done(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

void buf_grow(struct buf *b, size_t len)
{
    size_t wanted = b->len + len;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity < wanted)
        capacity *= 2;
    b->data = memory_resize(b->data, capacity, 1);
    b->capacity = capacity;
}

void buf_add_digits(struct buf *b, uint64_t number, unsigned width)
{
    uint8_t digits[20]; /* 64 bits have no more */
    REQUIRE(width <= sizeof digits);
    size_t first = sizeof digits;
    do {
        digits[--first] = (uint8_t)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    while (sizeof digits - first < width)
        digits[--first] = '0';
    buf_add(b, digits + first, sizeof digits - first);
}

void buf_add_int(struct buf *b, int64_t number)
{
    if (number < 0)
        buf_add_byte(b, '-');
    /* Negating in unsigned arithmetic is defined for INT64_MIN as well. */
    buf_add_digits(b, number < 0 ? 0u - (uint64_t)number : (uint64_t)number, 1);
}

void buf_add_format(struct buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    INVARIANT(len >= 0);
    uint8_t *end = buf_reserve(b, (size_t)len + 1);
    va_start(args, format);
    (void)vsnprintf((char *)end, (size_t)len + 1, format, args);
    va_end(args);
    b->len += (size_t)len;
}

void buf_drop_front(struct buf *b, size_t len)
{
    REQUIRE(len <= b->len);
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len);
    b->len -= len;
}

const char *buf_text(struct buf *b)
{
    *buf_reserve(b, 1) = '\0';
    return (const char *)b->data;
}
