/* SPDX-License-Identifier: MIT */
/*
 * wrapped.h - text in lines that fit into a terminal of 80 columns
 */
#ifndef BULKHEAD_SUPERVISOR_COMMAND_WRAPPED_H
#define BULKHEAD_SUPERVISOR_COMMAND_WRAPPED_H

#include <stddef.h>

#include "common/buf.h"

/*
 * A text that is added to a buffer word by word. Its first line goes on at `column`, and others
 * begin at `indent`. A text that is to begin with a space has a column that is not its indent.
 */
struct wrapped {
    struct buf *out;
    size_t column, indent;
};

/* Adds what is not to be broken, with a space or the end of a line before it. */
void wrapped_add_word(struct wrapped *w, const void *text, size_t len);

/* Adds a text word by word; the spaces in it only part the words. */
void wrapped_add_text(struct wrapped *w, const char *text);

/* Adds a paragraph of its own, with all lines indented. */
void wrapped_add_paragraph(struct buf *out, const char *text, size_t indent);

#endif
