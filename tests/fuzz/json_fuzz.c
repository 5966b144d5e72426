/* SPDX-License-Identifier: MIT */
/*
 * Takes any bytes for a JSON text. Another reader, written from the grammar of RFC 8259, accepts the
 * same texts, as far as they are not too deep; and what is accepted, written again from the spans that
 * were reported, is accepted again and then stays as it is.
 */
#include "common/bounds.h"
#include "common/json.h"
#include "common/utf8.h"
#include "tests/fuzz/fuzz.h"

/* --- the other reader: each returns what is behind that which it reads, NULL if it is not there --- */

static const uint8_t *space(const uint8_t *at, const uint8_t *end)
{
    while (at < end && memchr(" \t\n\r", *at, 4) != NULL)
        at++;
    return at;
}

static const uint8_t *word(const uint8_t *at, const uint8_t *end, const char *text)
{
    size_t len = strlen(text);
    return (size_t)(end - at) >= len && memcmp(at, text, len) == 0 ? at + len : NULL;
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* The number of a \uXXXX; -1: none stands here. */
static long unit(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (!is_hex(at[i]))
            return -1;
    }
    char digits[5] = {(char)at[2], (char)at[3], (char)at[4], (char)at[5], '\0'};
    return strtol(digits, NULL, 16);
}

static const uint8_t *string(const uint8_t *at, const uint8_t *end)
{
    if (at == end || *at++ != '"')
        return NULL;
    while (at < end && *at != '"') {
        if (*at < 0x20)
            return NULL;
        if (*at != '\\') {
            at++;
            continue;
        }
        long first = unit(at, end), second = first >= 0 ? unit(at + 6, end) : -1;
        bool high = first >= 0xd800 && first < 0xdc00, low = second >= 0xdc00 && second < 0xe000;
        if (first >= 0xdc00 && first < 0xe000)
            return NULL;
        if (first >= 0 && high != (high && low))
            return NULL;
        if (first < 0 && (end - at < 2 || memchr("\"\\/bfnrt", at[1], 8) == NULL))
            return NULL;
        at += first < 0 ? 2 : high ? 12 : 6;
    }
    return at < end ? at + 1 : NULL;
}

static const uint8_t *digits(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *first = at;
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at > first ? at : NULL;
}

static const uint8_t *number(const uint8_t *at, const uint8_t *end)
{
    at += at < end && *at == '-' ? 1 : 0;
    at = at < end && *at == '0' ? at + 1 : digits(at, end);
    if (at != NULL && at < end && *at == '.')
        at = digits(at + 1, end);
    if (at != NULL && at < end && (*at | 0x20) == 'e') {
        at++;
        at = digits(at + (at < end && (*at == '-' || *at == '+') ? 1 : 0), end);
    }
    return at;
}

static const uint8_t *value(const uint8_t *at, const uint8_t *end, unsigned depth);

static const uint8_t *brackets(const uint8_t *at, const uint8_t *end, unsigned depth)
{
    bool object = *at == '{';
    uint8_t close = object ? '}' : ']';
    if (depth == JSON_DEPTH_MAX)
        return NULL;
    at = space(at + 1, end);
    if (at < end && *at == close)
        return at + 1;
    for (;;) {
        if (object) {
            at = string(space(at, end), end);
            at = at != NULL ? word(space(at, end), end, ":") : NULL;
        }
        at = at != NULL ? value(space(at, end), end, depth + 1) : NULL;
        at = at != NULL ? space(at, end) : NULL;
        if (at == NULL || at == end || (*at != ',' && *at != close))
            return NULL;
        if (*at++ == close)
            return at;
    }
}

static const uint8_t *value(const uint8_t *at, const uint8_t *end, unsigned depth)
{
    if (at == end)
        return NULL;
    switch (*at) {
    case '{':
    case '[':
        return brackets(at, end, depth);
    case '"':
        return string(at, end);
    case 't':
        return word(at, end, "true");
    case 'f':
        return word(at, end, "false");
    case 'n':
        return word(at, end, "null");
    default:
        return number(at, end);
    }
}

static bool is_json(const uint8_t *text, size_t len)
{
    const uint8_t *end = text + len, *at = value(space(text, end), end, 0);
    return at != NULL && space(at, end) == end;
}

/* --- writing again what the spans say --- */

struct writing {
    struct buf *out;
    size_t count;
    const uint8_t *at, *end; /* what is left of the text that is read */
};

static void write_span(const struct json_span *span, struct buf *out);

static void begin(struct writing *w, const struct json_span *first)
{
    /* Spans lie in the text, one behind the other. */
    ALWAYS(first->start >= w->at && first->start <= w->end);
    ALWAYS(first->len <= (size_t)(w->end - first->start));
    w->at = first->start + first->len;
    if (w->count++ != 0)
        buf_add_byte(w->out, ',');
}

static void on_item(void *context, const struct json_span *item)
{
    struct writing *w = context;
    begin(w, item);
    write_span(item, w->out);
}

static void on_member(void *context, const struct json_span *key, const struct json_span *item)
{
    struct writing *w = context;
    begin(w, key);
    ALWAYS(key->type == JSON_STRING && item->start >= w->at);
    write_span(key, w->out);
    buf_add_byte(w->out, ':');
    write_span(item, w->out);
    w->at = item->start + item->len;
}

static void write_string(const struct json_span *span, struct buf *out)
{
    struct buf text = {0};
    size_t bad_at;
    (void)buf_reserve(&text, span->len + 1);
    json_unescape(span, &text);
    ALWAYS(text.len <= span->len && utf8_valid(text.data, text.len, &bad_at));
    ALWAYS(span->escaped == (span->len != 0 && memchr(span->start, '\\', span->len) != NULL));
    json_write_string(text.data, text.len, out);
    buf_done(&text);
}

static void write_span(const struct json_span *span, struct buf *out)
{
    struct writing w = {.out = out, .at = span->start, .end = span->start + span->len};
    enum json_type type = span->type;
    switch (span->type) {
    case JSON_STRING:
        write_string(span, out);
        return;
    case JSON_ARRAY:
        buf_add_byte(out, '[');
        json_read_items(span, on_item, &w);
        buf_add_byte(out, ']');
        return;
    case JSON_OBJECT:
        buf_add_byte(out, '{');
        ALWAYS(json_read(span->start, span->len, on_member, &w, &type, NULL) == 0);
        ALWAYS(type == JSON_OBJECT);
        buf_add_byte(out, '}');
        return;
    default:
        buf_add(out, span->start, span->len);
    }
}

static void on_whole(void *context, const struct json_span *item)
{
    write_span(item, context);
}

static void ignore(void *context, const struct json_span *key, const struct json_span *item)
{
    (void)context;
    (void)key;
    (void)item;
}

static bool is_accepted(const uint8_t *text, size_t len, enum json_type *ret_type)
{
    struct err e = {0};
    int rc = json_read(text, len, ignore, NULL, ret_type, &e);
    ALWAYS(rc == 0 || (rc == ERR_INVALID && strstr(e.text, " at byte ") != NULL));
    return rc == 0;
}

/* A text within brackets is an item, so that it has a span whatever its type. */
static void write_again(const uint8_t *text, size_t len, struct buf *out)
{
    struct buf array = {0};
    buf_add_byte(&array, '[');
    buf_add(&array, text, len);
    buf_add_byte(&array, ']');
    struct json_span span = {.start = array.data, .len = array.len, .type = JSON_ARRAY};
    json_read_items(&span, on_whole, out);
    buf_done(&array);
}

/* Whether it is as deep as it may be: then it is too deep within brackets. */
static bool is_deepest(const uint8_t *text, size_t len)
{
    struct buf array = {0};
    enum json_type type;
    buf_add_byte(&array, '[');
    buf_add(&array, text, len);
    buf_add_byte(&array, ']');
    bool accepted = is_accepted(array.data, array.len, &type);
    ALWAYS(!accepted || type == JSON_ARRAY);
    buf_done(&array);
    return !accepted;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t bad_at;
    enum json_type type, again;
    if (!utf8_valid(data, size, &bad_at))
        return 0;
    bool accepted = is_accepted(data, size, &type);
    ALWAYS(accepted == is_json(data, size));
    if (!accepted || is_deepest(data, size))
        return 0;
    struct buf first = {0}, second = {0};
    write_again(data, size, &first);
    ALWAYS(is_accepted(first.data, first.len, &again) && again == type);
    write_again(first.data, first.len, &second);
    ALWAYS(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    buf_done(&first);
    buf_done(&second);
    return 0;
}
