/* SPDX-License-Identifier: MIT */
#include "common/pattern_text.h"

#include <string.h>

#include "common/bounds.h"

/* A condition, (?(1)a|b), is read as two open groups; the second ends with its first part. */
#define OPEN_MAX (2 * (PATTERN_DEPTH_MAX + 1))

/* (?x) and (?xx): which blanks are skipped outside classes, and inside. */
enum blanks { BLANKS_COUNT, BLANKS_SKIPPED, BLANKS_SKIPPED_IN_CLASSES };

struct reading {
    const char *text;
    size_t len, at;
    char *plain;
    enum pattern_newline newline;
    enum blanks blanks;
    enum blanks outside[OPEN_MAX]; /* for each open group, to be restored after it */
    size_t open_count;
};

static bool stands_at(const struct reading *r, size_t at, const char *what)
{
    size_t len = strlen(what);
    return r->len - at >= len && memcmp(r->text + at, what, len) == 0;
}

static bool is_one_of(const struct reading *r, size_t at, const char *letters)
{
    return at < r->len && r->text[at] != '\0' && strchr(letters, r->text[at]) != NULL;
}

static void take(struct reading *r, size_t len, char as)
{
    len = len < r->len - r->at ? len : r->len - r->at;
    memset(r->plain + r->at, as, len);
    r->at += len;
}

static void keep(struct reading *r, size_t len)
{
    len = len < r->len - r->at ? len : r->len - r->at;
    memcpy(r->plain + r->at, r->text + r->at, len);
    r->at += len;
}

/* Skips up to and including the first such byte. */
static void take_to(struct reading *r, char last, char as)
{
    const char *end = memchr(r->text + r->at, last, r->len - r->at);
    take(r, end != NULL ? (size_t)(end - r->text) + 1 - r->at : r->len - r->at, as);
}

/* The bytes of the blank here; 0: none. Blanks are Unicode's pattern white space. */
static size_t blank_len(const struct reading *r)
{
    static const char *const wide[] = {"\xc2\x85", "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
                                       "\xe2\x80\xa9"};
    if (is_one_of(r, r->at, " \t\n\v\f\r"))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++) {
        if (stands_at(r, r->at, wide[i]))
            return strlen(wide[i]);
    }
    return 0;
}

static bool is_newline(const struct reading *r)
{
    switch (r->newline) {
    case PATTERN_NEWLINE_CR:
        return r->text[r->at] == '\r';
    case PATTERN_NEWLINE_CRLF:
        return stands_at(r, r->at, "\r\n");
    case PATTERN_NEWLINE_ANY:
        return blank_len(r) != 0 && !is_one_of(r, r->at, " \t") &&
               !stands_at(r, r->at, "\xe2\x80\x8e") && !stands_at(r, r->at, "\xe2\x80\x8f");
    case PATTERN_NEWLINE_ANYCRLF:
        return is_one_of(r, r->at, "\r\n");
    case PATTERN_NEWLINE_NUL:
        return r->text[r->at] == '\0';
    case PATTERN_NEWLINE_LF:
    default:
        return r->text[r->at] == '\n';
    }
}

/* The newline itself is a blank; a NUL is not, but is consumed too. */
static void take_line(struct reading *r)
{
    while (r->at < r->len && !is_newline(r))
        take(r, 1, PATTERN_TEXT_NOTHING);
    if (r->newline == PATTERN_NEWLINE_NUL)
        take(r, 1, PATTERN_TEXT_NOTHING);
}

/* After \Q, up to \E or the end. Each quoted byte becomes a letter. */
static void take_quoted(struct reading *r, char end_as)
{
    while (r->at < r->len && !stands_at(r, r->at, "\\E"))
        take(r, 1, PATTERN_TEXT_LETTER);
    take(r, 2, end_as);
}

/* A callout with a text. Its first sign ends it too; doubled, that sign means itself. */
static void take_callout(struct reading *r)
{
    take(r, 3, PATTERN_TEXT_NOTHING);
    if (is_one_of(r, r->at, "`'\"^%#${")) {
        char last = r->text[r->at] == '{' ? '}' : r->text[r->at];
        take(r, 1, PATTERN_TEXT_NOTHING);
        take_to(r, last, PATTERN_TEXT_NOTHING);
        while (r->at < r->len && r->text[r->at] == last) {
            take(r, 1, PATTERN_TEXT_NOTHING);
            take_to(r, last, PATTERN_TEXT_NOTHING);
        }
    }
    take_to(r, ')', PATTERN_TEXT_NOTHING);
}

/* The length of [:alpha:] or [:^alpha:] within a class; 0: there is none here. */
static size_t posix_len(const struct reading *r)
{
    size_t at = r->at + 2;
    if (!stands_at(r, r->at, "[:"))
        return 0;
    at += is_one_of(r, at, "^") ? 1 : 0;
    while (at < r->len && r->text[at] >= 'a' && r->text[at] <= 'z')
        at++;
    return at < r->len && stands_at(r, at, ":]") ? at + 2 - r->at : 0;
}

/* Skips what may precede a ']' that is the first character of a class and does not end it. */
static void take_head_of_class(struct reading *r)
{
    bool negated = false;
    keep(r, 1);
    for (;;) {
        if (stands_at(r, r->at, "\\E"))
            take(r, 2, PATTERN_TEXT_LETTER);
        else if (stands_at(r, r->at, "\\Q\\E"))
            take(r, 4, PATTERN_TEXT_LETTER);
        else if (r->blanks == BLANKS_SKIPPED_IN_CLASSES && is_one_of(r, r->at, " \t"))
            take(r, 1, PATTERN_TEXT_LETTER);
        else if (!negated && (negated = is_one_of(r, r->at, "^")))
            take(r, 1, PATTERN_TEXT_LETTER);
        else
            break;
    }
    if (is_one_of(r, r->at, "]"))
        take(r, 1, PATTERN_TEXT_LETTER);
}

static void take_class(struct reading *r)
{
    take_head_of_class(r);
    while (r->at < r->len && r->text[r->at] != ']') {
        size_t posix = posix_len(r);
        if (stands_at(r, r->at, "\\Q"))
            take_quoted(r, PATTERN_TEXT_LETTER);
        else if (stands_at(r, r->at, "\\c"))
            take(r, 3, PATTERN_TEXT_LETTER);
        else if (r->text[r->at] == '\\')
            take(r, 2, PATTERN_TEXT_LETTER);
        else
            take(r, posix != 0 ? posix : 1, PATTERN_TEXT_LETTER);
    }
    take(r, 1, PATTERN_TEXT_LETTER);
}

/* The end of the options after "(?"; at if there are none. */
static size_t options_end(const struct reading *r, size_t at)
{
    size_t end = at;
    while (is_one_of(r, end, "imnsxJUarDSWPT^-"))
        end++;
    return is_one_of(r, end, ":)") ? end : at;
}

static enum blanks blanks_of(const struct reading *r, size_t at, size_t end)
{
    enum blanks blanks = r->blanks;
    bool unset = false;
    for (; at < end; at++) {
        unset = unset || r->text[at] == '-';
        if (r->text[at] == '^' || (unset && r->text[at] == 'x'))
            blanks = BLANKS_COUNT;
        else if (stands_at(r, at, "xx"))
            blanks = BLANKS_SKIPPED_IN_CLASSES, at++;
        else if (r->text[at] == 'x')
            blanks = BLANKS_SKIPPED;
    }
    return blanks;
}

/* (?i) (?x:...) (?:...) and all others that can be nested. */
static bool open_group(struct reading *r)
{
    size_t at = r->at + 2, end = stands_at(r, r->at, "(?") ? options_end(r, at) : at;
    bool has_options = stands_at(r, r->at, "(?") && is_one_of(r, end, ":)");
    enum blanks blanks = has_options ? blanks_of(r, at, end) : r->blanks;
    if (!has_options || r->text[end] == ':') {
        if (r->open_count == OPEN_MAX)
            return false;
        r->outside[r->open_count++] = r->blanks;
    }
    r->blanks = blanks;
    if (has_options)
        keep(r, end + 1 - r->at);
    else
        keep(r, stands_at(r, r->at, "(?") ? 2 : 1);
    return true;
}

static bool close_group(struct reading *r)
{
    if (r->open_count == 0)
        return false;
    r->blanks = r->outside[--r->open_count];
    keep(r, 1);
    return true;
}

static bool take_parenthesis(struct reading *r)
{
    bool is_verb =
        stands_at(r, r->at, "(*") && r->len - r->at > 2 &&
        (r->text[r->at + 2] == ':' || (r->text[r->at + 2] >= 'A' && r->text[r->at + 2] <= 'Z'));
    if (stands_at(r, r->at, "(?#"))
        take_to(r, ')', PATTERN_TEXT_NOTHING);
    else if (stands_at(r, r->at, "(?C"))
        take_callout(r);
    else if (!is_verb)
        return open_group(r);
    else {
        keep(r, 3);
        take_to(r, ')', PATTERN_TEXT_LETTER);
    }
    return true;
}

static void take_backslash(struct reading *r)
{
    if (stands_at(r, r->at, "\\E"))
        take(r, 2, PATTERN_TEXT_NOTHING);
    else if (stands_at(r, r->at, "\\Q")) {
        take(r, 2, PATTERN_TEXT_NOTHING);
        take_quoted(r, PATTERN_TEXT_NOTHING);
    } else if (stands_at(r, r->at, "\\c"))
        take(r, 3, PATTERN_TEXT_LETTER);
    else {
        keep(r, 1);
        if (is_one_of(r, r->at, "XgNxo"))
            keep(r, 1);
        else
            take(r, 1, PATTERN_TEXT_LETTER);
    }
}

bool pattern_text_read(const char *text, size_t len, enum pattern_newline newline, char *ret_plain)
{
    struct reading r = {.text = text, .len = len, .plain = ret_plain, .newline = newline};
    bool known = true;
    while (known && r.at < len) {
        size_t blank = r.blanks != BLANKS_COUNT ? blank_len(&r) : 0;
        if (blank != 0)
            take(&r, blank, PATTERN_TEXT_NOTHING);
        else if (r.blanks != BLANKS_COUNT && text[r.at] == '#')
            take_line(&r);
        else if (text[r.at] == '\\')
            take_backslash(&r);
        else if (text[r.at] == '[')
            take_class(&r);
        else if (text[r.at] == '(')
            known = take_parenthesis(&r);
        else if (text[r.at] == ')')
            known = close_group(&r);
        else if (text[r.at] == '\0')
            take(&r, 1, PATTERN_TEXT_LETTER);
        else
            keep(&r, 1);
    }
    return known && r.open_count == 0;
}
