/* SPDX-License-Identifier: MIT */
#include "topology/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/utf8.h"

#define SHOWN_LINE_BYTES_MAX 160

void diagnostics_init(struct diagnostics *d, const char *file, const char *text, size_t text_len)
{
    *d = (struct diagnostics){.file = file, .text = text, .text_len = text_len};
}

void diagnostics_done(struct diagnostics *d)
{
    for (size_t i = 0; i < d->count; i++)
        free(d->items[i].message);
    free(d->items);
    d->items = NULL;
    d->count = 0;
}

void diagnostics_add(struct diagnostics *d, struct place place, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    d->items = memory_resize(d->items, d->count + 1, sizeof *d->items);
    d->items[d->count++] =
        (struct diagnostic){.place = place, .message = memory_dup(message, strlen(message))};
}

/* By place; errors at one place stay in the order in which they were found. */
static int by_place(const struct diagnostic *a, const struct diagnostic *b)
{
    if (a->place.line != b->place.line)
        return a->place.line - b->place.line;
    return a->place.column - b->place.column;
}

static void sort_by_place(struct diagnostics *d)
{
    for (size_t i = 1; i < d->count; i++) {
        struct diagnostic moving = d->items[i];
        size_t at = i;
        for (; at > 0 && by_place(&d->items[at - 1], &moving) > 0; at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = moving;
    }
}

static const char *find_line(const struct diagnostics *d, int line, size_t *ret_len)
{
    const char *at = d->text;
    const char *end = d->text + d->text_len;
    for (int i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline != NULL ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    *ret_len = (size_t)((newline != NULL ? newline : end) - at);
    return at;
}

/* A line with control characters or broken UTF-8 is not sent to a terminal. */
static bool line_is_plain(const char *line, size_t len)
{
    size_t bad_at;
    for (size_t i = 0; i < len; i++) {
        if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
            return false;
    }
    return utf8_valid((const uint8_t *)line, len, &bad_at);
}

/* The line of the file, and below it a caret; tabs stay tabs so that both line up. */
static void print_caret(const struct diagnostics *d, struct place place, struct buf *out)
{
    size_t len;
    const char *line = find_line(d, place.line, &len);
    size_t column = (size_t)(place.column - 1);
    if (len > SHOWN_LINE_BYTES_MAX || column > len)
        return;
    if (!line_is_plain(line, len))
        return;
    buf_add_format(out, "%5d | %.*s\n      | ", place.line, (int)len, line);
    for (size_t i = 0; i < column; i++) {
        /* A continuation byte of UTF-8 takes no column of its own. */
        if (((unsigned char)line[i] & 0xc0) != 0x80)
            buf_add_byte(out, line[i] == '\t' ? '\t' : ' ');
    }
    buf_add_byte(out, '^');
    for (int i = 1; i < place.width && column + (size_t)i < len; i++)
        buf_add_byte(out, '~');
    buf_add_byte(out, '\n');
}

void diagnostics_print(struct diagnostics *d, struct buf *out)
{
    sort_by_place(d);
    for (size_t i = 0; i < d->count; i++) {
        const struct diagnostic *item = &d->items[i];
        buf_add_format(out, "%s:%d:%d: error: %s\n", d->file, item->place.line, item->place.column,
                       item->message);
        print_caret(d, item->place, out);
    }
}
