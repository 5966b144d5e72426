/* SPDX-License-Identifier: MIT */
#include "common/scalar.h"

#include "common/decimal.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "common/utf8.h"

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
        return value->integer != INT64_MIN; /* so that its text has an opposite */
    case VALUE_ENUM:
        return value->integer >= 0 && (uint64_t)value->integer < type.detail->name_count;
    default:
        return true;
    }
}
