/* SPDX-License-Identifier: MIT */
#include "common/value.h"

#include <string.h>

#include "common/check.h"

static int compare_bytes(const struct value *a, const struct value *b)
{
    size_t both = a->len < b->len ? a->len : b->len;
    int order = both != 0 ? memcmp(a->bytes, b->bytes, both) : 0;
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

int value_compare(const struct value *a, const struct value *b)
{
    if (a->tag == VALUE_OPTIONAL || b->tag == VALUE_OPTIONAL)
        return (b->tag == VALUE_OPTIONAL) - (a->tag == VALUE_OPTIONAL);
    REQUIRE(a->tag == b->tag);
    if (value_has_bytes(a))
        return compare_bytes(a, b);
    if (a->tag == VALUE_BOOL)
        return a->boolean - b->boolean;
    return (a->integer > b->integer) - (a->integer < b->integer);
}
