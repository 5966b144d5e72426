/* SPDX-License-Identifier: MIT */
#include "topology/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/utf8.h"

#define SHOWN_LINE_COLUMNS_MAX 160u

void diagnostics_init(struct diagnostics *d, const char *file, const char *text, size_t text_len)
{
    *d = (struct diagnostics){.file = file, .text = text, .text_len = text_len};
}

void diagnostics_done(struct diagnostics *d)
{
    for (size_t i = 0; i < d->kept; i++)
        free(d->items[i].message);
    for (size_t i = 0; i < d->origin_count; i++)
        free(d->origins[i].variables);
    free(d->origins);
    free(d->items);
    d->origins = NULL;
    d->origin_count = 0;
    d->items = NULL;
    d->count = d->kept = 0;
}

static bool same_place(const struct place *a, const struct place *b)
{
    return a->line == b->line && a->column == b->column && a->setting == b->setting;
}

void diagnostics_add_origin(struct diagnostics *d, struct place place, const char *variables)
{
    d->origins = memory_resize(d->origins, d->origin_count + 1, sizeof *d->origins);
    d->origins[d->origin_count++] = (struct diagnostic_origin){
        .place = place, .variables = memory_dup(variables, strlen(variables))};
}

/* message: NULL for any. */
static bool is_kept(const struct diagnostics *d, struct place place, const char *message)
{
    for (size_t i = 0; i < d->kept; i++) {
        if (same_place(&d->items[i].place, &place) &&
            (message == NULL || strcmp(d->items[i].message, message) == 0))
            return true;
    }
    return false;
}

bool diagnostics_check_name(struct diagnostics *d, struct place place, const char *name)
{
    bool good = text_is_name(name);
    if (!good)
        diagnostics_add(d, place, "'%s' is not a name; " TEXT_NAME_RULE, name);
    return good;
}

bool diagnostics_has(const struct diagnostics *d, struct place place)
{
    return is_kept(d, place, NULL);
}

static void keep(struct diagnostics *d, struct place place, const struct buf *message)
{
    if (d->kept == DIAGNOSTICS_KEPT_MAX)
        return;
    d->items = memory_resize(d->items, d->kept + 1, sizeof *d->items);
    d->items[d->kept++] = (struct diagnostic){
        .place = place, .message = memory_dup((const char *)message->data, message->len)};
}

/* Names the variables that a value is made from, unless the message names them already. */
static void add_origin(const struct diagnostic_origin *origin, struct buf *message)
{
    char *suffix = memory_format(" (from the variable %s)", origin->variables);
    if (strstr(buf_text(message), suffix) == NULL)
        buf_add_text(message, suffix);
    free(suffix);
}

void diagnostics_add(struct diagnostics *d, struct place place, const char *format, ...)
{
    char message[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(message, sizeof message, format, args);
    va_end(args);
    struct buf printable = {0}; /* a message is one line and safe for a terminal */
    text_printable(message, strlen(message), sizeof message, &printable);
    for (size_t i = 0; i < d->origin_count; i++) {
        if (same_place(&d->origins[i].place, &place))
            add_origin(&d->origins[i], &printable);
    }
    if (!is_kept(d, place, buf_text(&printable))) {
        d->count++;
        keep(d, place, &printable);
    }
    buf_done(&printable);
}

/* By place; errors at one place stay in the order in which they were found. */
static int by_place(const struct diagnostic *a, const struct diagnostic *b)
{
    if (a->place.setting != b->place.setting)
        return a->place.setting - b->place.setting;
    if (a->place.line != b->place.line)
        return a->place.line - b->place.line;
    return a->place.column - b->place.column;
}

static void sort_by_place(struct diagnostics *d)
{
    for (size_t i = 1; i < d->kept; i++) {
        struct diagnostic moving = d->items[i];
        size_t at = i;
        for (; at > 0 && by_place(&d->items[at - 1], &moving) > 0; at--)
            d->items[at] = d->items[at - 1];
        d->items[at] = moving;
    }
}

const char *diagnostics_line(const struct diagnostics *d, int line, size_t *ret_len)
{
    const char *at = d->text;
    const char *end = d->text + d->text_len;
    for (int i = 1; i < line && at < end; i++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        at = newline != NULL ? newline + 1 : end;
    }
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t len = (size_t)((newline != NULL ? newline : end) - at);
    if (line == 1 && len >= 3 && memcmp(at, "\xef\xbb\xbf", 3) == 0) {
        at += 3; /* a byte order mark is not a column */
        len -= 3;
    }
    if (len > 0 && at[len - 1] == '\r')
        len--;
    *ret_len = len;
    return at;
}

/* Whether a line may be sent to a terminal: no control characters, and valid UTF-8. */
static bool line_is_plain(const char *line, size_t len)
{
    size_t bad_at;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
        if (c == 0xc2 && i + 1 < len && (unsigned char)line[i + 1] < 0xa0)
            return false; /* U+0080 to U+009F */
    }
    return utf8_valid((const uint8_t *)line, len, &bad_at);
}

/* The byte at which a column begins. A column is a character, of any number of bytes. */
static size_t byte_of_column(const char *line, size_t len, size_t column)
{
    size_t at = 0;
    while (at < len && column > 0) {
        at++;
        while (at < len && ((unsigned char)line[at] & 0xc0) == 0x80)
            at++;
        column--;
    }
    return at;
}

/*
 * Prints the line of the file with a caret below it. Tabs stay tabs, so that both are aligned. Of a
 * long line, only the part around the caret is printed.
 */
static void print_caret(const struct diagnostics *d, struct place place, struct buf *out)
{
    size_t len;
    const char *line = diagnostics_line(d, place.line, &len);
    if (!line_is_plain(line, len))
        return;
    size_t column = (size_t)(place.column - 1);
    size_t first = 0;
    if (len > SHOWN_LINE_COLUMNS_MAX && column > SHOWN_LINE_COLUMNS_MAX / 2)
        first = column - SHOWN_LINE_COLUMNS_MAX / 2;
    size_t begin = byte_of_column(line, len, first);
    size_t end = byte_of_column(line, len, first + SHOWN_LINE_COLUMNS_MAX);
    buf_add_format(out, "%5d | %s%.*s%s\n      | %s", place.line, first != 0 ? "…" : "",
                   (int)(end - begin), line + begin, end < len ? "…" : "", first != 0 ? " " : "");
    size_t at = begin;
    for (size_t i = first; i < column && at < end; i++) {
        buf_add_byte(out, line[at] == '\t' ? '\t' : ' ');
        at += byte_of_column(line + at, end - at, 1);
    }
    buf_add_byte(out, '^');
    at += byte_of_column(line + at, end - at, 1);
    for (int i = 1; i < place.width && at < end; i++) {
        buf_add_byte(out, '~');
        at += byte_of_column(line + at, end - at, 1);
    }
    buf_add_byte(out, '\n');
}

static void print_setting(const struct diagnostics *d, const struct diagnostic *item,
                          struct buf *out)
{
    const char *text = d->settings->items[item->place.setting - 1];
    buf_add_text(out, "--set ");
    text_printable(text, strlen(text), SHOWN_LINE_COLUMNS_MAX, out);
    buf_add_format(out, ": error: %s\n", item->message);
}

void diagnostics_print(struct diagnostics *d, struct buf *out)
{
    sort_by_place(d);
    size_t shown = d->kept < DIAGNOSTICS_SHOWN_MAX ? d->kept : DIAGNOSTICS_SHOWN_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct diagnostic *item = &d->items[i];
        if (item->place.setting != 0) {
            print_setting(d, item, out);
            continue;
        }
        buf_add_format(out, "%s:%d:%d: error: %s\n", d->file, item->place.line, item->place.column,
                       item->message);
        print_caret(d, item->place, out);
    }
    if (d->count > shown)
        buf_add_format(out, "%s: %zu more error%s not shown\n", d->file, d->count - shown,
                       d->count - shown == 1 ? " is" : "s are");
}
