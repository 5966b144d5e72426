/* SPDX-License-Identifier: MIT */
/*
 * The common path is read_object() -> read_string() and read_value() for every member. Every
 * function leaves the reader after what it read. On failure it notes the place and the reason once,
 * and all callers return at once.
 */
#include "common/json.h"

#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/scan.h"
#include "common/utf8.h"

struct reader {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    const char *fault;
};

static bool fail(struct reader *r, const char *fault)
{
    r->fault = fault;
    return false;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
}

/* The next byte that is not white space, without consuming it; -1 at the end of the text. */
static inline int next_byte(struct reader *r)
{
    if (__builtin_expect(r->at != r->end && *r->at > ' ', 1))
        return *r->at;
    skip_space(r);
    return r->at != r->end ? *r->at : -1;
}

static bool read_literal(struct reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return fail(r, "expected a value");
    r->at += len;
    return true;
}

static bool read_digits(struct reader *r)
{
    const uint8_t *first = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > first || fail(r, "expected a digit");
}

static bool read_number(struct reader *r)
{
    if (*r->at == '-')
        r->at++;
    if (r->at < r->end && *r->at == '0')
        r->at++; /* no digit may follow a leading zero */
    else if (!read_digits(r))
        return false;
    if (r->at < r->end && *r->at == '.') {
        r->at++;
        if (!read_digits(r))
            return false;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        return read_digits(r);
    }
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Four hex digits at `at`, or -1. */
static int32_t hex4(const uint8_t *at, const uint8_t *end)
{
    if (end - at < 4)
        return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(at[i]);
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Reads what follows "\u"; a high surrogate must be followed by the escape of a low one. */
static bool read_unicode_escape(struct reader *r)
{
    int32_t unit = hex4(r->at, r->end);
    if (unit < 0)
        return fail(r, "expected four hex digits after \\u");
    if (unit >= 0xdc00 && unit <= 0xdfff)
        return fail(r, "a low surrogate without a high one");
    r->at += 4;
    if (unit < 0xd800 || unit > 0xdbff)
        return true;
    if (r->end - r->at < 6 || r->at[0] != '\\' || r->at[1] != 'u')
        return fail(r, "a high surrogate without a low one");
    int32_t low = hex4(r->at + 2, r->end);
    if (low < 0xdc00 || low > 0xdfff)
        return fail(r, "a high surrogate without a low one");
    r->at += 6;
    return true;
}

static bool read_escape(struct reader *r)
{
    r->at++; /* the backslash */
    if (r->at == r->end)
        return fail(r, "the text ends in a string");
    uint8_t c = *r->at;
    if (c == 'u') {
        r->at++;
        return read_unicode_escape(r);
    }
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fail(r, "an invalid escape in a string");
    r->at++;
    return true;
}

/* Continues a string that is plain up to r->at, where there is no quote. */
static bool read_rest_of_string(struct reader *r, struct json_span *span)
{
    while (r->at != r->end && *r->at == '\\') {
        span->escaped = true;
        if (!read_escape(r))
            return false;
        r->at = scan_plain(r->at, r->end);
    }
    if (r->at == r->end)
        return fail(r, "the text ends in a string");
    if (*r->at != '"')
        return fail(r, "a control character in a string");
    span->len = (size_t)(r->at - span->start);
    r->at++;
    return true;
}

/* Reads a string whose opening quote is next. */
static inline bool read_string(struct reader *r, struct json_span *span)
{
    const uint8_t *first = r->at + 1, *end = r->end, *at = scan_plain(first, end);
    *span = (struct json_span){.start = first, .len = (size_t)(at - first), .type = JSON_STRING};
    r->at = at + 1;
    if (__builtin_expect(at != end && *at == '"', 1))
        return true;
    r->at = at;
    return read_rest_of_string(r, span);
}

static bool read_other(struct reader *r, unsigned depth, struct json_span *span);

/* Reads any value inside `depth` open brackets. */
static inline bool read_value(struct reader *r, unsigned depth, struct json_span *span)
{
    return next_byte(r) == '"' ? read_string(r, span) : read_other(r, depth, span);
}

static bool read_array(struct reader *r, unsigned depth, json_item_fn *item, void *context)
{
    r->at++;
    if (next_byte(r) == ']') {
        r->at++;
        return true;
    }
    for (;;) {
        struct json_span value;
        if (!read_value(r, depth, &value))
            return false;
        if (item != NULL)
            item(context, &value);
        int next = next_byte(r);
        if (next != ',' && next != ']')
            return fail(r, "expected ',' or ']'");
        r->at++;
        if (next == ']')
            return true;
    }
}

static bool read_object(struct reader *r, unsigned depth, json_member_fn *member, void *context)
{
    r->at++;
    if (next_byte(r) == '}') {
        r->at++;
        return true;
    }
    for (;;) {
        struct json_span key, value;
        if (next_byte(r) != '"')
            return fail(r, "expected a string");
        if (!read_string(r, &key))
            return false;
        if (next_byte(r) != ':')
            return fail(r, "expected ':'");
        r->at++;
        if (!read_value(r, depth, &value))
            return false;
        if (member != NULL)
            member(context, &key, &value);
        int next = next_byte(r);
        if (next != ',' && next != '}')
            return fail(r, "expected ',' or '}'");
        r->at++;
        if (next == '}')
            return true;
    }
}

/* Reads an array or object inside `depth` open brackets. */
static bool read_nested(struct reader *r, unsigned depth, bool object)
{
    if (depth >= JSON_DEPTH_MAX)
        return fail(r, "nested too deeply");
    return object ? read_object(r, depth + 1, NULL, NULL) : read_array(r, depth + 1, NULL, NULL);
}

/* Reads any value that is not a string. */
static bool read_other(struct reader *r, unsigned depth, struct json_span *span)
{
    int first = next_byte(r);
    span->start = r->at;
    span->escaped = false;
    bool good = false;
    switch (first) {
    case '{':
    case '[':
        span->type = first == '{' ? JSON_OBJECT : JSON_ARRAY;
        good = read_nested(r, depth, first == '{');
        break;
    case 't':
        span->type = JSON_TRUE;
        good = read_literal(r, "true");
        break;
    case 'f':
        span->type = JSON_FALSE;
        good = read_literal(r, "false");
        break;
    case 'n':
        span->type = JSON_NULL;
        good = read_literal(r, "null");
        break;
    case -1:
        return fail(r, "the text ends where a value should be");
    default:
        if (first != '-' && (first < '0' || first > '9'))
            return fail(r, "expected a value");
        span->type = JSON_NUMBER;
        good = read_number(r);
    }
    span->len = (size_t)(r->at - span->start);
    return good;
}

int json_read(const uint8_t *text, size_t len, json_member_fn *member, void *context,
              enum json_type *ret_type, struct err *e)
{
    struct reader r = {.start = text, .at = text, .end = text + len};
    struct json_span whole = {.type = JSON_OBJECT};
    bool good =
        next_byte(&r) == '{' ? read_object(&r, 1, member, context) : read_value(&r, 0, &whole);
    if (good && next_byte(&r) >= 0)
        good = fail(&r, "text after the value");
    if (!good)
        return err_set(e, ERR_INVALID, "%s at byte %zu", r.fault, (size_t)(r.at - r.start) + 1);
    *ret_type = whole.type;
    return 0;
}

void json_read_items(const struct json_span *array, json_item_fn *item, void *context)
{
    REQUIRE(array->type == JSON_ARRAY);
    struct reader r = {.start = array->start, .at = array->start, .end = array->start + array->len};
    bool good = read_array(&r, 1, item, context);
    INVARIANT(good && r.at == r.end);
}

static void unescape_one(const uint8_t **at, struct buf *out)
{
    static const char letters[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    uint8_t c = (*at)[1];
    if (c != 'u') {
        const char *found = strchr(letters, c);
        INVARIANT(found != NULL && c != '\0');
        buf_add_byte(out, (uint8_t)meanings[found - letters]);
        *at += 2;
        return;
    }
    uint32_t unit = (uint32_t)hex4(*at + 2, *at + 6);
    *at += 6;
    if (unit >= 0xd800 && unit <= 0xdbff) {
        uint32_t low = (uint32_t)hex4(*at + 2, *at + 6);
        *at += 6;
        unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    }
    utf8_add(out, unit);
}

void json_unescape(const struct json_span *string, struct buf *out)
{
    REQUIRE(string->type == JSON_STRING);
    const uint8_t *at = string->start;
    const uint8_t *end = at + string->len;
    while (at < end) {
        const uint8_t *plain = at;
        at = memchr(at, '\\', (size_t)(end - at));
        at = at != NULL ? at : end;
        buf_add(out, plain, (size_t)(at - plain));
        if (at < end)
            unescape_one(&at, out);
    }
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",        [JSON_FALSE] = "false",     [JSON_TRUE] = "true",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    return names[type];
}

static const char *short_escape(uint8_t c)
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        return NULL;
    }
}

/* Appends a string that is plain up to `at`, where there is a byte that must be escaped. */
static void write_escaped(const uint8_t *bytes, const uint8_t *at, const uint8_t *end,
                          struct buf *out)
{
    buf_add_byte(out, '"');
    for (const uint8_t *plain = bytes;; plain = at, at = scan_plain(at, end)) {
        buf_add(out, plain, (size_t)(at - plain));
        if (at == end)
            break;
        const char *escape = short_escape(*at);
        if (escape != NULL)
            buf_add_text(out, escape);
        else
            buf_add_format(out, "\\u%04x", *at);
        at++;
    }
    buf_add_byte(out, '"');
}

void json_write_string(const uint8_t *bytes, size_t len, struct buf *out)
{
    if (len == 0)
        bytes = (const uint8_t *)""; /* an empty one may be NULL, to which nothing may be added */
    const uint8_t *end = bytes + len, *at = scan_plain(bytes, end);
    if (at != end) {
        write_escaped(bytes, at, end, out);
        return;
    }
    uint8_t *to = buf_reserve(out, len + 2);
    to[0] = '"';
    if (len != 0)
        memcpy(to + 1, bytes, len);
    to[len + 1] = '"';
    out->len += len + 2;
}
