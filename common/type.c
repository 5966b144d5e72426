/* SPDX-License-Identifier: MIT */
/*
 * Reads types: read_type() reads a name and, in parentheses, what its tag needs. Every part is
 * written in canonical form, so that two types are the same if their texts are.
 */
#include "common/type.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/pattern.h"
#include "common/text.h"

static const char *const tag_names[VALUE_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = name,
    VALUE_TAG_LIST(X)
#undef X
};

/* Examples of each type, for error messages. */
static const char *const examples[VALUE_TAG_COUNT] = {
    [VALUE_STRING] = "string",
    [VALUE_BYTES] = "bytes",
    [VALUE_INT] = "int",
    [VALUE_BOOL] = "bool",
    [VALUE_MONEY] = "money(USD)",
    [VALUE_TIMESTAMP] = "timestamp",
    [VALUE_DECIMAL] = "decimal(10,2)",
    [VALUE_DATE] = "date",
    [VALUE_DURATION] = "duration",
    [VALUE_ENUM] = "enum(open, closed)",
    [VALUE_LIST] = "list(int)",
    [VALUE_MAP] = "map(int)",
    [VALUE_OPTIONAL] = "optional(int)",
};

/* All details. They are few, and live as long as the process. */
static struct type_detail *details;

struct reader {
    const char *at;
    struct err *e;
};

static int fail(const struct reader *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int fail(const struct reader *r, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return err_set(r->e, ERR_INVALID, "%s", text);
}

static void skip_spaces(struct reader *r)
{
    while (*r->at == ' ')
        r->at++;
}

static bool take(struct reader *r, char wanted)
{
    skip_spaces(r);
    if (*r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* The length of the word before the next sign that ends one. */
static size_t word_len(const struct reader *r)
{
    return strcspn(r->at, "(), ");
}

static int close_type(struct reader *r, const char *name)
{
    if (take(r, ')'))
        return 0;
    skip_spaces(r);
    if (*r->at == '\0')
        return fail(r,
                    "the ')' of '%s(' is missing; inside { }, a type with a comma needs quotes: "
                    "\"decimal(10,2)\"",
                    name);
    return fail(r, "unexpected '%s' in '%s(...)'; expected ')'", r->at, name);
}

static bool read_number(struct reader *r, uint32_t max, uint32_t *ret_number)
{
    skip_spaces(r);
    uint64_t number = 0;
    const char *start = r->at;
    for (; *r->at >= '0' && *r->at <= '9' && r->at - start < 10; r->at++)
        number = number * 10 + (uint64_t)(*r->at - '0');
    if (r->at == start || number > max)
        return false;
    *ret_number = (uint32_t)number;
    return true;
}

static void free_detail(struct type_detail *detail)
{
    for (size_t i = 0; i < detail->name_count; i++)
        free(detail->names[i]);
    free(detail->names);
    pattern_free(detail->pattern);
    free(detail->text);
    free(detail);
}

/* The detail with this text: an existing one, after freeing this one, or else this one. */
static const struct type_detail *intern(struct type_detail *detail)
{
    for (struct type_detail *other = details; other != NULL; other = other->next) {
        if (strcmp(other->text, detail->text) == 0) {
            free_detail(detail);
            return other;
        }
    }
    detail->next = details;
    details = detail;
    return detail;
}

static int read_money(struct reader *r, struct type *type)
{
    if (!take(r, '('))
        return fail(r, "money needs its currency: 'money(USD)'");
    skip_spaces(r);
    size_t len = word_len(r);
    if (money_currency_find(r->at, len, &type->currency) != 0)
        return fail(r, "'%.*s' is not an ISO 4217 currency code that bulkhead knows",
                    len < 32 ? (int)len : 32, r->at);
    r->at += len;
    return close_type(r, "money");
}

static int read_decimal(struct reader *r, struct type *type)
{
    uint32_t precision = 0, scale = 0;
    if (!take(r, '(') || !read_number(r, DECIMAL_PRECISION_MAX, &precision) || precision == 0)
        return fail(r,
                    "decimal needs its number of digits, 1 to %u, and how many of them come after "
                    "the point: 'decimal(10,2)'",
                    DECIMAL_PRECISION_MAX);
    if (!take(r, ','))
        return *r->at == ')'
                   ? fail(r, "decimal needs two numbers: 'decimal(%" PRIu32 ",2)'", precision)
                   : close_type(r, "decimal");
    if (!read_number(r, precision, &scale))
        return fail(r,
                    "a decimal of %" PRIu32 " digits has 0 to %" PRIu32 " of them after the point",
                    precision, precision);
    type->precision = (uint8_t)precision;
    type->scale = (uint8_t)scale;
    return close_type(r, "decimal");
}

/* Reads /pattern/. A slash in it is written \/, which means the same in the pattern. */
static int read_pattern(struct reader *r, struct type_detail *detail, struct buf *text)
{
    const char *start = ++r->at;
    while (*r->at != '\0' && *r->at != '/')
        r->at += *r->at == '\\' && r->at[1] != '\0' ? 2 : 1;
    size_t len = (size_t)(r->at - start), fault;
    if (*r->at != '/')
        return fail(r, "the pattern /%s has no closing '/'", start);
    r->at++;
    struct err why;
    if (pattern_compile(start, len, &detail->pattern, &fault, &why) != 0)
        return fail(r, "'%.*s' is not a regular expression: %s, at character %zu",
                    len < 128 ? (int)len : 128, start, why.text, fault + 1);
    buf_add_format(text, "%s/%.*s/", text->len != 0 ? ", " : "", (int)len, start);
    return 0;
}

static int read_string(struct reader *r, struct type_detail *detail, struct buf *text)
{
    detail->chars_max = UINT32_MAX;
    skip_spaces(r);
    if (*r->at != '/') {
        if (!read_number(r, RECORD_BYTES_MAX, &detail->chars_min) || *r->at++ != '.' ||
            *r->at++ != '.' || !read_number(r, RECORD_BYTES_MAX, &detail->chars_max) ||
            detail->chars_min > detail->chars_max)
            return fail(r, "string takes a range of lengths in characters, a pattern, or both: "
                           "'string(1..64, /^[a-z]+$/)'");
        buf_add_format(text, "%" PRIu32 "..%" PRIu32, detail->chars_min, detail->chars_max);
        if (!take(r, ','))
            return close_type(r, "string");
        skip_spaces(r);
        if (*r->at != '/')
            return fail(
                r, "the lengths of a string can be followed only by a pattern between slashes: "
                   "'string(1..64, /^[a-z]+$/)'");
    }
    int rc = read_pattern(r, detail, text);
    return rc != 0 ? rc : close_type(r, "string");
}

static bool is_enum_name(const char *text, size_t len)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    return len != 0 && len <= NAME_BYTES_MAX && strspn(text, letters) >= len;
}

static int read_enum(struct reader *r, struct type_detail *detail, struct buf *text)
{
    detail->names = memory_new(ENUM_NAMES_MAX, sizeof *detail->names);
    do {
        skip_spaces(r);
        size_t len = word_len(r);
        int shown = len < 64 ? (int)len : 64;
        if (!is_enum_name(r->at, len))
            return fail(r,
                        "'%.*s' is not a name for an enum; use letters, digits, '.', '-' and '_', "
                        "1 to %u characters: 'enum(open, closed)'",
                        shown, r->at, NAME_BYTES_MAX);
        if (detail->name_count == ENUM_NAMES_MAX)
            return fail(r, "an enum can have at most %u names", ENUM_NAMES_MAX);
        for (size_t i = 0; i < detail->name_count; i++) {
            if (strlen(detail->names[i]) == len && memcmp(detail->names[i], r->at, len) == 0)
                return fail(r, "the enum has '%.*s' twice", shown, r->at);
        }
        buf_add_format(text, "%s%.*s", detail->name_count != 0 ? ", " : "", (int)len, r->at);
        detail->names[detail->name_count++] = memory_dup(r->at, len);
        r->at += len;
    } while (take(r, ','));
    return close_type(r, "enum");
}

static int read_type(struct reader *r, unsigned depth, struct type *ret_type);

static int read_item(struct reader *r, enum value_tag tag, unsigned depth,
                     struct type_detail *detail, struct buf *text)
{
    if (depth == TYPE_DEPTH_MAX)
        return fail(r, "types are nested more than %u deep", TYPE_DEPTH_MAX);
    int rc = read_type(r, depth + 1, &detail->item);
    if (rc != 0)
        return rc;
    if (tag == VALUE_OPTIONAL && detail->item.tag == VALUE_OPTIONAL)
        return fail(r, "an optional type cannot hold another optional type");
    char name[TYPE_NAME_BYTES_MAX];
    buf_add_text(text, type_name(detail->item, name));
    return close_type(r, tag_names[tag]);
}

/* Reads the types whose parentheses need memory of their own. */
static int read_detail(struct reader *r, struct type *type, unsigned depth)
{
    if (!take(r, '('))
        return type->tag == VALUE_STRING ? 0
                                         : fail(r, "%s needs its content in parentheses: '%s'",
                                                tag_names[type->tag], examples[type->tag]);
    struct type_detail *detail = memory_new(1, sizeof *detail);
    struct buf text = {0};
    int rc = 0;
    if (type->tag == VALUE_STRING)
        rc = read_string(r, detail, &text);
    else if (type->tag == VALUE_ENUM)
        rc = read_enum(r, detail, &text);
    else
        rc = read_item(r, type->tag, depth, detail, &text);
    if (rc == 0) {
        detail->text = memory_format("%s(%s)", tag_names[type->tag], buf_text(&text));
        type->detail = intern(detail);
    } else {
        free_detail(detail);
    }
    buf_done(&text);
    return rc;
}

static int no_such_type(struct reader *r, const char *name, size_t len)
{
    char word[64];
    (void)snprintf(word, sizeof word, "%.*s", len < 63 ? (int)len : 63, name);
    size_t tag = 0;
    const char *nearest = text_nearest(word, tag_names, VALUE_TAG_COUNT);
    while (nearest != NULL && tag_names[tag] != nearest)
        tag++;
    if (nearest != NULL)
        return fail(r, "did you mean '%s'?", name[len] == '(' ? nearest : examples[tag]);
    struct buf all = {0};
    for (size_t i = 0; i < VALUE_TAG_COUNT; i++)
        buf_add_format(&all, "%s%s", i != 0 ? ", " : "", examples[i]);
    int rc = fail(r, "types are %s", buf_text(&all));
    buf_done(&all);
    return rc;
}

static int read_type(struct reader *r, unsigned depth, struct type *ret_type)
{
    skip_spaces(r);
    const char *name = r->at;
    size_t len = word_len(r);
    for (int tag = 0; tag < VALUE_TAG_COUNT; tag++) {
        if (strlen(tag_names[tag]) != len || memcmp(tag_names[tag], name, len) != 0)
            continue;
        r->at += len;
        *ret_type = (struct type){.tag = (enum value_tag)tag};
        switch (ret_type->tag) {
        case VALUE_MONEY:
            return read_money(r, ret_type);
        case VALUE_DECIMAL:
            return read_decimal(r, ret_type);
        case VALUE_STRING:
        case VALUE_ENUM:
        case VALUE_LIST:
        case VALUE_MAP:
        case VALUE_OPTIONAL:
            return read_detail(r, ret_type, depth);
        default:
            return take(r, '(') ? fail(r, "%s takes no parentheses", tag_names[tag]) : 0;
        }
    }
    return no_such_type(r, name, len);
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((uint8_t)*text < 0x20 || *text == 0x7f)
            return true;
    }
    return false;
}

static int parse(const char *text, size_t bytes_max, struct type *ret_type, struct err *e)
{
    struct reader r = {.at = text, .e = e};
    if (strlen(text) > bytes_max)
        return fail(&r, "a type can have at most %zu characters", bytes_max);
    if (has_control(text))
        return fail(&r, "a type is one line, without control characters");
    if (*text == ' ' || (*text != '\0' && text[strlen(text) - 1] == ' '))
        return fail(&r, "leading or trailing space");
    struct type type;
    int rc = read_type(&r, 0, &type);
    if (rc != 0)
        return rc;
    if (*r.at != '\0')
        return fail(&r, "unexpected '%s' after the type", r.at);
    *ret_type = type;
    return 0;
}

int type_parse(const char *text, struct type *ret_type, struct err *e)
{
    return parse(text, TYPE_TEXT_BYTES_MAX, ret_type, e);
}

int type_parse_name(const char *text, struct type *ret_type, struct err *e)
{
    return parse(text, TYPE_FORM_BYTES_MAX, ret_type, e);
}

struct type type_optional(struct type type)
{
    if (type.tag == VALUE_OPTIONAL)
        return type;
    char name[TYPE_NAME_BYTES_MAX];
    struct type_detail *detail = memory_new(1, sizeof *detail);
    detail->item = type;
    detail->text = memory_format("optional(%s)", type_name(type, name));
    return (struct type){.tag = VALUE_OPTIONAL, .detail = intern(detail)};
}

bool type_equal(struct type a, struct type b)
{
    return a.tag == b.tag && a.currency.index == b.currency.index && a.precision == b.precision &&
           a.scale == b.scale && a.detail == b.detail;
}

const char *type_name(struct type type, char ret_text[TYPE_NAME_BYTES_MAX])
{
    if (type.detail != NULL)
        return type.detail->text;
    if (type.tag == VALUE_MONEY)
        (void)snprintf(ret_text, TYPE_NAME_BYTES_MAX, "money(%s)",
                       money_currency_code(type.currency));
    else if (type.tag == VALUE_DECIMAL)
        (void)snprintf(ret_text, TYPE_NAME_BYTES_MAX, "decimal(%u,%u)", type.precision, type.scale);
    else
        (void)snprintf(ret_text, TYPE_NAME_BYTES_MAX, "%s", tag_names[type.tag]);
    return ret_text;
}
