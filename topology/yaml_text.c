/* SPDX-License-Identifier: MIT */
#include "topology/yaml_text.h"

#include <stdbool.h>
#include <string.h>

#include "common/err.h"
#include "common/utf8.h"
#include "topology/yaml_scan.h"

/* The position of the walk over the text. */
struct walk {
    const unsigned char *at, *end;
    struct place place;
    int told_line; /* the line of the last error: one error for each line is enough */
    struct diagnostics *diagnostics;
};

static void tell(struct walk *w, const char *what)
{
    if (w->told_line == w->place.line)
        return;
    w->told_line = w->place.line;
    diagnostics_add(w->diagnostics, w->place, "%s", what);
}

static bool starts_with(const struct walk *w, const char *bytes, size_t len)
{
    return (size_t)(w->end - w->at) >= len && memcmp(w->at, bytes, len) == 0;
}

/* The error for a file in another encoding, judged by its first bytes. NULL: none. */
static const char *other_encoding(const struct walk *w)
{
    if (starts_with(w, "\xff\xfe\0\0", 4) || starts_with(w, "\0\0\xfe\xff", 4))
        return "this is UTF-32; save the file as UTF-8";
    if (starts_with(w, "\xff\xfe", 2) || starts_with(w, "\xfe\xff", 2) ||
        (w->end - w->at >= 2 && (w->at[0] == '\0') != (w->at[1] == '\0')))
        return "this is UTF-16; save the file as UTF-8";
    return NULL;
}

/* What is wrong with the valid UTF-8 character at w->at, or NULL. */
static const char *bad_character(const struct walk *w)
{
    unsigned char c = w->at[0];
    if (c == '\0')
        return "a NUL byte is not allowed in a topology";
    if (c == '\r' && !starts_with(w, "\r\n", 2))
        return "a carriage return without a newline after it; end lines with a newline";
    if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
        return "control characters are not allowed in a topology";
    if (c == 0x7f || (c == 0xc2 && w->at[1] < 0xa0 && w->at[1] != 0x85))
        return "control characters are not allowed in a topology";
    if (starts_with(w, "\xc2\x85", 2) || starts_with(w, "\xe2\x80\xa8", 3) ||
        starts_with(w, "\xe2\x80\xa9", 3))
        return "some programs take this character for the end of a line; in double quotes, write "
               "\"\\N\" (next line), \"\\L\" (line separator) or \"\\P\" (paragraph separator)";
    if (starts_with(w, "\xef\xbb\xbf", 3))
        return "a byte order mark is allowed only at the beginning of a file";
    if (starts_with(w, "\xef\xbf\xbe", 3) || starts_with(w, "\xef\xbf\xbf", 3))
        return "U+FFFE and U+FFFF are not characters";
    if (c == '%' && w->place.column == 1)
        return "a line that begins with '%' is a YAML directive, which a topology does not "
               "support; begin a comment with '#'";
    return NULL;
}

static void step(struct walk *w)
{
    if (*w->at++ == '\n') {
        w->place.line++;
        w->place.column = 1;
        return;
    }
    while (w->at < w->end && (*w->at & 0xc0) == 0x80)
        w->at++;
    w->place.column++;
}

/* Checks that depend on the context. */
static void check_pieces(const char *text, size_t len, struct diagnostics *d)
{
    struct yaml_scan scan;
    yaml_scan_init(&scan, text, len);
    struct place place;
    enum yaml_piece piece;
    while ((piece = yaml_scan_step(&scan, &place)) != YAML_END) {
        if (piece == YAML_KEY_SIGN)
            diagnostics_add(d, place,
                            "a '?' on its own begins a complex key in YAML, which a topology does "
                            "not support; write 'name: value', or quote text that begins with '?'");
        else if (piece == YAML_CUT)
            diagnostics_add(d, place,
                            "a '#' after a space begins a comment, so the text ends before it; "
                            "quote text that contains ' #', or begin the comment with '# '");
    }
}

int yaml_text_check(const char *text, size_t len, struct diagnostics *d)
{
    size_t before = d->count;
    size_t bad_at = len;
    struct walk w = {.at = (const unsigned char *)text,
                     .end = (const unsigned char *)text + len,
                     .place = {.line = 1, .column = 1, .width = 1},
                     .diagnostics = d};
    const char *other = other_encoding(&w);
    if (other != NULL) {
        tell(&w, other);
        return ERR_INVALID;
    }
    bool valid = utf8_valid(w.at, len, &bad_at);
    w.end = w.at + (valid ? len : bad_at);
    if (starts_with(&w, "\xef\xbb\xbf", 3))
        w.at += 3;
    while (w.at < w.end) {
        const char *bad = bad_character(&w);
        if (bad != NULL)
            tell(&w, bad);
        step(&w);
    }
    if (!valid)
        diagnostics_add(d, w.place,
                        "the byte 0x%02x here is not UTF-8; save the file as UTF-8, not as Latin-1 "
                        "or in a Windows code page",
                        *w.at);
    if (d->count == before)
        check_pieces(text, len, d);
    return d->count == before ? 0 : ERR_INVALID;
}
