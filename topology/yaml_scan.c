/* SPDX-License-Identifier: MIT */
#include "topology/yaml_scan.h"

#include <string.h>

void yaml_scan_init(struct yaml_scan *s, const char *text, size_t len)
{
    *s = (struct yaml_scan){.at = text,
                            .end = text + len,
                            .place = {.line = 1, .column = 1, .width = 1},
                            .fresh = true};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        s->at += 3;
}

/* The byte that many bytes ahead; a newline after the end. */
static char peek(const struct yaml_scan *s, size_t ahead)
{
    return (size_t)(s->end - s->at) > ahead ? s->at[ahead] : '\n';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_flow_sign(char c)
{
    return c == ',' || c == '[' || c == ']' || c == '{' || c == '}';
}

static void advance(struct yaml_scan *s)
{
    if (s->at == s->end)
        return;
    if (*s->at++ == '\n') {
        s->place.line++;
        s->place.column = 1;
        return;
    }
    while (s->at < s->end && ((unsigned char)*s->at & 0xc0) == 0x80)
        s->at++;
    s->place.column++;
}

static void skip_line(struct yaml_scan *s)
{
    while (s->at < s->end && *s->at != '\n')
        advance(s);
}

/* At the first character of a line that is not blank, outside of quotes. */
static void begin_line(struct yaml_scan *s)
{
    if (s->lines && s->place.column > s->parent)
        return;
    s->lines = false;
    if (s->depth > 0)
        return;
    bool key_sign = *s->at == '?' && is_blank(peek(s, 1)); /* must be quoted in a text */
    if (s->plain && s->place.column > s->parent && !key_sign)
        return; /* the text continues */
    s->plain = false;
    s->fresh = true;
    bool marker = s->place.column == 1 && is_blank(peek(s, 3)) && s->end - s->at >= 3 &&
                  (memcmp(s->at, "---", 3) == 0 || memcmp(s->at, "...", 3) == 0);
    for (int i = 0; i < 3 && marker; i++)
        advance(s);
    if (marker)
        s->parent = 0;
}

static void in_quote(struct yaml_scan *s)
{
    char c = *s->at;
    if ((c == '\\' && s->quote.sign == '"') || (c == '\'' && c == s->quote.sign && peek(s, 1) == c))
        advance(s);
    else if (c == s->quote.sign) {
        s->closed_quote = s->quote;
        s->closed_line = s->place.line;
        s->quote.sign = '\0';
        s->fresh = false;
    }
    advance(s);
}

static void open_bracket(struct yaml_scan *s)
{
    if (s->depth < TOPOLOGY_DEPTH_MAX)
        s->brackets[s->depth] = (struct yaml_sign){.sign = *s->at, .place = s->place};
    s->depth++;
    s->fresh = true;
}

/* Whether the ':' here ends a key. */
static bool is_value_sign(const struct yaml_scan *s)
{
    char next = peek(s, 1);
    return is_blank(next) || (s->depth > 0 && (is_flow_sign(next) || (!s->plain && !s->fresh)));
}

static void end_key(struct yaml_scan *s)
{
    if (s->depth == 0)
        s->parent = s->fresh ? s->place.column : s->node.column;
    s->plain = false;
    s->fresh = true;
}

/* Handles a character that begins something or separates two things. */
static enum yaml_piece begin_piece(struct yaml_scan *s)
{
    char c = *s->at;
    bool alone = is_blank(peek(s, 1));
    if (c == '[' || c == '{') {
        open_bracket(s);
    } else if ((c == ']' || c == '}') && s->depth > 0) {
        s->depth--;
        s->fresh = false;
    } else if (c == ',' && s->depth > 0) {
        s->fresh = true;
    } else if (c == '"' || c == '\'') {
        s->quote = (struct yaml_sign){.sign = c, .place = s->place};
        s->node = s->place;
    } else if (c == '-' && alone && s->depth == 0) {
        s->parent = s->place.column;
    } else if (c == '?' && alone && s->fresh) {
        return YAML_KEY_SIGN;
    } else if ((c == '|' || c == '>') && s->fresh && s->depth == 0) {
        s->lines = true;
        skip_line(s);
    } else {
        s->plain = true;
        s->fresh = false;
        s->node = s->place;
    }
    return YAML_OTHER;
}

/* At a '#' after a blank; if a plain text is open, there is text before that. */
static enum yaml_piece skip_comment(struct yaml_scan *s)
{
    bool cut = s->plain && s->at[-1] == ' ' && !is_blank(s->at[-2]) && !is_blank(peek(s, 1));
    s->plain = false;
    skip_line(s);
    return cut ? YAML_CUT : YAML_OTHER;
}

enum yaml_piece yaml_scan_step(struct yaml_scan *s, struct place *ret_place)
{
    *ret_place = s->place;
    if (s->at == s->end)
        return YAML_END;
    if (s->quote.sign != '\0') {
        in_quote(s);
        return YAML_OTHER;
    }
    bool first = s->place.column == 1;
    while (first && s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\r'))
        advance(s);
    if (first && peek(s, 0) != '\n')
        begin_line(s);
    *ret_place = s->place;
    if (s->lines) {
        skip_line(s);
        advance(s);
        return YAML_OTHER;
    }
    if (s->at == s->end)
        return YAML_END;
    char c = *s->at;
    if (c == '#' && (first || is_blank(s->at[-1])))
        return skip_comment(s);
    enum yaml_piece piece = YAML_OTHER;
    if (c == ':' && is_value_sign(s))
        end_key(s);
    else if (!is_blank(c) && (!s->plain || (s->depth > 0 && is_flow_sign(c)))) {
        s->plain = false;
        piece = begin_piece(s);
    }
    advance(s);
    return piece;
}

struct yaml_sign yaml_scan_bracket(const struct yaml_scan *s)
{
    size_t depth = s->depth < TOPOLOGY_DEPTH_MAX ? s->depth : TOPOLOGY_DEPTH_MAX;
    return depth > 0 ? s->brackets[depth - 1] : (struct yaml_sign){0};
}
