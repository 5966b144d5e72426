/* SPDX-License-Identifier: MIT */
#include "common/scalar.h"

#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/decimal.h"
#include "common/err.h"
#include "common/pattern.h"
#include "common/text.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "common/utf8.h"

/* Numbers and durations are shorter; texts made longer by leading zeros are refused. */
#define SHORT_TEXT_BYTES_MAX 64u

static enum scalar_fault refuse(enum scalar_fault fault, const char *why, const char **ret_why)
{
    *ret_why = why;
    return fault;
}

static enum scalar_fault parse_string(const struct type *type, const char *text, size_t len,
                                      struct value *ret_value, const char **ret_why)
{
    size_t bad_at;
    if (!utf8_valid((const uint8_t *)text, len, &bad_at))
        return refuse(SCALAR_NOT_UTF8, "is not UTF-8", ret_why);
    struct value value = value_of_bytes(VALUE_STRING, text, len);
    if (!scalar_admits(*type, &value))
        return refuse(SCALAR_BAD_VALUE, "has fewer or more characters than its type allows",
                      ret_why);
    struct pattern *pattern = type->detail != NULL ? type->detail->pattern : NULL;
    enum pattern_result result =
        pattern != NULL ? pattern_match(pattern, value.bytes, len) : PATTERN_MATCH;
    if (result == PATTERN_TOO_HARD)
        return refuse(SCALAR_TOO_HARD,
                      "takes more than " PATTERN_BOUNDS_TEXT
                      " to match against the pattern of its type",
                      ret_why);
    if (result != PATTERN_MATCH)
        return refuse(SCALAR_BAD_VALUE, "does not match the pattern of its type", ret_why);
    *ret_value = value;
    return SCALAR_GOOD;
}

static enum scalar_fault parse_number(enum value_tag tag, const char *text, size_t len,
                                      struct value *ret_value, const char **ret_why)
{
    char digits[SHORT_TEXT_BYTES_MAX];
    int rc = ERR_INVALID;
    int64_t number = 0;
    bool negative = tag == VALUE_DURATION && len != 0 && *text == '-';
    if (len < sizeof digits && memchr(text, '\0', len) == NULL) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        rc = tag == VALUE_INT ? text_parse_int(digits, &number)
                              : text_parse_duration(digits + negative, &number);
    }
    if (rc == ERR_RANGE)
        return refuse(SCALAR_OVERFLOW, "does not fit 64 bits", ret_why);
    if (rc != 0)
        return refuse(SCALAR_BAD_VALUE,
                      tag == VALUE_INT ? "is not a whole number"
                                       : "is not a duration, like 14d, 1h30m or -5s",
                      ret_why);
    *ret_value = value_of_integer(tag, negative ? -number : number);
    return SCALAR_GOOD;
}

static enum scalar_fault refuse_money(enum money_result result, bool bare, const char **ret_why)
{
    switch (result) {
    case MONEY_BAD_FORM:
        return refuse(SCALAR_BAD_MONEY,
                      bare ? "is not an amount, like 12.34 or $12.34"
                           : "is not an amount with a currency, like $12.34",
                      ret_why);
    case MONEY_WRONG_CURRENCY:
        return refuse(SCALAR_WRONG_CURRENCY, "is in another currency", ret_why);
    case MONEY_TOO_MANY_DECIMALS:
        return refuse(SCALAR_TOO_MANY_DECIMALS, "has more decimals than its currency", ret_why);
    case MONEY_OVERFLOW:
        return refuse(SCALAR_OVERFLOW, "is larger than an amount can be", ret_why);
    case MONEY_OK:
        break;
    }
    UNREACHABLE();
}

static enum scalar_fault parse_money(const struct type *type, const char *text, size_t len,
                                     const struct scalar_form *form, struct value *ret_value,
                                     const char **ret_why)
{
    int64_t minor;
    bool bare = form != NULL && form->bare_money;
    enum money_result result = money_parse(text, len, type->currency, &minor);
    if (result == MONEY_BAD_FORM && bare)
        result = money_parse_bare(text, len, type->currency, &minor);
    if (result != MONEY_OK)
        return refuse_money(result, bare, ret_why);
    *ret_value = value_of_integer(VALUE_MONEY, minor);
    return SCALAR_GOOD;
}

static enum scalar_fault parse_timestamp(const char *text, size_t len,
                                         const struct scalar_form *form, struct value *ret_value,
                                         const char **ret_why)
{
    int64_t ns;
    bool own_form = form != NULL && form->timestamp != NULL;
    enum timestamp_result result = own_form ? timestamp_form_parse(form->timestamp, text, len, &ns)
                                            : timestamp_parse(text, len, &ns);
    if (result == TIMESTAMP_OVERFLOW)
        return refuse(SCALAR_OVERFLOW, "lies outside the years 1677 to 2262", ret_why);
    if (result != TIMESTAMP_OK)
        return refuse(SCALAR_BAD_TIMESTAMP,
                      own_form ? "is not a time in the required form"
                               : "is not an RFC 3339 time, like 2000-01-01T00:00:00Z",
                      ret_why);
    *ret_value = value_of_integer(VALUE_TIMESTAMP, ns);
    return SCALAR_GOOD;
}

static enum scalar_fault parse_decimal(const struct type *type, const char *text, size_t len,
                                       struct value *ret_value, const char **ret_why)
{
    int64_t scaled;
    int rc = decimal_parse(text, len, type->precision, type->scale, &scaled);
    if (rc == ERR_RANGE)
        return refuse(SCALAR_OVERFLOW, "has more digits than its type allows", ret_why);
    if (rc != 0)
        return refuse(SCALAR_BAD_VALUE,
                      "is not a number like 12.50, with no more decimals than its type has",
                      ret_why);
    *ret_value = value_of_integer(VALUE_DECIMAL, scaled);
    return SCALAR_GOOD;
}

static enum scalar_fault parse_date(const char *text, size_t len, struct value *ret_value,
                                    const char **ret_why)
{
    int64_t days;
    if (timestamp_parse_date(text, len, &days) != TIMESTAMP_OK)
        return refuse(SCALAR_BAD_VALUE, "is not a date, like 2000-01-31", ret_why);
    *ret_value = value_of_integer(VALUE_DATE, days);
    return SCALAR_GOOD;
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static enum scalar_fault parse_bool(const char *text, size_t len, struct value *ret_value,
                                    const char **ret_why)
{
    if (!is_word(text, len, "true") && !is_word(text, len, "false"))
        return refuse(SCALAR_BAD_VALUE, "is neither true nor false", ret_why);
    *ret_value = value_of_bool(*text == 't');
    return SCALAR_GOOD;
}

static enum scalar_fault parse_enum(const struct type *type, const char *text, size_t len,
                                    struct value *ret_value, const char **ret_why)
{
    for (size_t i = 0; i < type->detail->name_count; i++) {
        if (is_word(text, len, type->detail->names[i])) {
            *ret_value = value_of_integer(VALUE_ENUM, (int64_t)i);
            return SCALAR_GOOD;
        }
    }
    return refuse(SCALAR_BAD_VALUE, "is not a name of its enum", ret_why);
}

enum scalar_fault scalar_parse_any(const struct type *type, const char *text, size_t len,
                                   const struct scalar_form *form, struct value *ret_value,
                                   const char **ret_why)
{
    if (type->tag == VALUE_OPTIONAL)
        type = &type->detail->item;
    switch (type->tag) {
    case VALUE_STRING:
        return parse_string(type, text, len, ret_value, ret_why);
    case VALUE_BYTES:
        *ret_value = value_of_bytes(VALUE_BYTES, text, len);
        return SCALAR_GOOD;
    case VALUE_INT:
    case VALUE_DURATION:
        return parse_number(type->tag, text, len, ret_value, ret_why);
    case VALUE_BOOL:
        return parse_bool(text, len, ret_value, ret_why);
    case VALUE_MONEY:
        return parse_money(type, text, len, form, ret_value, ret_why);
    case VALUE_TIMESTAMP:
        return parse_timestamp(text, len, form, ret_value, ret_why);
    case VALUE_DECIMAL:
        return parse_decimal(type, text, len, ret_value, ret_why);
    case VALUE_DATE:
        return parse_date(text, len, ret_value, ret_why);
    case VALUE_ENUM:
        return parse_enum(type, text, len, ret_value, ret_why);
    case VALUE_LIST:
    case VALUE_MAP:
        return refuse(SCALAR_BAD_VALUE, "is a list or a map, which cannot be written as one text",
                      ret_why);
    case VALUE_OPTIONAL:
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

static bool string_admitted(const struct type_detail *detail, const struct value *value)
{
    size_t bad_at;
    if (!utf8_valid(value->bytes, value->len, &bad_at))
        return false;
    if (detail == NULL || (detail->chars_min == 0 && detail->chars_max == UINT32_MAX))
        return true;
    size_t chars = utf8_count(value->bytes, value->len);
    return chars >= detail->chars_min && chars <= detail->chars_max;
}

bool scalar_admits(struct type type, const struct value *value)
{
    if (type.tag == VALUE_OPTIONAL) {
        if (value->tag == VALUE_OPTIONAL)
            return true;
        type = type_item(type);
    }
    if (value->tag != type.tag)
        return false;
    int64_t bound;
    switch (type.tag) {
    case VALUE_STRING:
        return string_admitted(type.detail, value);
    case VALUE_DECIMAL:
        bound = decimal_bound(type.precision);
        return value->integer > -bound && value->integer < bound;
    case VALUE_DATE:
        return value->integer >= TIMESTAMP_DAYS_MIN && value->integer <= TIMESTAMP_DAYS_MAX;
    case VALUE_DURATION:
        return value->integer != INT64_MIN; /* so that it can be negated */
    case VALUE_ENUM:
        return value->integer >= 0 && (uint64_t)value->integer < type.detail->name_count;
    default:
        return true;
    }
}
