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

void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
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
