/* SPDX-License-Identifier: MIT */
#include <regex.h>
#include <stdbool.h>
#include <string.h>

#include "common/bounds.h"
#include "common/json.h"
#include "common/utf8.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define GOOD(type) 0, type, 0
#define BAD(byte) ERR_INVALID, JSON_NULL, byte

static const struct {
    const char *name;
    const char *text;
    int rc;
    enum json_type type;
    unsigned bad_at; /* from 1; 0: not looked at */
} read_cases[] = {
    {"null", "null", GOOD(JSON_NULL)},
    {"true", "true", GOOD(JSON_TRUE)},
    {"false", "false", GOOD(JSON_FALSE)},
    {"zero", "0", GOOD(JSON_NUMBER)},
    {"minus zero", "-0", GOOD(JSON_NUMBER)},
    {"number", "-12.50e+07", GOOD(JSON_NUMBER)},
    {"exponent alone", "1E5", GOOD(JSON_NUMBER)},
    {"huge number", "123456789012345678901234567890e999", GOOD(JSON_NUMBER)},
    {"empty string", "\"\"", GOOD(JSON_STRING)},
    {"all escapes", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"", GOOD(JSON_STRING)},
    {"DEL is no control character", "\"\x7f\"", GOOD(JSON_STRING)},
    {"pair of surrogates", "\"\\ud83d\\ude00\"", GOOD(JSON_STRING)},
    {"pair in capitals", "\"\\uD83D\\uDE00\"", GOOD(JSON_STRING)},
    {"least pair", "\"\\ud800\\udc00\"", GOOD(JSON_STRING)},
    {"greatest pair", "\"\\udbff\\udfff\"", GOOD(JSON_STRING)},
    {"units beside the surrogates", "\"\\ud7ff\\ue000\"", GOOD(JSON_STRING)},
    {"empty array", "[ ]", GOOD(JSON_ARRAY)},
    {"array", "[1,\"a\",null,[],{}]", GOOD(JSON_ARRAY)},
    {"empty object", "{ }", GOOD(JSON_OBJECT)},
    {"object", "{\"a\":{\"b\":[1]}}", GOOD(JSON_OBJECT)},
    {"key twice", "{\"a\":1,\"a\":2}", GOOD(JSON_OBJECT)},
    {"all white space", " \t\r\n{ \t\r\n\"a\" \t\r\n: \t\r\n1 \t\r\n} \t\r\n", GOOD(JSON_OBJECT)},
    {"nothing", "", BAD(1)},
    {"white space alone", "  ", BAD(3)},
    {"byte order mark", "\xef\xbb\xbf{}", BAD(1)},
    {"form feed", "\f1", BAD(1)},
    {"two values", "1 2", BAD(3)},
    {"bytes behind an object", "{}x", BAD(3)},
    {"comment", "/**/1", BAD(1)},
    {"NaN", "NaN", BAD(1)},
    {"Infinity", "-Infinity", BAD(2)},
    {"True", "True", BAD(1)},
    {"cut literal", "tru", BAD(0)},
    {"long literal", "truest", BAD(5)},
    {"plus", "+1", BAD(1)},
    {"minus alone", "-", BAD(2)},
    {"leading zero", "01", BAD(2)},
    {"leading zero behind minus", "-01", BAD(3)},
    {"no whole part", ".5", BAD(1)},
    {"no fraction", "1.", BAD(3)},
    {"point and exponent", "1.e5", BAD(3)},
    {"no exponent", "1e", BAD(3)},
    {"exponent without digits", "1e+", BAD(4)},
    {"hexadecimal", "0x10", BAD(2)},
    {"open string", "\"abc", BAD(5)},
    {"string that ends in a backslash", "\"abc\\", BAD(6)},
    {"single quotes", "'a'", BAD(1)},
    {"raw newline", "\"a\nb\"", BAD(3)},
    {"raw 1f", "\"\x1f\"", BAD(2)},
    {"unknown escape", "\"\\x41\"", BAD(3)},
    {"capital escape", "\"\\N\"", BAD(3)},
    {"three hex digits", "\"\\u00e\"", BAD(4)},
    {"no hex digit", "\"\\u00eg\"", BAD(4)},
    {"signed hex digits", "\"\\u+0e9\"", BAD(4)},
    {"cut hex digits", "\"\\u00", BAD(4)},
    {"low surrogate alone", "\"\\ude00\"", BAD(4)},
    {"high surrogate alone", "\"\\ud83d\"", BAD(0)},
    {"high surrogate and letter", "\"\\ud83dx\"", BAD(0)},
    {"high surrogate and other escape", "\"\\ud83d\\n12345\"", BAD(0)},
    {"high surrogate twice", "\"\\ud83d\\ud83d\"", BAD(0)},
    {"high surrogate and the last high one", "\"\\ud83d\\udbff\"", BAD(0)},
    {"high surrogate and the unit behind", "\"\\ud83d\\ue000\"", BAD(0)},
    {"last low surrogate alone", "\"\\udfff\"", BAD(0)},
    {"high surrogate and no surrogate", "\"\\ud83d\\u0041\"", BAD(0)},
    {"cut second surrogate", "\"\\ud83d\\ude0", BAD(0)},
    {"open array", "[", BAD(2)},
    {"array with trailing comma", "[1,]", BAD(4)},
    {"array with leading comma", "[,1]", BAD(2)},
    {"array without comma", "[1 2]", BAD(4)},
    {"array closed as object", "[1}", BAD(3)},
    {"open object", "{", BAD(2)},
    {"key alone", "{\"a\"}", BAD(5)},
    {"key and colon alone", "{\"a\":}", BAD(6)},
    {"key that is no string", "{1:2}", BAD(2)},
    {"object with trailing comma", "{\"a\":1,}", BAD(8)},
    {"object without comma", "{\"a\":1 \"b\":2}", BAD(8)},
    {"object closed as array", "{\"a\":1]", BAD(7)},
    {"object with two colons", "{\"a\"::1}", BAD(6)},
    {"closing bracket alone", "]", BAD(1)},
};

/* Reads a copy of exactly that size, so that a sanitizer sees reads behind it. */
static int read_copy(const void *text, size_t len, enum json_type *ret_type, struct err *e)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    if (len != 0)
        memcpy(copy, text, len);
    int rc = json_read(copy, len, NULL, NULL, ret_type, e);
    free(copy);
    return rc;
}

static void known_texts_are_judged_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof read_cases / sizeof read_cases[0]; i++) {
        struct err e = {0};
        enum json_type type = JSON_NULL;
        int rc = read_copy(read_cases[i].text, strlen(read_cases[i].text), &type, &e);
        if (rc != read_cases[i].rc || type != read_cases[i].type)
            fail_msg("%s: %d, type %d: %s", read_cases[i].name, rc, (int)type, e.text);
        const char *place = strstr(e.text, " at byte ");
        if (rc != 0 && (e.code != rc || place == NULL))
            fail_msg("%s: error %d '%s'", read_cases[i].name, e.code, e.text);
        if (rc != 0 && read_cases[i].bad_at != 0 &&
            strtoul(place + 9, NULL, 10) != read_cases[i].bad_at)
            fail_msg("%s: %s", read_cases[i].name, e.text);
        assert_int_equal(read_copy(read_cases[i].text, strlen(read_cases[i].text), &type, NULL),
                         rc);
    }
}

static void a_nul_is_refused_everywhere(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,true,\"b\\n\"]}";
    for (size_t i = 0; i <= sizeof text - 1; i++) {
        char copy[sizeof text + 1];
        memcpy(copy, text, i);
        copy[i] = '\0';
        memcpy(copy + i + 1, text + i, sizeof text - 1 - i);
        enum json_type type = JSON_NULL;
        assert_int_equal(read_copy(copy, sizeof text, &type, NULL), ERR_INVALID);
    }
}

/* All that begins like a good text and ends too early is refused. */
static void cut_texts_are_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1.5e1,true,\"b\\n\\ud83d\\ude00\",{\"c\":null}]}";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        enum json_type type = JSON_NULL;
        assert_int_equal(read_copy(text, len, &type, NULL), ERR_INVALID);
    }
}

static int read_nested(const char *open, const char *inner, const char *close, unsigned depth)
{
    struct buf text = {0};
    for (unsigned i = 0; i < depth; i++)
        buf_add_text(&text, open);
    buf_add_text(&text, inner);
    for (unsigned i = 0; i < depth; i++)
        buf_add_text(&text, close);
    enum json_type type;
    int rc = read_copy(text.data, text.len, &type, NULL);
    buf_done(&text);
    return rc;
}

static void nesting_ends_at_its_limit(void **state)
{
    (void)state;
    assert_int_equal(read_nested("[", "", "]", JSON_DEPTH_MAX), 0);
    assert_int_equal(read_nested("[", "1", "]", JSON_DEPTH_MAX), 0);
    assert_int_equal(read_nested("[", "", "]", JSON_DEPTH_MAX + 1), ERR_INVALID);
    assert_int_equal(read_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX), 0);
    assert_int_equal(read_nested("{\"a\":", "1", "}", JSON_DEPTH_MAX + 1), ERR_INVALID);
    assert_int_equal(read_nested("[{\"a\":", "1", "}]", JSON_DEPTH_MAX / 2), 0);
    assert_int_equal(read_nested("[{\"a\":", "[]", "}]", JSON_DEPTH_MAX / 2), ERR_INVALID);
    assert_int_equal(read_nested("{\"a\":[", "{}", "]}", JSON_DEPTH_MAX / 2), ERR_INVALID);
    /* Far more than a stack would bear. */
    assert_int_equal(read_nested("[", "", "]", 1000000), ERR_INVALID);
    /* Brackets side by side do not nest. */
    struct buf text = {0};
    buf_add_text(&text, "[[]");
    for (unsigned i = 0; i < 4 * JSON_DEPTH_MAX; i++)
        buf_add_text(&text, ",[{}]");
    buf_add_text(&text, "]");
    enum json_type type;
    assert_int_equal(read_copy(text.data, text.len, &type, NULL), 0);
    buf_done(&text);
}

#define MEMBERS_MAX 8

/* What a text holds, or what json_read() said it holds. */
struct members {
    struct {
        struct buf key;
        struct buf value; /* as it stands in the text; of a string, what it means */
        enum json_type type;
    } each[MEMBERS_MAX];
    size_t count;
};

static void members_done(struct members *m)
{
    for (size_t i = 0; i < MEMBERS_MAX; i++) {
        buf_done(&m->each[i].key);
        buf_done(&m->each[i].value);
    }
}

/* What a caller does with a span: takes it as it is unless it says that it is escaped. */
static void take(const struct json_span *span, struct buf *out)
{
    bool backslash = span->type == JSON_STRING && memchr(span->start, '\\', span->len) != NULL;
    assert_int_equal(span->escaped, backslash);
    if (span->escaped)
        json_unescape(span, out);
    else
        buf_add(out, span->start, span->len);
}

static void note_member(void *context, const struct json_span *key, const struct json_span *value)
{
    struct members *m = context;
    assert_true(m->count < MEMBERS_MAX);
    assert_int_equal(key->type, JSON_STRING);
    take(key, &m->each[m->count].key);
    take(value, &m->each[m->count].value);
    m->each[m->count].type = value->type;
    m->count++;
}

static void members_are_told_in_order(void **state)
{
    (void)state;
    static const char text[] =
        " {\"a\" : 1 , \"\\u0062\":\"x\\ny\", \"a\":[1, 2], \"o\":{\"in\":1},"
        "\"\":null,\"t\":true,\"f\":false} ";
    static const struct {
        const char *key, *value;
        enum json_type type;
    } expected[] = {
        {"a", "1", JSON_NUMBER},          {"b", "x\ny", JSON_STRING}, {"a", "[1, 2]", JSON_ARRAY},
        {"o", "{\"in\":1}", JSON_OBJECT}, {"", "null", JSON_NULL},    {"t", "true", JSON_TRUE},
        {"f", "false", JSON_FALSE},
    };
    const size_t count = sizeof expected / sizeof expected[0];
    struct members m = {0};
    enum json_type type = JSON_NULL;
    int rc = json_read((const uint8_t *)text, strlen(text), note_member, &m, &type, NULL);
    assert_int_equal(rc, 0);
    assert_int_equal(type, JSON_OBJECT);
    assert_int_equal(m.count, count);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(buf_text(&m.each[i].key), expected[i].key);
        assert_string_equal(buf_text(&m.each[i].value), expected[i].value);
        assert_int_equal(m.each[i].type, expected[i].type);
    }
    members_done(&m);
}

static void members_are_told_before_an_error(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1,\"b\":2,\"c\":!}";
    struct members m = {0};
    enum json_type type = JSON_ARRAY;
    struct err e = {0};
    int rc = json_read((const uint8_t *)text, strlen(text), note_member, &m, &type, &e);
    assert_int_equal(rc, ERR_INVALID);
    assert_int_equal(type, JSON_ARRAY);
    assert_int_equal(m.count, 2);
    members_done(&m);
}

static void what_is_no_object_has_no_members(void **state)
{
    (void)state;
    static const char text[] = "[{\"a\":1}]";
    struct members m = {0};
    enum json_type type = JSON_NULL;
    int rc = json_read((const uint8_t *)text, strlen(text), note_member, &m, &type, NULL);
    assert_int_equal(rc, 0);
    assert_int_equal(type, JSON_ARRAY);
    assert_int_equal(m.count, 0);
    members_done(&m);
}

static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *text;
} write_cases[] = {
    {"empty", "", 0, "\"\""},
    {"plain", "abc", 3, "\"abc\""},
    {"short escapes", "\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
    {"other control characters", "\0\x01\x0b\x1f", 4, "\"\\u0000\\u0001\\u000b\\u001f\""},
    {"slash, DEL and others stand", "/\x7f<>&'", 6, "\"/\x7f<>&'\""},
    {"not ASCII stands", "\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8", 9,
     "\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8\""},
    {"escape between plain", "a\nb", 3, "\"a\\nb\""},
    {"escape at the ends", "\na\n", 3, "\"\\na\\n\""},
};

static void strings_are_written(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof write_cases / sizeof write_cases[0]; i++) {
        buf_reset(&text);
        buf_add_text(&text, ">");
        json_write_string((const uint8_t *)write_cases[i].bytes, write_cases[i].len, &text);
        if (strcmp(buf_text(&text) + 1, write_cases[i].text) != 0)
            fail_msg("%s: %s", write_cases[i].name, buf_text(&text));
    }
    buf_done(&text);
}

/* A control character at any place of a string is told by its byte, whatever the length. */
static void control_characters_are_told_by_their_place(void **state)
{
    (void)state;
    for (size_t len = 1; len < 70; len++) {
        for (size_t at = 0; at < len; at++) {
            uint8_t text[80];
            memset(text, 'x', len + 2);
            text[0] = text[len + 1] = '"';
            text[1 + at] = (uint8_t)random_below(0x20);
            char expected[64];
            (void)snprintf(expected, sizeof expected, "a control character in a string at byte %zu",
                           at + 2);
            struct err e = {0};
            enum json_type type;
            assert_int_equal(read_copy(text, len + 2, &type, &e), ERR_INVALID);
            assert_string_equal(e.text, expected);
            assert_int_equal(read_copy(text, at + 1, &type, &e), ERR_INVALID);
            (void)snprintf(expected, sizeof expected, "the text ends in a string at byte %zu",
                           at + 2);
            assert_string_equal(e.text, expected);
        }
    }
}

/* A code point that is no surrogate; those that matter to JSON come often. */
static uint32_t random_code_point(void)
{
    switch (random_below(6)) {
    case 0:
        return (uint32_t)random_below(0x20);
    case 1:
        return (uint32_t) "\"\\/ \x7f\b\f\n\r\t"[random_below(10)];
    case 2:
        return 0x10000 + (uint32_t)random_below(0x100000);
    case 3:
        return 0x80 + (uint32_t)random_below(0xd780);
    default:
        return 0x20 + (uint32_t)random_below(0x5f);
    }
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct buf bytes = {0}, text = {0};
    for (int i = 0; i < 20000; i++) {
        buf_reset(&bytes);
        for (uint64_t n = random_below(40); n > 0; n--)
            utf8_add(&bytes, random_below(2) == 0 ? 'x' : random_code_point());
        buf_reset(&text);
        buf_add_text(&text, "{\"k\":");
        json_write_string(bytes.data, bytes.len, &text);
        buf_add_text(&text, "}");
        struct members m = {0};
        enum json_type type = JSON_NULL;
        assert_int_equal(json_read(text.data, text.len, note_member, &m, &type, NULL), 0);
        assert_int_equal(m.count, 1);
        assert_int_equal(m.each[0].type, JSON_STRING);
        assert_int_equal(m.each[0].value.len, bytes.len);
        if (bytes.len != 0)
            assert_memory_equal(m.each[0].value.data, bytes.data, bytes.len);
        members_done(&m);
    }
    buf_done(&bytes);
    buf_done(&text);
}

/* The following write a random text and, beside it, what must be read from it. */

static void add_space(struct buf *text)
{
    while (random_below(4) == 0)
        buf_add_byte(text, (uint8_t) " \t\r\n"[random_below(4)]);
}

static void add_unit_escape(struct buf *text, uint32_t unit)
{
    buf_add_format(text, random_below(2) == 0 ? "\\u%04x" : "\\u%04X", unit);
}

/* Appends a string in one of the ways to write it; its meaning too unless NULL. */
static void add_string(struct buf *text, struct buf *meaning)
{
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    buf_add_byte(text, '"');
    for (uint64_t n = random_below(6); n > 0; n--) {
        uint32_t c = random_code_point();
        if (meaning != NULL)
            utf8_add(meaning, c);
        const char *found = c != 0 && c < 0x80 ? strchr(meant, (int)c) : NULL;
        bool must_escape = c < 0x20 || c == '"' || c == '\\';
        if (found != NULL && random_below(2) == 0)
            buf_add_format(text, "\\%c", letters[found - meant]);
        else if (!must_escape && random_below(2) == 0)
            utf8_add(text, c);
        else if (c < 0x10000)
            add_unit_escape(text, c);
        else {
            add_unit_escape(text, 0xd800 + (c - 0x10000) / 0x400);
            add_unit_escape(text, 0xdc00 + (c - 0x10000) % 0x400);
        }
    }
    buf_add_byte(text, '"');
}

static void add_number(struct buf *text)
{
    buf_add_text(text, random_below(3) == 0 ? "-" : "");
    buf_add_format(text, "%" PRIu64, random_bits() >> random_below(64));
    if (random_below(3) == 0)
        buf_add_format(text, ".%04" PRIu64, random_below(10000));
    if (random_below(4) == 0)
        buf_add_format(
            text, "%c%s%02" PRIu64, "eE" [random_below(2)],
            (const char *[]) { "", "+", "-" }[random_below(3)], random_below(400));
}

static enum json_type add_value(struct buf *text, unsigned depth);

static void add_array_or_object(struct buf *text, unsigned depth, bool object)
{
    buf_add_byte(text, object ? '{' : '[');
    add_space(text);
    for (uint64_t n = random_below(4), i = 0; i < n; i++) {
        if (i != 0)
            buf_add_byte(text, ',');
        add_space(text);
        if (object) {
            add_string(text, NULL);
            add_space(text);
            buf_add_byte(text, ':');
            add_space(text);
        }
        (void)add_value(text, depth + 1);
        add_space(text);
    }
    buf_add_byte(text, object ? '}' : ']');
}

static enum json_type add_value(struct buf *text, unsigned depth)
{
    enum json_type type = (enum json_type)random_below(depth < 4 ? JSON_OBJECT + 1 : JSON_ARRAY);
    switch (type) {
    case JSON_NULL:
        buf_add_text(text, "null");
        break;
    case JSON_FALSE:
        buf_add_text(text, "false");
        break;
    case JSON_TRUE:
        buf_add_text(text, "true");
        break;
    case JSON_NUMBER:
        add_number(text);
        break;
    case JSON_STRING:
        add_string(text, NULL);
        break;
    case JSON_ARRAY:
    case JSON_OBJECT:
        add_array_or_object(text, depth, type == JSON_OBJECT);
        break;
    }
    return type;
}

/* Writes an object with known members. */
static void add_document(struct buf *text, struct members *m)
{
    add_space(text);
    buf_add_byte(text, '{');
    size_t count = random_below(MEMBERS_MAX + 1);
    for (; m->count < count; m->count++) {
        if (m->count != 0)
            buf_add_byte(text, ',');
        add_space(text);
        add_string(text, &m->each[m->count].key);
        add_space(text);
        buf_add_byte(text, ':');
        add_space(text);
        size_t at = text->len;
        struct buf *value = &m->each[m->count].value;
        if (random_below(3) == 0) {
            m->each[m->count].type = JSON_STRING;
            add_string(text, value);
        } else {
            do {
                text->len = at;
                m->each[m->count].type = add_value(text, 1);
            } while (m->each[m->count].type == JSON_STRING);
            buf_add(value, text->data + at, text->len - at);
        }
        add_space(text);
    }
    add_space(text);
    buf_add_byte(text, '}');
    add_space(text);
}

static void assert_same_content(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len != 0)
        assert_memory_equal(a->data, b->data, a->len);
}

static void random_documents_are_read_as_meant(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 10000; i++) {
        struct members meant = {0}, read = {0};
        buf_reset(&text);
        add_document(&text, &meant);
        enum json_type type = JSON_NULL;
        struct err e = {0};
        if (json_read(text.data, text.len, note_member, &read, &type, &e) != 0)
            fail_msg("%s: %s", e.text, buf_text(&text));
        assert_int_equal(type, JSON_OBJECT);
        assert_int_equal(read.count, meant.count);
        for (size_t k = 0; k < meant.count; k++) {
            assert_int_equal(read.each[k].type, meant.each[k].type);
            assert_same_content(&read.each[k].key, &meant.each[k].key);
            assert_same_content(&read.each[k].value, &meant.each[k].value);
        }
        members_done(&meant);
        members_done(&read);
    }
    buf_done(&text);
}

/*
 * The second judgement, by other means: the text becomes one letter per token (s for a string, v
 * for another value), and then the innermost brackets are replaced by v as long as there are any.
 */
static struct {
    regex_t string, scalar, elements, members;
} slow;

static int slow_setup(void **state)
{
    (void)state;
    static const char string[] =
        "^\"([^\"\\\x01\x02\x03\x04\x05\x06\x07\b\t\n\v\f\r\x0e\x0f\x10\x11"
        "\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f]"
        "|[\\][\"\\/bfnrt]|[\\]u[0-9a-fA-F]{4})*\"$";
    const int flags = REG_EXTENDED | REG_NOSUB;
    return regcomp(&slow.string, string, flags) != 0 ||
                   regcomp(&slow.scalar,
                           "^(null|true|false|-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][-+]?[0-9]+)?)$",
                           flags) != 0 ||
                   regcomp(&slow.elements, "^([sv](,[sv])*)?$", flags) != 0 ||
                   regcomp(&slow.members, "^(s:[sv](,s:[sv])*)?$", flags) != 0
               ? -1
               : 0;
}

static int slow_teardown(void **state)
{
    (void)state;
    regfree(&slow.string);
    regfree(&slow.scalar);
    regfree(&slow.elements);
    regfree(&slow.members);
    return 0;
}

/* Whether every high surrogate has its low one right behind it, and the other way round. */
static bool slow_surrogates_pair(const char *string)
{
    bool open = false;
    for (const char *at = string; *at != '\0';) {
        unsigned unit = 0;
        if (at[0] == '\\' && at[1] == 'u') {
            char digits[5] = {at[2], at[3], at[4], at[5], '\0'};
            unit = (unsigned)strtoul(digits, NULL, 16);
            at += 6;
        } else {
            at += at[0] == '\\' ? 2 : 1;
        }
        bool low = unit / 0x400 == 0x37;
        if (low != open)
            return false;
        open = unit / 0x400 == 0x36;
    }
    return !open;
}

/* The length of the word or string at text, with its token; 0 if it is none. */
static size_t slow_token(const char *text, char *token)
{
    char word[4096];
    size_t len;
    if (*text == '"') {
        for (len = 1; text[len] != '"'; len++) {
            if (text[len] == '\\')
                len++;
            if (text[len] == '\0')
                return 0;
        }
        len++;
    } else {
        len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    }
    if (len == 0 || len >= sizeof word)
        return 0;
    memcpy(word, text, len);
    word[len] = '\0';
    *token = *text == '"' ? 's' : 'v';
    if (regexec(*text == '"' ? &slow.string : &slow.scalar, word, 0, NULL, 0) != 0)
        return 0;
    return *text == '"' && !slow_surrogates_pair(word) ? 0 : len;
}

static bool slow_valid(const char *text)
{
    char tokens[4096];
    size_t count = 0;
    unsigned depth = 0;
    while (*(text += strspn(text, " \t\r\n")) != '\0') {
        size_t len = 1;
        tokens[count] = *text;
        if (strchr("[]{},:", *text) == NULL)
            len = slow_token(text, &tokens[count]);
        if (len == 0 || count + 1 == sizeof tokens)
            return false;
        if (*text == '[' || *text == '{')
            depth++;
        else if ((*text == ']' || *text == '}') && depth > 0)
            depth--;
        if (depth > JSON_DEPTH_MAX)
            return false;
        text += len;
        count++;
    }
    tokens[count] = '\0';
    for (char *close; (close = strpbrk(tokens, "]}")) != NULL;) {
        char *open = close;
        while (open > tokens && *open != '[' && *open != '{')
            open--;
        if (*open != (*close == ']' ? '[' : '{'))
            return false;
        const regex_t *content = *close == ']' ? &slow.elements : &slow.members;
        char *rest = close + 1;
        *close = '\0';
        if (regexec(content, open + 1, 0, NULL, 0) != 0)
            return false;
        *open = 'v';
        memmove(open + 1, rest, strlen(rest) + 1);
    }
    return strcmp(tokens, "v") == 0 || strcmp(tokens, "s") == 0;
}

/* The slow judgement is judged by the table first. */
static void slow_judgement_knows_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof read_cases / sizeof read_cases[0]; i++) {
        if (slow_valid(read_cases[i].text) != (read_cases[i].rc == 0))
            fail_msg("%s", read_cases[i].name);
    }
}

/* Makes one small change; text never gets a NUL. */
static void damage(struct buf *text)
{
    static const char odd[] = "\"\"\\\\{}[]{}[],,::0123456789+-.eEunrtfalsx/ \n\x01\x1f\x7f";
    size_t at = random_below(text->len);
    size_t other = random_below(text->len);
    uint8_t c = (uint8_t)odd[random_below(sizeof odd - 1)];
    switch (random_below(6)) {
    case 0: /* drop a byte */
        memmove(text->data + at, text->data + at + 1, text->len - at - 1);
        text->len -= text->len > 1 ? 1 : 0;
        break;
    case 1: /* put a byte in */
        buf_add_byte(text, 0);
        memmove(text->data + at + 1, text->data + at, text->len - 1 - at);
        text->data[at] = c;
        break;
    case 2: /* cut */
        text->len = at + 1;
        break;
    case 3: /* exchange two bytes */
        c = text->data[other];
        text->data[other] = text->data[at];
        text->data[at] = c;
        break;
    case 4: /* copy one byte over another */
        text->data[at] = text->data[other];
        break;
    default:
        text->data[at] = c;
    }
}

static void damaged_documents_are_judged_as_slowly(void **state)
{
    (void)state;
    struct buf text = {0};
    unsigned good = 0, bad = 0;
    for (int i = 0; i < 20000; i++) {
        buf_reset(&text);
        (void)add_value(&text, 0);
        for (uint64_t n = 1 + random_below(3); n > 0; n--)
            damage(&text);
        enum json_type type = JSON_NULL;
        struct err e = {0};
        int rc = read_copy(text.data, text.len, &type, &e);
        size_t ignored;
        if (!utf8_valid(text.data, text.len, &ignored))
            continue; /* it must not crash, but what it says is nobody's business */
        if (slow_valid(buf_text(&text)) != (rc == 0))
            fail_msg("%d (%s): %s", rc, e.text, buf_text(&text));
        good += rc == 0;
        bad += rc != 0;
    }
    assert_true(good > 1000 && bad > 1000);
    buf_done(&text);
}

/* Nesting around the limit, where brackets of both kinds mix. */
static void deep_documents_are_judged_as_slowly(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 2000; i++) {
        char closing[64];
        size_t depth = JSON_DEPTH_MAX - 3 + random_below(6);
        buf_reset(&text);
        for (size_t k = 0; k < depth; k++) {
            bool object = random_below(2) == 0;
            buf_add_text(&text, object ? "{\"k\":" : "[");
            if (!object && random_below(3) == 0)
                buf_add_text(&text, "[[]],");
            closing[k] = object ? '}' : ']';
        }
        buf_add_byte(&text, '1');
        for (size_t k = depth; k > 0; k--)
            buf_add_byte(&text, (uint8_t)closing[k - 1]);
        enum json_type type;
        int rc = read_copy(text.data, text.len, &type, NULL);
        if (slow_valid(buf_text(&text)) != (rc == 0))
            fail_msg("%d: %s", rc, buf_text(&text));
    }
    buf_done(&text);
}

static void types_have_names(void **state)
{
    (void)state;
    assert_string_equal(json_type_name(JSON_NULL), "null");
    assert_string_equal(json_type_name(JSON_STRING), "a string");
    for (int type = JSON_NULL; type <= JSON_OBJECT; type++) {
        assert_non_null(json_type_name((enum json_type)type));
        for (int other = JSON_NULL; other < type; other++)
            assert_string_not_equal(json_type_name((enum json_type)type),
                                    json_type_name((enum json_type)other));
    }
}

int main(int argc, char **argv)
{
    random_init("json_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts_are_judged_right),
        cmocka_unit_test(a_nul_is_refused_everywhere),
        cmocka_unit_test(cut_texts_are_refused),
        cmocka_unit_test(nesting_ends_at_its_limit),
        cmocka_unit_test(members_are_told_in_order),
        cmocka_unit_test(members_are_told_before_an_error),
        cmocka_unit_test(what_is_no_object_has_no_members),
        cmocka_unit_test(strings_are_written),
        cmocka_unit_test(control_characters_are_told_by_their_place),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(random_documents_are_read_as_meant),
        cmocka_unit_test(slow_judgement_knows_the_table),
        cmocka_unit_test(damaged_documents_are_judged_as_slowly),
        cmocka_unit_test(deep_documents_are_judged_as_slowly),
        cmocka_unit_test(types_have_names),
    };
    return CASES_RUN(argc, argv, tests, slow_setup, slow_teardown);
}
