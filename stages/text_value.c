/* SPDX-License-Identifier: MIT */
#include "stages/text_value.h"

#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/literal.h"
#include "common/text.h"
#include "common/type.h"
#include "common/utf8.h"

/* Longer texts of a number are not looked at; none with so many digits fits 64 bits. */
#define NUMBER_BYTES_MAX 64u

static bool is_misfit(struct misfit *ret_misfit, enum dead_reason reason, const char *what)
{
    *ret_misfit = (struct misfit){reason, what};
    return false;
}

/* What is read the same everywhere, and strings with the bounds of their type. */
static bool read_literal(const uint8_t *text, size_t len, struct type type, struct value *ret_value,
                         struct misfit *ret_misfit)
{
    const char *why;
    int rc = literal_parse(type, (const char *)text, len, ret_value, &why);
    if (rc == 0)
        return true;
    bool too_large = rc == ERR_RANGE && type.tag != VALUE_STRING;
    return is_misfit(ret_misfit, too_large ? DEAD_OVERFLOW : DEAD_BAD_VALUE, why);
}

static bool read_string(const uint8_t *text, size_t len, struct type type, struct value *ret_value,
                        struct misfit *ret_misfit)
{
    size_t bad_at;
    if (!utf8_valid(text, len, &bad_at))
        return is_misfit(ret_misfit, DEAD_NOT_UTF8, "is no UTF-8");
    return read_literal(text, len, type, ret_value, ret_misfit);
}

static bool read_int(const uint8_t *text, size_t len, struct value *ret_value,
                     struct misfit *ret_misfit)
{
    char digits[NUMBER_BYTES_MAX + 1];
    int64_t number;
    int rc = ERR_INVALID;
    if (len <= NUMBER_BYTES_MAX && memchr(text, '\0', len) == NULL) {
        memcpy(digits, text, len);
        digits[len] = '\0';
        rc = text_parse_int(digits, &number);
    }
    if (rc == ERR_RANGE)
        return is_misfit(ret_misfit, DEAD_OVERFLOW, "does not fit 64 bits");
    if (rc != 0)
        return is_misfit(ret_misfit, DEAD_BAD_VALUE, "is no whole number");
    *ret_value = value_of_integer(VALUE_INT, number);
    return true;
}

static bool read_bool(const uint8_t *text, size_t len, struct value *ret_value,
                      struct misfit *ret_misfit)
{
    bool is_true = len == 4 && memcmp(text, "true", 4) == 0;
    if (!is_true && (len != 5 || memcmp(text, "false", 5) != 0))
        return is_misfit(ret_misfit, DEAD_BAD_VALUE, "is neither true nor false");
    *ret_value = value_of_bool(is_true);
    return true;
}

static bool read_money(const char *text, size_t len, struct currency currency,
                       struct value *ret_value, struct misfit *ret_misfit)
{
    int64_t minor = 0;
    enum money_result result = money_parse(text, len, currency, &minor);
    if (result == MONEY_BAD_FORM)
        result = money_parse_bare(text, len, currency, &minor);
    switch (result) {
    case MONEY_OK:
        *ret_value = value_of_integer(VALUE_MONEY, minor);
        return true;
    case MONEY_BAD_FORM:
        return is_misfit(ret_misfit, DEAD_BAD_MONEY, "is no amount, like 12.34 or $12.34");
    case MONEY_WRONG_CURRENCY:
        return is_misfit(ret_misfit, DEAD_WRONG_CURRENCY, "is in another currency");
    case MONEY_TOO_MANY_DECIMALS:
        return is_misfit(ret_misfit, DEAD_TOO_MANY_DECIMALS, "has more decimals than its currency");
    case MONEY_OVERFLOW:
        break;
    }
    return is_misfit(ret_misfit, DEAD_OVERFLOW, "is larger than an amount can be");
}

static bool read_timestamp(const char *text, size_t len, const struct timestamp_form *form,
                           struct value *ret_value, struct misfit *ret_misfit)
{
    int64_t ns = 0;
    enum timestamp_result result =
        form != NULL ? timestamp_form_parse(form, text, len, &ns) : timestamp_parse(text, len, &ns);
    switch (result) {
    case TIMESTAMP_OK:
        *ret_value = value_of_integer(VALUE_TIMESTAMP, ns);
        return true;
    case TIMESTAMP_BAD_FORM:
        return is_misfit(ret_misfit, DEAD_BAD_TIMESTAMP,
                         form != NULL ? "is no time in the form that it should have"
                                      : "is no RFC 3339 time, like 2000-01-01T00:00:00Z");
    case TIMESTAMP_OVERFLOW:
        break;
    }
    return is_misfit(ret_misfit, DEAD_OVERFLOW, "lies outside the years 1677 to 2262");
}

bool text_value_can_read(struct type type)
{
    enum value_tag tag = type.tag == VALUE_OPTIONAL ? type_item(type).tag : type.tag;
    return tag != VALUE_LIST && tag != VALUE_MAP;
}

bool text_value_read(const uint8_t *text, size_t len, struct type type,
                     const struct timestamp_form *form, struct value *ret_value,
                     struct misfit *ret_misfit)
{
    switch (type.tag) {
    case VALUE_STRING:
        return read_string(text, len, type, ret_value, ret_misfit);
    case VALUE_BYTES:
        *ret_value = value_of_bytes(VALUE_BYTES, text, len);
        return true;
    case VALUE_INT:
        return read_int(text, len, ret_value, ret_misfit);
    case VALUE_BOOL:
        return read_bool(text, len, ret_value, ret_misfit);
    case VALUE_MONEY:
        return read_money((const char *)text, len, type.currency, ret_value, ret_misfit);
    case VALUE_TIMESTAMP:
        return read_timestamp((const char *)text, len, form, ret_value, ret_misfit);
    case VALUE_OPTIONAL:
        return text_value_read(text, len, type_item(type), form, ret_value, ret_misfit);
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        return read_literal(text, len, type, ret_value, ret_misfit);
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}
