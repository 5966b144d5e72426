/* SPDX-License-Identifier: MIT */
#include "supervisor/command/wrapped.h"

#include <string.h>

#define COLUMNS 78u

void wrapped_add_word(struct wrapped *w, const void *text, size_t len)
{
    if (w->column > w->indent && w->column + 1 + len > COLUMNS) {
        buf_add_format(w->out, "\n%*s", (int)w->indent, "");
        w->column = w->indent;
    } else if (w->column != w->indent) {
        buf_add_byte(w->out, ' ');
        w->column++;
    }
    buf_add(w->out, text, len);
    w->column += len;
}

void wrapped_add_text(struct wrapped *w, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, " ");
        wrapped_add_word(w, text, len);
        text += len + strspn(text + len, " ");
    }
}

void wrapped_add_paragraph(struct buf *out, const char *text, size_t indent)
{
    struct wrapped w = {.out = out, .column = indent, .indent = indent};
    buf_add_format(out, "%*s", (int)indent, "");
    wrapped_add_text(&w, text);
    buf_add_byte(out, '\n');
}
