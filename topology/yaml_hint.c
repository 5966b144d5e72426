/* SPDX-License-Identifier: MIT */
#include "topology/yaml_hint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "topology/yaml_scan.h"

/* What is known of an error. */
struct error_facts {
    const struct diagnostics *diagnostics;
    struct place place;
    const char *message;
    const char *line; /* a view, without its end */
    size_t len;
    size_t at;                   /* the byte in it */
    struct yaml_sign bracket;    /* that is open there, the innermost one */
    struct yaml_sign long_quote; /* that ends on this line before it, and begins on another */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static size_t blanks_before(const char *line, size_t len)
{
    size_t blanks = 0;
    while (blanks < len && is_blank(line[blanks]))
        blanks++;
    return blanks;
}

/* Whether "${" stands outside of quotes in the line. */
static bool has_bare_variable(const char *line, size_t len)
{
    char quote = '\0';
    for (size_t i = 0; i + 1 < len; i++) {
        if (quote == '\0' && line[i] == '$' && line[i + 1] == '{')
            return true;
        if (quote == '\0' && (line[i] == '"' || line[i] == '\''))
            quote = line[i];
        else if (line[i] == quote)
            quote = '\0';
    }
    return false;
}

/* Tabs before the text of a line. The library finds those of a next line at the one before it. */
static bool has_tabs(const struct diagnostics *d, int line)
{
    size_t len;
    const char *text = diagnostics_line(d, line, &len);
    return memchr(text, '\t', blanks_before(text, len)) != NULL;
}

/* "name:value" as the first thing of a line, but for a URL. */
static bool has_tight_colon(const char *line, size_t len)
{
    size_t i = blanks_before(line, len);
    while (i < len && line[i] != ':' && !is_blank(line[i]))
        i++;
    return i + 1 < len && line[i] == ':' && !is_blank(line[i + 1]) && line[i + 1] != '/';
}

static bool has_tight_dash(const char *line, size_t len)
{
    size_t i = blanks_before(line, len);
    return i + 1 < len && line[i] == '-' && !is_blank(line[i + 1]) && line[i + 1] != '-';
}

static void look(struct error_facts *e)
{
    e->line = diagnostics_line(e->diagnostics, e->place.line, &e->len);
    for (int column = 1; column < e->place.column && e->at < e->len; column++) {
        e->at++;
        while (e->at < e->len && ((unsigned char)e->line[e->at] & 0xc0) == 0x80)
            e->at++;
    }
    struct yaml_scan scan;
    yaml_scan_init(&scan, e->diagnostics->text, e->diagnostics->text_len);
    const char *end = e->line + e->at;
    struct place place;
    while (scan.at < end && yaml_scan_step(&scan, &place) != YAML_END)
        ;
    e->bracket = yaml_scan_bracket(&scan);
    if (scan.closed_line == e->place.line && scan.closed_quote.place.line < e->place.line)
        e->long_quote = scan.closed_quote;
}

static bool says(const struct error_facts *e, const char *words)
{
    return strstr(e->message, words) != NULL;
}

static const char *hint_of_line(const struct error_facts *e)
{
    if (has_bare_variable(e->line, e->len) && e->bracket.sign != '\0')
        return "; inside of { } and [ ] a variable needs quotes: \"${NAME}\"";
    if (has_tabs(e->diagnostics, e->place.line) ||
        (says(e, "multiline plain key") && has_tabs(e->diagnostics, e->place.line + 1)))
        return "; lines are indented with spaces, not with tabs";
    if (e->bracket.sign != '\0')
        return NULL;
    if (has_tight_colon(e->line, e->len) && !says(e, "quoted"))
        return "; a ':' behind a key needs a space behind it";
    if (has_tight_dash(e->line, e->len) && !says(e, "quoted"))
        return "; a '-' before an item needs a space behind it";
    return NULL;
}

static const char *hint_of_quotes(const struct error_facts *e)
{
    if (says(e, "invalid escape") || says(e, "hex escape"))
        return "; in double quotes a backslash begins an escape: write '...' instead, as for a "
               "regular expression, or \\\\ for a backslash";
    if (says(e, "content after single-quoted"))
        return "; the text ends at this quote: a ' in a text in single quotes is written ''";
    if (says(e, "content after double-quoted"))
        return "; the text ends at this quote: a \" in a text in double quotes is written \\\"";
    if (says(e, "quoted scalar") && (says(e, "without closing") || says(e, "wrongly indented")))
        return "; a quote that is opened here is not closed, or the text goes on in a line that is "
               "not indented deeper than its key";
    if (says(e, "comment without whitespace"))
        return "; a comment has a space before its '#', and a text with a '#' in it is quoted as a "
               "whole";
    return NULL;
}

static const char *hint_of_signs(const struct error_facts *e)
{
    if (says(e, "plain scalar cannot start with"))
        return "; quote a text that begins with it";
    if (says(e, "invalid anchor") || says(e, "invalid alias") || says(e, "invalid tag"))
        return "; quote a text that begins with '&', '*' or '!'";
    if (says(e, "block scalar"))
        return "; a '|' or '>' stands at the end of its line, and the text on the lines below it; "
               "quote a text that begins with it";
    if (says(e, "sequence on the same line"))
        return "; a list begins on the next line, or is written [a, b]; quote a text that begins "
               "with '- '";
    if (says(e, "expected node content"))
        return "; something is missing before it, or a text that begins with it needs quotes";
    if (says(e, "nested block mapping"))
        return "; quote a text with ': ' in it";
    if (says(e, "invalid extra closing"))
        return "; nothing is open that it closes: take it out, or quote it as a part of a text";
    return NULL;
}

static const char *hint_of_indentation(const struct error_facts *e)
{
    if (says(e, "multiline plain key"))
        return "; a ':' is missing behind it, or the line below it is indented too deeply";
    if (says(e, "invalid indentation"))
        return "; the keys of a map begin in the same column";
    if (says(e, "could not find expected ':'"))
        return "; a key is followed by ': ', an item is preceded by '- '";
    if (says(e, "invalid value after mapping"))
        return "; a key is followed by ': ', and the keys of a map begin in the same column";
    return NULL;
}

/* Of brackets, with where they were opened. */
static bool hint_of_brackets(const struct error_facts *e, char *ret_hint)
{
    char before = e->at > 0 ? e->line[e->at - 1] : '\0';
    bool text_goes_on = (before == '}' || before == ']') && e->at < e->len &&
                        strchr(",]}:", e->line[e->at]) == NULL && !is_blank(e->line[e->at]);
    bool in_brackets = says(e, "flow mapping") || says(e, "flow sequence");
    const char *text = NULL;
    if (text_goes_on)
        text = "; quote a text that begins with '{' or '['";
    else if (!in_brackets || e->bracket.sign == '\0')
        return false;
    else if (says(e, "invalid comma"))
        text = "; take the comma out";
    else if (says(e, "mismatched") || e->bracket.place.line < e->place.line)
        text = NULL;
    else
        text = "; put a comma before what comes next, and quote a text with ': ' in it";
    if (text != NULL)
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX, "%s", text);
    else
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX,
                       "; the '%c' of line %d, column %d, is not closed, or a comma is missing",
                       e->bracket.sign, e->bracket.place.line, e->bracket.place.column);
    return true;
}

void yaml_hint(const struct diagnostics *d, struct place place, const char *message,
               char ret_hint[static YAML_HINT_BYTES_MAX])
{
    struct error_facts e = {.diagnostics = d, .place = place, .message = message};
    look(&e);
    if (e.long_quote.sign != '\0') {
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX,
                       "; the quote (%c) that is opened in line %d, column %d, is closed only in "
                       "this line",
                       e.long_quote.sign, e.long_quote.place.line, e.long_quote.place.column);
        return;
    }
    const char *text = hint_of_line(&e);
    if (text == NULL && hint_of_brackets(&e, ret_hint))
        return;
    if (text == NULL)
        text = hint_of_quotes(&e);
    if (text == NULL)
        text = hint_of_signs(&e);
    if (text == NULL)
        text = hint_of_indentation(&e);
    (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX, "%s", text != NULL ? text : "");
}
