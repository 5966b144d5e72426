/* SPDX-License-Identifier: MIT */
/*
 * wrapped.h - text wrapped to fit a terminal of 80 columns
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_WRAPPED_H
#define BULKHEAD_SUPERVISOR_COMMAND_WRAPPED_H

#include <stddef.h>

#include "common/buf.h"

/*
 * A text that is appended to a buffer word by word. Its first line continues at `column`; the other
 * lines begin at `indent`. If the two differ at the start, the first word is preceded by a space.
 */
struct wrapped {
    struct buf *out;
    size_t column; /* of the current line: how much of it is used */
    size_t indent;
};

/* Appends a text that must not be broken, after a space or a line break. */
void wrapped_add_word(struct wrapped *w, const void *text, size_t len);

/* Appends a text word by word; words are separated by spaces. */
void wrapped_add_text(struct wrapped *w, const char *text);

/* Appends a paragraph on lines of its own, all indented. */
void wrapped_add_paragraph(struct buf *out, const char *text, size_t indent);

#endif
