/* SPDX-License-Identifier: MIT */
#include "common/literal.h"

#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/decimal.h"
#include "common/pattern.h"
#include "common/scalar.h"
#include "common/text.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "common/utf8.h"

/* Numbers and durations are shorter; leading zeros can make them longer, and are then refused. */
#define SHORT_TEXT_BYTES_MAX 64u

static int refuse(int code, const char *why, const char **ret_why)
{
    *ret_why = why;
    return code;
}

static int parse_string(struct type type, const char *text, size_t len, struct value *value,
                        const char **ret_why)
{
    size_t bad_at;
    if (!utf8_valid((const uint8_t *)text, len, &bad_at))
        return refuse(ERR_INVALID, "is not UTF-8", ret_why);
    *value = value_of_bytes(VALUE_STRING, text, len);
    if (!scalar_admits(type, value))
        return refuse(ERR_RANGE, "has fewer or more characters than its type allows", ret_why);
    if (type.detail == NULL || type.detail->pattern == NULL)
        return 0;
    switch (pattern_match(type.detail->pattern, value->bytes, len)) {
    case PATTERN_MATCH:
        return 0;
    case PATTERN_TOO_HARD:
        return refuse(ERR_TOO_HARD,
                      "takes more than " PATTERN_BOUNDS_TEXT
                      " to match with the pattern of its type",
                      ret_why);
    default:
        return refuse(ERR_NOT_FOUND, "does not match the pattern of its type", ret_why);
    }
}

static int parse_number(struct type type, const char *text, size_t len, struct value *value,
                        const char **ret_why)
{
    char digits[SHORT_TEXT_BYTES_MAX];
    int rc = ERR_INVALID;
    int64_t number = 0;
    bool negative = type.tag == VALUE_DURATION && len != 0 && *text == '-';
    if (len < sizeof digits && memchr(text, '\0', len) == NULL) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        rc = type.tag == VALUE_INT ? text_parse_int(digits, &number)
                                   : text_parse_duration(digits + negative, &number);
    }
    if (rc == ERR_RANGE)
        return refuse(rc, "does not fit 64 bits", ret_why);
    if (rc != 0)
        return refuse(rc,
                      type.tag == VALUE_INT ? "is no whole number"
                                            : "is no duration, like 14d, 1h30m or -5s",
                      ret_why);
    *value = value_of_integer(type.tag, negative ? -number : number);
    return 0;
}

static int parse_money(struct type type, const char *text, size_t len, struct value *value,
                       const char **ret_why)
{
    int64_t minor;
    switch (money_parse(text, len, type.currency, &minor)) {
    case MONEY_OK:
        *value = value_of_integer(VALUE_MONEY, minor);
        return 0;
    case MONEY_BAD_FORM:
        return refuse(ERR_INVALID, "is no amount with a currency, like $12.34", ret_why);
    case MONEY_WRONG_CURRENCY:
        return refuse(ERR_INVALID, "is in another currency", ret_why);
    case MONEY_TOO_MANY_DECIMALS:
        return refuse(ERR_INVALID, "has more decimals than its currency", ret_why);
    case MONEY_OVERFLOW:
        break;
    }
    return refuse(ERR_RANGE, "is larger than an amount can be", ret_why);
}

static int parse_timestamp(const char *text, size_t len, struct value *value, const char **ret_why)
{
    int64_t ns;
    switch (timestamp_parse(text, len, &ns)) {
    case TIMESTAMP_OK:
        *value = value_of_integer(VALUE_TIMESTAMP, ns);
        return 0;
    case TIMESTAMP_BAD_FORM:
        return refuse(ERR_INVALID, "is no RFC 3339 time, like 2000-01-01T00:00:00Z", ret_why);
    case TIMESTAMP_OVERFLOW:
        break;
    }
    return refuse(ERR_RANGE, "lies outside the years 1677 to 2262", ret_why);
}

static int parse_decimal(struct type type, const char *text, size_t len, struct value *value,
                         const char **ret_why)
{
    int64_t scaled;
    int rc = decimal_parse(text, len, type.precision, type.scale, &scaled);
    if (rc == ERR_RANGE)
        return refuse(rc, "has more digits than its type allows", ret_why);
    if (rc != 0)
        return refuse(rc, "is no number like 12.50, with the decimals that its type has", ret_why);
    *value = value_of_integer(VALUE_DECIMAL, scaled);
    return 0;
}

static int parse_enum(struct type type, const char *text, size_t len, struct value *value,
                      const char **ret_why)
{
    const struct type_detail *detail = type.detail;
    for (size_t i = 0; i < detail->name_count; i++) {
        if (strlen(detail->names[i]) == len && memcmp(detail->names[i], text, len) == 0) {
            *value = value_of_integer(VALUE_ENUM, (int64_t)i);
            return 0;
        }
    }
    return refuse(ERR_NOT_FOUND, "is no name of its enum", ret_why);
}

static bool is_word(const char *text, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int parse(struct type type, const char *text, size_t len, struct value *value,
                 const char **ret_why)
{
    int64_t days;
    switch (type.tag) {
    case VALUE_STRING:
        return parse_string(type, text, len, value, ret_why);
    case VALUE_BYTES:
        *value = value_of_bytes(VALUE_BYTES, text, len);
        return 0;
    case VALUE_INT:
    case VALUE_DURATION:
        return parse_number(type, text, len, value, ret_why);
    case VALUE_BOOL:
        if (!is_word(text, len, "true") && !is_word(text, len, "false"))
            return refuse(ERR_INVALID, "is neither true nor false", ret_why);
        *value = value_of_bool(*text == 't');
        return 0;
    case VALUE_MONEY:
        return parse_money(type, text, len, value, ret_why);
    case VALUE_TIMESTAMP:
        return parse_timestamp(text, len, value, ret_why);
    case VALUE_DECIMAL:
        return parse_decimal(type, text, len, value, ret_why);
    case VALUE_DATE:
        if (timestamp_parse_date(text, len, &days) != TIMESTAMP_OK)
            return refuse(ERR_INVALID, "is no date, like 2000-01-31", ret_why);
        *value = value_of_integer(VALUE_DATE, days);
        return 0;
    case VALUE_ENUM:
        return parse_enum(type, text, len, value, ret_why);
    case VALUE_LIST:
    case VALUE_MAP:
        return refuse(ERR_INVALID, "is a list or a map, which cannot be written as one text",
                      ret_why);
    case VALUE_OPTIONAL:
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

int literal_parse(struct type type, const char *text, size_t len, struct value *ret_value,
                  const char **ret_why)
{
    struct value value;
    int rc = parse(type.tag == VALUE_OPTIONAL ? type_item(type) : type, text, len, &value, ret_why);
    if (rc == 0)
        *ret_value = value;
    return rc;
}
