/* SPDX-License-Identifier: MIT */
#include "common/type_admits.h"

#include "common/nested.h"
#include "common/scalar.h"
#include "common/type.h"

bool type_admits(struct type type, const struct value *value)
{
    if (!scalar_admits(type, value))
        return false;
    return (value->tag != VALUE_LIST && value->tag != VALUE_MAP) ||
           nested_valid(type_held(type), value->bytes, value->len);
}
