/* SPDX-License-Identifier: MIT */
/*
 * Takes the first line for a type, and those that follow for values of it. The name of a type is read
 * as that type. What is read as a value is one of the type, and the text of a value is read as that
 * value: as JSON has it, and by way of a string.
 */
#include "common/bounds.h"
#include "common/scalar.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "common/value_json.h"
#include "stages/kit/convert.h"
#include "stages/kit/text_value.h"
#include "tests/fuzz/fuzz.h"

static bool is_same(const struct value *a, const struct value *b)
{
    return a->tag == b->tag && value_compare(a, b) == 0;
}

/* The text of a value, as far as that is no JSON of its own. */
static void write_bare(const struct value *value, struct type type, struct buf *out)
{
    if (value->tag == VALUE_STRING || value->tag == VALUE_BYTES) {
        buf_add(out, value->bytes, value->len);
        return;
    }
    struct buf json = {0};
    value_write_json(value, type, &json);
    size_t quote = json.data[0] == '"' ? 1 : 0;
    buf_add(out, json.data + quote, json.len - 2 * quote);
    buf_done(&json);
}

static void check_text(const struct value *value, struct type type)
{
    struct buf text = {0};
    struct value again;
    const char *why = NULL;
    write_bare(value, type, &text);
    ALWAYS(scalar_parse(&type, buf_text(&text), text.len, NULL, &again, &why) == SCALAR_GOOD);
    ALWAYS(is_same(value, &again));
    buf_done(&text);
}

/* To another type, and back. */
static void check_way(const struct value *value, struct type type, struct type other)
{
    struct conversion there = {.from = type, .to = other}, back = {.from = other, .to = type};
    struct value converted, again;
    struct misfit misfit = {0};
    struct buf first = {0}, second = {0};
    if (convert_value(&there, value, &first, &converted, &misfit)) {
        ALWAYS(type_admits(other, &converted));
        /* A day is less than a moment. */
        bool lossless = type.tag != VALUE_TIMESTAMP || type_held(other).tag != VALUE_DATE;
        if (lossless && convert_can(other, type)) {
            ALWAYS(convert_value(&back, &converted, &second, &again, &misfit));
            ALWAYS(is_same(value, &again));
        }
    } else {
        ALWAYS(misfit.reason != NULL && misfit.what != NULL);
    }
    buf_done(&first);
    buf_done(&second);
}

static void check_conversions(const struct value *value, struct type type)
{
    static const char *const others[] = {
        "string",     "int",        "decimal(18,0)", "decimal(18,9)", "decimal(5,5)",  "money(USD)",
        "money(JPY)", "money(BHD)", "timestamp",     "date",          "optional(date)"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct type other;
        ALWAYS(type_parse(others[i], &other, NULL) == 0);
        if (convert_can(type, other) && type.tag != VALUE_STRING && type.tag != VALUE_BYTES)
            check_way(value, type, other);
    }
}

static void check_value(const uint8_t *bytes, size_t len, struct type type)
{
    static const struct scalar_form bare = {.bare_money = true};
    struct value value, other;
    const char *why = NULL, *other_why = NULL;
    const char *text = (const char *)bytes;
    enum scalar_fault fault = scalar_parse(&type, text, len, NULL, &value, &why);
    enum scalar_fault bare_fault = scalar_parse(&type, text, len, &bare, &other, &other_why);
    ALWAYS((fault == SCALAR_GOOD) == (why == NULL));
    ALWAYS((bare_fault == SCALAR_GOOD) == (other_why == NULL));
    /* What is an amount without a currency is all that is more. */
    ALWAYS(fault == bare_fault ||
           (fault == SCALAR_BAD_MONEY && type_held(type).tag == VALUE_MONEY));
    if (bare_fault != SCALAR_GOOD)
        return;
    ALWAYS(fault != SCALAR_GOOD || is_same(&value, &other));
    ALWAYS(scalar_admits(type, &other) && type_admits(type, &other));
    struct type held = type_held(type);
    check_text(&other, held);
    check_conversions(&other, held);
}

/*
 * Writes a type without what its one form may have more or less of: spaces but in patterns, zeros in
 * front of numbers, and no digits behind the point.
 */
static void squeeze(const char *text, struct buf *out)
{
    bool in_pattern = false;
    for (const char *at = text; *at != '\0'; at++) {
        if (in_pattern && at[0] == '\\' && at[1] != '\0')
            buf_add_byte(out, (uint8_t)*at++);
        else if (*at == '/')
            in_pattern = !in_pattern;
        bool is_inner_digit = at > text && strchr("0123456789", at[-1]) != NULL;
        bool is_zero = *at == '0' && at[1] >= '0' && at[1] <= '9' && !is_inner_digit;
        if (!in_pattern && strncmp(at, ",0)", 3) == 0)
            at += 2;
        if (in_pattern || (*at != ' ' && !is_zero))
            buf_add_byte(out, (uint8_t)*at);
    }
}

/* The name says what the text did: types with one name are one, so the name alone proves nothing. */
static void check_name(const char *text, const char *name)
{
    struct buf first = {0}, second = {0}, tight = {0};
    squeeze(text, &tight); /* twice: a space may have stood before a zero */
    squeeze(buf_text(&tight), &first);
    buf_reset(&tight);
    squeeze(name, &tight);
    squeeze(buf_text(&tight), &second);
    ALWAYS(strcmp(buf_text(&first), buf_text(&second)) == 0);
    buf_done(&tight);
    buf_done(&first);
    buf_done(&second);
}

static void check_type(const char *text, struct type type)
{
    char first[TYPE_NAME_BYTES_MAX], second[TYPE_NAME_BYTES_MAX];
    struct type again, optional = type_optional(type);
    const char *name = type_name(type, first);
    struct err e;
    ALWAYS(strlen(text) <= TYPE_TEXT_BYTES_MAX && strlen(name) <= TYPE_FORM_BYTES_MAX);
    check_name(text, name);
    ALWAYS(type_parse_name(name, &again, &e) == 0);
    ALWAYS(type_equal(type, again));
    ALWAYS(strcmp(type_name(again, second), name) == 0);
    ALWAYS(type_equal(type_optional(optional), optional));
    ALWAYS((type.tag == VALUE_OPTIONAL) == type_equal(type, optional));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, data + size};
    struct type type;
    struct err e = {0};
    char *text = fuzz_line(&in);
    int rc = type_parse(text, &type, &e);
    ALWAYS(rc == 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
    if (rc == 0)
        check_type(text, type);
    while (rc == 0 && fuzz_left(&in) != 0) {
        size_t len = fuzz_line_len(&in);
        check_value(in.at, len, type);
        fuzz_take_line(&in, len);
    }
    free(text);
    return 0;
}
