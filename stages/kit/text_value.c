/* SPDX-License-Identifier: MIT */
#include "stages/kit/text_value.h"

#include "common/check.h"
#include "common/type.h"

bool text_value_can_read(struct type type)
{
    enum value_tag tag = type_held(type).tag;
    return tag != VALUE_LIST && tag != VALUE_MAP;
}

const struct dead_reason *text_value_reason(enum scalar_fault fault)
{
    static const struct dead_reason *const reasons[SCALAR_FAULT_COUNT] = {
        [SCALAR_NOT_UTF8] = &dead_not_utf8,
        [SCALAR_BAD_MONEY] = &dead_bad_money,
        [SCALAR_WRONG_CURRENCY] = &dead_wrong_currency,
        [SCALAR_TOO_MANY_DECIMALS] = &dead_too_many_decimals,
        [SCALAR_BAD_TIMESTAMP] = &dead_bad_timestamp,
        [SCALAR_OVERFLOW] = &dead_overflow,
        [SCALAR_TOO_HARD] = &dead_too_hard,
        [SCALAR_BAD_VALUE] = &dead_bad_value,
    };
    REQUIRE(fault > SCALAR_GOOD && fault < SCALAR_FAULT_COUNT);
    return reasons[fault];
}

bool text_value_read(const uint8_t *bytes, size_t len, struct type type,
                     const struct timestamp_form *form, struct value *ret_value,
                     struct misfit *ret_misfit)
{
    const struct scalar_form written = {.bare_money = true, .timestamp = form};
    const char *why;
    enum scalar_fault fault =
        scalar_parse(&type, (const char *)bytes, len, &written, ret_value, &why);
    if (fault != SCALAR_GOOD)
        *ret_misfit = (struct misfit){text_value_reason(fault), why};
    return fault == SCALAR_GOOD;
}
