/* SPDX-License-Identifier: MIT */
#include "stages/kit/text_value.h"

#include "common/err.h"
#include "common/literal.h"
#include "common/type.h"

static bool is_misfit(struct misfit *ret_misfit, enum dead_reason reason, const char *what)
{
    *ret_misfit = (struct misfit){reason, what};
    return false;
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

bool text_value_read(const uint8_t *bytes, size_t len, struct type type,
                     const struct timestamp_form *form, struct value *ret_value,
                     struct misfit *ret_misfit)
{
    const char *text = (const char *)bytes;
    if (type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    if (type.tag == VALUE_MONEY)
        return read_money(text, len, type.currency, ret_value, ret_misfit);
    if (type.tag == VALUE_TIMESTAMP)
        return read_timestamp(text, len, form, ret_value, ret_misfit);
    const char *why;
    int rc = literal_parse(type, text, len, ret_value, &why);
    if (rc == 0)
        return true;
    if (rc == ERR_TOO_HARD)
        return is_misfit(ret_misfit, DEAD_TOO_HARD, why);
    if (type.tag == VALUE_STRING)
        return is_misfit(ret_misfit, rc == ERR_INVALID ? DEAD_NOT_UTF8 : DEAD_BAD_VALUE, why);
    return is_misfit(ret_misfit, rc == ERR_RANGE ? DEAD_OVERFLOW : DEAD_BAD_VALUE, why);
}
