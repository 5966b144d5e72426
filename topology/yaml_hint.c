/* SPDX-License-Identifier: MIT */
#include "topology/yaml_hint.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "topology/yaml_scan.h"

/* A phrase of the YAML library, and what it means for a topology. */
struct phrase {
    const char *theirs; /* a part of the library's message */
    const char *ours;
};

/* The first row that matches counts, so general phrases come last. */
static const struct phrase phrases[] = {
    {"content after double-quoted", "unexpected text after a closing quote"},
    {"content after single-quoted", "unexpected text after a closing quote"},
    {"comment without whitespace", "unexpected '#'"},
    {"hex escape", "invalid escape in double quotes"},
    {"UTF8 escape", "invalid escape in double quotes"},
    {"invalid escape", "invalid escape in double quotes"},
    {"scalar used as key", "a key cannot span several lines"},
    {"double-quoted scalar", "unfinished text in double quotes"},
    {"single-quoted scalar", "unfinished text in single quotes"},
    {"plain scalar cannot start with", "unquoted text cannot begin with this character"},
    {"missing comma in flow mapping", "expected ',' or '}'"},
    {"missing comma in flow sequence", "expected ',' or ']'"},
    {"mismatched flow mapping end", "unexpected '}'"},
    {"mismatched flow sequence end", "unexpected ']'"},
    {"extra closing brace", "unexpected '}'"},
    {"extra closing bracket", "unexpected ']'"},
    {"comma in the beginning", "unexpected ','"},
    {"extra comma", "unexpected ','"},
    {"without a closing bracket", "expected ',' or ']'"},
    {"expected node content", "expected a value"},
    {"could not find expected ':'", "expected ':' after a key"},
    {"multiline plain key", "a key cannot span several lines"},
    {"nested block mapping on the same line", "unexpected ': ' in a value"},
    {"invalid value after mapping", "expected 'name: value'"},
    {"block scalar no linebreak", "unexpected text after '|' or '>'"},
    {"sequence on the same line", "a list cannot begin on the line of its key"},
    {"invalid anchor", "unexpected '&'"},
    {"invalid alias", "unexpected '*'"},
    {"invalid tag", "unexpected '!'"},
    {"tab ", "tabs in the indentation"},
    {"invalid indentation", "wrong indentation"},
    {"wrongly indented line after spaces", "a blank line has more spaces than the text after it"},
    {"wrongly indented", "wrong indentation"},
};

/* What is known of an error. */
struct error_facts {
    const struct diagnostics *diagnostics;
    struct place place;
    const char *message;
    const char *line; /* a view, without its end */
    size_t len;
    size_t at;                   /* the byte of the error in the line */
    struct yaml_sign bracket;    /* the innermost one that is open there */
    struct yaml_sign long_quote; /* one that began on an earlier line and ended on this one */
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

/* Whether the line has a "${" outside quotes. */
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

/* Whether there are tabs before the text of a line. */
static bool has_tabs(const struct diagnostics *d, int line)
{
    size_t len;
    const char *text = diagnostics_line(d, line, &len);
    return memchr(text, '\t', blanks_before(text, len)) != NULL;
}

/* Whether the line begins with "name:value", but not with a URL. */
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
        return "; inside { } and [ ] a variable needs quotes: \"${NAME}\"";
    /* The library reports tabs in a second line of a key at the first one. */
    if (has_tabs(e->diagnostics, e->place.line) ||
        (says(e, "multiline plain key") && has_tabs(e->diagnostics, e->place.line + 1)))
        return "; indent with spaces, not tabs";
    if (e->bracket.sign != '\0')
        return NULL;
    if (has_tight_colon(e->line, e->len) && !says(e, "quoted"))
        return "; put a space after the ':' of a key";
    if (has_tight_dash(e->line, e->len) && !says(e, "quoted"))
        return "; put a space after the '-' of an item";
    return NULL;
}

static const char *hint_of_quotes(const struct error_facts *e)
{
    if (says(e, "invalid escape") || says(e, "hex escape") || says(e, "UTF8 escape"))
        return "; in double quotes a backslash begins an escape: use '...' instead, as for a "
               "regular expression, or write \\\\ for a backslash";
    if (says(e, "content after single-quoted"))
        return "; the text ends at this quote: inside single quotes, write '' for a '";
    if (says(e, "content after double-quoted"))
        return "; the text ends at this quote: inside double quotes, write \\\" for a \"";
    if (says(e, "quoted scalar") && (says(e, "without closing") || says(e, "wrongly indented")))
        return "; the quote is not closed, or the text continues on a line that is not indented "
               "more than its key";
    if (says(e, "comment without whitespace"))
        return "; put a space before the '#' of a comment, or quote the whole text";
    return NULL;
}

static const char *hint_of_signs(const struct error_facts *e)
{
    if (says(e, "plain scalar cannot start with"))
        return "; quote the text";
    if (says(e, "invalid anchor") || says(e, "invalid alias") || says(e, "invalid tag"))
        return "; quote text that begins with '&', '*' or '!'";
    if (says(e, "block scalar no linebreak"))
        return "; the text they introduce begins on the next line; quote text that begins "
               "with '|' or '>'";
    if (says(e, "sequence on the same line"))
        return "; begin it on the next line, or write [a, b]; quote text that begins with '- '";
    if (says(e, "expected node content"))
        return "; something is missing here, or text that begins with this character needs quotes";
    if (says(e, "nested block mapping"))
        return "; quote text that contains ': '";
    if (says(e, "invalid extra closing"))
        return "; it closes nothing: remove it, or quote the text it belongs to";
    return NULL;
}

static const char *hint_of_indentation(const struct error_facts *e)
{
    if (says(e, "multiline plain key"))
        return "; the ':' after it is missing, or the next line is indented too far";
    if (says(e, "invalid indentation"))
        return "; all keys of a map begin in the same column";
    if (says(e, "could not find expected ':'"))
        return "; write a key as 'name: value' and an item as '- value'";
    if (says(e, "invalid value after mapping"))
        return "; all keys of a map begin in the same column, each with a ': ' after it";
    return NULL;
}

/* Hints about brackets, with the place where they were opened. */
static bool hint_of_brackets(const struct error_facts *e, char *ret_hint)
{
    char before = e->at > 0 ? e->line[e->at - 1] : '\0';
    bool text_goes_on = (before == '}' || before == ']') && e->at < e->len &&
                        strchr(",]}:", e->line[e->at]) == NULL && !is_blank(e->line[e->at]);
    bool in_brackets = says(e, "flow mapping") || says(e, "flow sequence");
    const char *text = NULL;
    if (text_goes_on)
        text = "; quote text that begins with '{' or '['";
    else if (!in_brackets || e->bracket.sign == '\0')
        return false;
    else if (says(e, "invalid comma"))
        text = "; remove it";
    else if (says(e, "mismatched") || e->bracket.place.line < e->place.line)
        text = NULL;
    else
        text = "; put a comma between entries, and quote text that contains ': '";
    if (text != NULL)
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX, "%s", text);
    else
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX,
                       "; the '%c' at line %d, column %d is not closed, or a comma is missing",
                       e->bracket.sign, e->bracket.place.line, e->bracket.place.column);
    return true;
}

const char *yaml_phrase(const char *message)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++) {
        if (strstr(message, phrases[i].theirs) != NULL)
            return phrases[i].ours;
    }
    return message;
}

void yaml_hint(const struct diagnostics *d, struct place place, const char *message,
               char ret_hint[static YAML_HINT_BYTES_MAX])
{
    struct error_facts e = {.diagnostics = d, .place = place, .message = message};
    look(&e);
    if (e.long_quote.sign != '\0') {
        (void)snprintf(ret_hint, YAML_HINT_BYTES_MAX,
                       "; the quote (%c) opened at line %d, column %d is closed only on this line",
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
