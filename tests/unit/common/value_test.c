/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "common/nested.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "common/utf8.h"
#include "common/value.h"
#include "common/value_json.h"
#include "common/value_json_bounded.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static struct type type_of(const char *name)
{
    struct type type;
    assert_int_equal(type_parse(name, &type, NULL), 0);
    return type;
}

static const struct {
    const char *text;
    int rc;
    enum value_tag tag;
    const char *currency;
} type_cases[] = {
    {"string", 0, VALUE_STRING, ""},
    {"bytes", 0, VALUE_BYTES, ""},
    {"int", 0, VALUE_INT, ""},
    {"bool", 0, VALUE_BOOL, ""},
    {"timestamp", 0, VALUE_TIMESTAMP, ""},
    {"money(USD)", 0, VALUE_MONEY, "USD"},
    {"money(JPY)", 0, VALUE_MONEY, "JPY"},
    {"", ERR_INVALID, VALUE_STRING, ""},
    {"money", ERR_INVALID, VALUE_STRING, ""},
    {"money()", ERR_INVALID, VALUE_STRING, ""},
    {"money(usd)", ERR_INVALID, VALUE_STRING, ""},
    {"money(XXX)", ERR_INVALID, VALUE_STRING, ""},
    {"money(USD", ERR_INVALID, VALUE_STRING, ""},
    {"money(USD) ", ERR_INVALID, VALUE_STRING, ""},
    {"money(USDX)", ERR_INVALID, VALUE_STRING, ""},
    {"Money(USD)", ERR_INVALID, VALUE_STRING, ""},
    {"money(USD]", ERR_INVALID, VALUE_STRING, ""},
    {"money[USD]", ERR_INVALID, VALUE_STRING, ""},
    {"integer", ERR_INVALID, VALUE_STRING, ""},
    {"Int", ERR_INVALID, VALUE_STRING, ""},
    {" int", ERR_INVALID, VALUE_STRING, ""},
    {"int ", ERR_INVALID, VALUE_STRING, ""},
    {"int(USD)", ERR_INVALID, VALUE_STRING, ""},
    {"date", 0, VALUE_DATE, ""},
    {"duration", 0, VALUE_DURATION, ""},
    {"decimal(10,2)", 0, VALUE_DECIMAL, ""},
    {"decimal(10,3)", 0, VALUE_DECIMAL, ""},
    {"decimal(18,18)", 0, VALUE_DECIMAL, ""},
    {"string(1..64)", 0, VALUE_STRING, ""},
    {"string(0..64)", 0, VALUE_STRING, ""},
    {"string(/^[A-Z]+$/)", 0, VALUE_STRING, ""},
    {"string(/a\\/b, \\)c/)", 0, VALUE_STRING, ""},
    {"string(1..64, /^[A-Z]+$/)", 0, VALUE_STRING, ""},
    {"enum(a, b, c)", 0, VALUE_ENUM, ""},
    {"enum(a, c, b)", 0, VALUE_ENUM, ""},
    {"enum(200, 4xx.x)", 0, VALUE_ENUM, ""},
    {"list(string(1..64))", 0, VALUE_LIST, ""},
    {"map(list(optional(enum(a, b))))", 0, VALUE_MAP, ""},
    {"optional(money(USD))", 0, VALUE_OPTIONAL, ""},
    {"list(list(list(list(int))))", 0, VALUE_LIST, ""},
};

static void types_are_read_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof type_cases / sizeof type_cases[0]; i++) {
        const struct type untouched = {.tag = VALUE_TAG_COUNT, .currency = {99}};
        struct type type = untouched;
        int rc = type_parse(type_cases[i].text, &type, NULL);
        if (rc != type_cases[i].rc)
            fail_msg("'%s': %d", type_cases[i].text, rc);
        if (rc != 0) {
            assert_true(type_equal(type, untouched));
            continue;
        }
        assert_int_equal(type.tag, type_cases[i].tag);
        if (type.tag == VALUE_MONEY)
            assert_string_equal(money_currency_code(type.currency), type_cases[i].currency);
        else
            assert_int_equal(type.currency.index, 0);
        char name[TYPE_NAME_BYTES_MAX];
        assert_string_equal(type_name(type, name), type_cases[i].text);
    }
}

static void types_have_one_form(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"decimal(05,0)", "decimal(5,0)"},
        {"decimal( 10 , 2 )", "decimal(10,2)"},
        {"enum( a,b )", "enum(a, b)"},
        {"string(01..064,/x/)", "string(1..64, /x/)"},
        {"list( money( USD ) )", "list(money(USD))"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char name[TYPE_NAME_BYTES_MAX];
        assert_true(type_equal(type_of(pairs[i][0]), type_of(pairs[i][1])));
        assert_string_equal(type_name(type_of(pairs[i][0]), name), pairs[i][1]);
    }
    assert_true(type_equal(type_optional(type_of("date")), type_of("optional(date)")));
    assert_true(type_equal(type_optional(type_of("optional(date)")), type_of("optional(date)")));
}

static void faults_in_types_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } faults[] = {
        {"money", "money needs its currency: 'money(USD)'"},
        {"money(BTC)", "'BTC' is not an ISO 4217 currency code that bulkhead knows"},
        {"decimal", "decimal needs its number of digits, 1 to 18, and how many of them come after "
                    "the point: 'decimal(10,2)'"},
        {"decimal(19,2)", "decimal needs its number of digits, 1 to 18, and how many of them come "
                          "after the point: 'decimal(10,2)'"},
        {"decimal(5,6)", "a decimal of 5 digits has 0 to 5 of them after the point"},
        {"decimal(10", "the ')' of 'decimal(' is missing; inside { }, a type with a comma needs "
                       "quotes: \"decimal(10,2)\""},
        {"string(64)", "string takes a range of lengths in characters, a pattern, or both: "
                       "'string(1..64, /^[a-z]+$/)'"},
        {"string(9..3)", "string takes a range of lengths in characters, a pattern, or both: "
                         "'string(1..64, /^[a-z]+$/)'"},
        {"string(1.", "string takes a range of lengths in characters, a pattern, or both: "
                      "'string(1..64, /^[a-z]+$/)'"},
        {"string(1..2, 3)",
         "the lengths of a string can be followed only by a pattern between slashes: "
         "'string(1..64, /^[a-z]+$/)'"},
        {"string(/a)", "the pattern /a) has no closing '/'"},
        {"string(/a(b/)",
         "'a(b' is not a regular expression: missing closing parenthesis, at character 4"},
        {"string(/a/ b)", "unexpected 'b)' in 'string(...)'; expected ')'"},
        {"enum", "enum needs its content in parentheses: 'enum(open, closed)'"},
        {"enum()", "'' is not a name for an enum; use letters, digits, '.', '-' and '_', 1 to 63 "
                   "characters: 'enum(open, closed)'"},
        {"enum(a, b, a)", "the enum has 'a' twice"},
        {"list(strng)", "did you mean 'string'?"},
        {"lst(int)", "did you mean 'list'?"},
        {"decimel", "did you mean 'decimal(10,2)'?"},
        {"optional(optional(int))", "an optional type cannot hold another optional type"},
        {"list(list(list(list(list(int)))))", "types are nested more than 4 deep"},
        {"date(1)", "date takes no parentheses"},
        {"date x", "unexpected 'x' after the type"},
        {"list(int))", "unexpected ')' after the type"},
        {"enum(a,\tb)", "a type is one line, without control characters"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct type type;
        struct err e;
        assert_int_equal(type_parse(faults[i].text, &type, &e), ERR_INVALID);
        if (strcmp(e.text, faults[i].says) != 0)
            fail_msg("'%s': %s", faults[i].text, e.text);
    }
}

/* Each type equals itself alone; the table's good rows are all different. */
static void types_differ_in_tag_and_currency(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof type_cases / sizeof type_cases[0]; i++) {
        for (size_t k = 0; type_cases[i].rc == 0 && k < sizeof type_cases / sizeof type_cases[0];
             k++) {
            if (type_cases[k].rc == 0)
                assert_int_equal(
                    type_equal(type_of(type_cases[i].text), type_of(type_cases[k].text)), i == k);
        }
    }
}

static void every_currency_makes_a_type(void **state)
{
    (void)state;
    for (int i = 0; i < 26 * 26 * 26; i++) {
        char text[TYPE_NAME_BYTES_MAX], name[TYPE_NAME_BYTES_MAX];
        (void)snprintf(text, sizeof text, "money(%c%c%c)", 'A' + i / 676, 'A' + i / 26 % 26,
                       'A' + i % 26);
        struct currency currency;
        struct type type;
        int expected = money_currency_find(text + 6, 3, &currency) == 0 ? 0 : ERR_INVALID;
        assert_int_equal(type_parse(text, &type, NULL), expected);
        if (expected == 0)
            assert_string_equal(type_name(type, name), text);
    }
}

static void values_hold_what_they_are_made_of(void **state)
{
    (void)state;
    struct value bytes = value_of_bytes(VALUE_BYTES, "abc", 3);
    assert_int_equal(bytes.tag, VALUE_BYTES);
    assert_int_equal(bytes.len, 3);
    assert_memory_equal(bytes.bytes, "abc", 3);
    struct value integer = value_of_integer(VALUE_TIMESTAMP, INT64_MIN);
    assert_int_equal(integer.tag, VALUE_TIMESTAMP);
    assert_true(integer.integer == INT64_MIN);
    assert_int_equal(value_of_bool(true).tag, VALUE_BOOL);
    assert_true(value_of_bool(true).boolean);
    assert_false(value_of_bool(false).boolean);
}

/* RFC 4648, section 10, and all 64 letters. */
static const struct {
    const char *name;
    const char *bytes;
    size_t len;
    const char *text;
} base64_cases[] = {
    {"empty", "", 0, ""},
    {"f", "f", 1, "Zg=="},
    {"fo", "fo", 2, "Zm8="},
    {"foo", "foo", 3, "Zm9v"},
    {"foob", "foob", 4, "Zm9vYg=="},
    {"fooba", "fooba", 5, "Zm9vYmE="},
    {"foobar", "foobar", 6, "Zm9vYmFy"},
    {"zeros", "\0\0\0", 3, "AAAA"},
    {"ones", "\xff\xff\xff\xff", 4, "/////w=="},
    {"plus", "\xfb\xef\xbe", 3, "++++"},
    {"the alphabet",
     "\x00\x10\x83\x10\x51\x87\x20\x92\x8b\x30\xd3\x8f\x41\x14\x93\x51\x55\x97\x61\x96\x9b\x71\xd7"
     "\x9f\x82\x18\xa3\x92\x59\xa7\xa2\x9a\xab\xb2\xdb\xaf\xc3\x1c\xb3\xd3\x5d\xb7\xe3\x9e\xbb\xf3"
     "\xdf\xbf",
     48, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"},
};

static void base64_gives_the_vectors(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof base64_cases / sizeof base64_cases[0]; i++) {
        buf_reset(&text);
        buf_add_text(&text, ">");
        value_write_base64((const uint8_t *)base64_cases[i].bytes, base64_cases[i].len, &text);
        if (strcmp(buf_text(&text) + 1, base64_cases[i].text) != 0)
            fail_msg("%s: %s", base64_cases[i].name, buf_text(&text));
    }
    buf_done(&text);
}

/* Bit by bit; refuses whatever the standard does not allow. */
static void slow_base64_decode(const char *text, size_t len, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_int_equal(len % 4, 0);
    size_t padding = 0;
    while (padding < len && padding < 2 && text[len - 1 - padding] == '=')
        padding++;
    unsigned byte = 0, bits = 0;
    for (size_t i = 0; i < len - padding; i++) {
        const char *found = text[i] != '\0' ? strchr(alphabet, text[i]) : NULL;
        assert_non_null(found);
        for (int bit = 5; bit >= 0; bit--) {
            byte = byte << 1 | ((unsigned)(found - alphabet) >> bit & 1u);
            if (++bits == 8) {
                buf_add_byte(out, (uint8_t)byte);
                byte = bits = 0;
            }
        }
    }
    assert_int_equal(bits, 2 * padding);
    assert_int_equal(byte, 0);
}

static void base64_is_decoded_by_another(void **state)
{
    (void)state;
    struct buf text = {0}, back = {0};
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[50];
        random_fill(bytes, sizeof bytes);
        size_t len = random_below(sizeof bytes + 1);
        buf_reset(&text);
        buf_reset(&back);
        value_write_base64(bytes, len, &text);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        slow_base64_decode((const char *)text.data, text.len, &back);
        assert_int_equal(back.len, len);
        if (len != 0)
            assert_memory_equal(back.data, bytes, len);
    }
    buf_done(&text);
    buf_done(&back);
}

#define BYTES(text) .len = sizeof(text) - 1, .bytes = (const uint8_t *)(text)

static const struct {
    const char *name;
    const char *type;
    struct value value;
    const char *text;
} json_cases[] = {
    {"string", "string", {VALUE_STRING, BYTES("a\"b")}, "\"a\\\"b\""},
    {"empty string", "string", {VALUE_STRING, BYTES("")}, "\"\""},
    {"string without memory", "string", {.tag = VALUE_STRING}, "\"\""},
    {"bytes of text", "bytes", {VALUE_BYTES, BYTES("a\nb")}, "\"a\\nb\""},
    {"bytes of no text", "bytes", {VALUE_BYTES, BYTES("foo\xff")}, "\"Zm9v/w==\""},
    {"no bytes", "bytes", {VALUE_BYTES, BYTES("")}, "\"\""},
    {"bytes without memory", "bytes", {.tag = VALUE_BYTES}, "\"\""},
    {"int", "int", {.tag = VALUE_INT, .integer = -12}, "-12"},
    {"greatest int", "int", {.tag = VALUE_INT, .integer = INT64_MAX}, "9223372036854775807"},
    {"least int", "int", {.tag = VALUE_INT, .integer = INT64_MIN}, "-9223372036854775808"},
    {"true", "bool", {.tag = VALUE_BOOL, .boolean = true}, "true"},
    {"false", "bool", {.tag = VALUE_BOOL, .boolean = false}, "false"},
    {"money", "money(USD)", {.tag = VALUE_MONEY, .integer = -5}, "\"-$0.05\""},
    {"money by code", "money(CHF)", {.tag = VALUE_MONEY, .integer = 100}, "\"CHF 1.00\""},
    {"timestamp",
     "timestamp",
     {.tag = VALUE_TIMESTAMP, .integer = 1500000000},
     "\"1970-01-01T00:00:01.5Z\""},
};

static void values_are_written_as_json(void **state)
{
    (void)state;
    struct buf text = {0};
    for (size_t i = 0; i < sizeof json_cases / sizeof json_cases[0]; i++) {
        buf_reset(&text);
        buf_add_text(&text, ">");
        value_write_json(&json_cases[i].value, type_of(json_cases[i].type), &text);
        if (strcmp(buf_text(&text) + 1, json_cases[i].text) != 0)
            fail_msg("%s: %s", json_cases[i].name, buf_text(&text));
    }
    buf_done(&text);
}

/* Whatever the bound: the same as the whole, or the beginning of it, a little beyond the bound. */
static void check_bounded(const struct value *value, struct type type)
{
    struct buf whole = {0}, part = {0};
    value_write_json(value, type, &whole);
    for (size_t max = 0; max <= whole.len + 1; max += 1 + whole.len / 5) {
        buf_reset(&part);
        bool fits = value_write_json_bounded(value, type, max, &part);
        assert_int_equal(fits, whole.len <= max);
        size_t same = fits ? whole.len : max < part.len - 1 ? max : part.len - 1;
        assert_true(part.len >= same && part.len <= max + 6 * 12288 + 16);
        assert_true(!fits || part.len == whole.len);
        assert_memory_equal(part.data, whole.data, same);
    }
    buf_done(&whole);
    buf_done(&part);
}

static void values_are_written_up_to_a_bound(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof json_cases / sizeof json_cases[0]; i++)
        check_bounded(&json_cases[i].value, type_of(json_cases[i].type));
    static uint8_t large[100000];
    const struct type text = type_of("string"), bytes = type_of("bytes"),
                      list = type_of("list(string)");
    struct buf nested = {0};
    for (int i = 0; i < 8; i++) {
        size_t len = 90000 + random_below(10000);
        memset(large, i % 2 == 0 ? 'x' : 1, len);
        struct value value = value_of_bytes(VALUE_STRING, large, len);
        check_bounded(&value, text);
        buf_reset(&nested);
        nested_add_head(VALUE_LIST, 3, &nested);
        for (int n = 0; n < 3; n++)
            nested_add(&value, &nested);
        value = value_of_bytes(VALUE_LIST, nested.data, nested.len);
        check_bounded(&value, list);
        value = value_of_bytes(VALUE_BYTES, large, len);
        check_bounded(&value, bytes);
        large[len / 2] = 0xff;
        check_bounded(&value, bytes);
    }
    buf_done(&nested);
}

/* Fills bytes with text, or with what is hardly ever text. Returns how many. */
static size_t random_content(uint8_t bytes[32], bool text)
{
    size_t len = random_below(33);
    random_fill(bytes, len);
    for (size_t i = 0; text && i < len; i++)
        bytes[i] &= 0x7f;
    return len;
}

/* All that is written is one JSON value of the right type, and bytes can be had back from it. */
static void written_values_are_json(void **state)
{
    (void)state;
    static const char *const names[] = {"string", "bytes",      "int",
                                        "bool",   "money(EUR)", "timestamp"};
    struct buf text = {0}, back = {0}, decoded = {0};
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[32];
        struct type type = type_of(names[random_below(sizeof names / sizeof names[0])]);
        struct value value = value_of_integer(type.tag, random_integer());
        if (type.tag == VALUE_BOOL)
            value = value_of_bool(random_below(2) == 0);
        else if (type.tag == VALUE_STRING || type.tag == VALUE_BYTES)
            value = value_of_bytes(
                type.tag, bytes,
                random_content(bytes, type.tag == VALUE_STRING || random_below(2) == 0));
        buf_reset(&text);
        value_write_json(&value, type, &text);
        enum json_type read = JSON_NULL;
        assert_int_equal(json_read(text.data, text.len, NULL, NULL, &read, NULL), 0);
        if (type.tag == VALUE_INT)
            assert_int_equal(read, JSON_NUMBER);
        else if (type.tag == VALUE_BOOL)
            assert_int_equal(read, value.boolean ? JSON_TRUE : JSON_FALSE);
        else
            assert_int_equal(read, JSON_STRING);
        if (type.tag != VALUE_STRING && type.tag != VALUE_BYTES)
            continue;
        const struct json_span span = {
            .start = text.data + 1, .len = text.len - 2, .type = JSON_STRING};
        size_t ignored;
        buf_reset(&back);
        buf_reset(&decoded);
        json_unescape(&span, &back);
        if (!utf8_valid(value.bytes, value.len, &ignored))
            slow_base64_decode((const char *)back.data, back.len, &decoded);
        const struct buf *content = decoded.len != 0 ? &decoded : &back;
        assert_int_equal(content->len, value.len);
        if (value.len != 0)
            assert_memory_equal(content->data, value.bytes, value.len);
    }
    buf_done(&text);
    buf_done(&back);
    buf_done(&decoded);
}

static void values_have_an_order(void **state)
{
    (void)state;
    const struct value rising[][2] = {
        {value_of_nothing(), value_of_integer(VALUE_INT, INT64_MIN)},
        {value_of_nothing(), value_of_bytes(VALUE_STRING, "", 0)},
        {value_of_bool(false), value_of_bool(true)},
        {value_of_integer(VALUE_INT, INT64_MIN), value_of_integer(VALUE_INT, INT64_MAX)},
        {value_of_integer(VALUE_DATE, -1), value_of_integer(VALUE_DATE, 0)},
        {value_of_bytes(VALUE_STRING, "", 0), value_of_bytes(VALUE_STRING, "\0", 1)},
        {value_of_bytes(VALUE_STRING, "ab", 2), value_of_bytes(VALUE_STRING, "abc", 3)},
        {value_of_bytes(VALUE_STRING, "b", 1), value_of_bytes(VALUE_STRING, "\xc3\xa4", 2)},
    };
    for (size_t i = 0; i < sizeof rising / sizeof rising[0]; i++) {
        assert_true(value_compare(&rising[i][0], &rising[i][1]) < 0);
        assert_true(value_compare(&rising[i][1], &rising[i][0]) > 0);
        assert_int_equal(value_compare(&rising[i][0], &rising[i][0]), 0);
    }
}

int main(int argc, char **argv)
{
    random_init("value_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_an_order),
        cmocka_unit_test(types_are_read_and_named),
        cmocka_unit_test(types_have_one_form),
        cmocka_unit_test(faults_in_types_are_told),
        cmocka_unit_test(types_differ_in_tag_and_currency),
        cmocka_unit_test(every_currency_makes_a_type),
        cmocka_unit_test(values_hold_what_they_are_made_of),
        cmocka_unit_test(base64_gives_the_vectors),
        cmocka_unit_test(base64_is_decoded_by_another),
        cmocka_unit_test(values_are_written_as_json),
        cmocka_unit_test(values_are_written_up_to_a_bound),
        cmocka_unit_test(written_values_are_json),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
