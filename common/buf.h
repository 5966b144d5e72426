/* SPDX-License-Identifier: MIT */
/*
 * buf.h - a growing buffer of bytes
 *
 * `struct buf b = {0}` is an empty, valid buffer; buf_done() frees it and leaves it empty. The
 * data moves when it grows: a pointer into it is invalid after the next buf_ call that adds.
 */
#ifndef BULKHEAD_COMMON_BUF_H
#define BULKHEAD_COMMON_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
    uint8_t *data;
    size_t len;
    size_t capacity;
};

/* Frees the memory; b is then empty and usable again. */
void buf_done(struct buf *b);

/* Discards the content and keeps the memory. */
static inline void buf_reset(struct buf *b)
{
    b->len = 0;
}

/* Makes room for len more bytes when there is not enough. */
void buf_grow(struct buf *b, size_t len);

/* Makes room for len more bytes and returns where they go; b->len does not change. */
static inline uint8_t *buf_reserve(struct buf *b, size_t len)
{
    if (__builtin_expect(b->capacity - b->len < len, 0))
        buf_grow(b, len);
    return b->data + b->len;
}

/* Appends len bytes. */
static inline void buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    memcpy(buf_reserve(b, len), bytes, len);
    b->len += len;
}

/* Appends a NUL-terminated string without its NUL. */
static inline void buf_add_text(struct buf *b, const char *text)
{
    buf_add(b, text, strlen(text));
}

/* Appends one byte. */
static inline void buf_add_byte(struct buf *b, uint8_t byte)
{
    *buf_reserve(b, 1) = byte;
    b->len++;
}

/* Appends a number in decimal, with leading zeros up to `width` digits. Requires: width <= 20. */
void buf_add_digits(struct buf *b, uint64_t number, unsigned width);

/* Appends a number as "%" PRId64 does. */
void buf_add_int(struct buf *b, int64_t number);

/* Appends formatted text without a NUL. */
void buf_add_format(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Removes len bytes from the front. Requires: len <= b->len. */
void buf_drop_front(struct buf *b, size_t len);

/* The content as a string: puts a NUL after it, which does not count, and returns the data. */
const char *buf_text(struct buf *b);

#endif
