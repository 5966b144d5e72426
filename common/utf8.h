/* SPDX-License-Identifier: MIT */
/*
 * utf8.h - strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF
 */
#ifndef BULKHEAD_COMMON_UTF8_H
#define BULKHEAD_COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/* The most bytes of one character. */
#define UTF8_BYTES_MAX 4u

/* Whether all len bytes are UTF-8. If not, *ret_bad_at is the offset of the first bad byte. */
bool utf8_valid(const uint8_t *bytes, size_t len, size_t *ret_bad_at);

/* How many characters (code points) valid UTF-8 has. */
size_t utf8_count(const uint8_t *bytes, size_t len);

/* The length of a text that is cut to at most `most` bytes, but not within a character. */
size_t utf8_cut(const void *text, size_t len, size_t most);

/* Appends one code point. Requires: code_point <= 0x10ffff, and it is not a surrogate. */
void utf8_add(struct buf *out, uint32_t code_point);

#endif
