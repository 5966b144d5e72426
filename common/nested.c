/* SPDX-License-Identifier: MIT */
/*
 * Depth is that of the type, which is bounded, never that of the bytes. A count is believed only as
 * far as there are bytes: every item has one at least.
 */
#include "common/nested.h"

#include <string.h>

#include "common/check.h"
#include "common/type.h"

enum {
    NIL = 0xc0,
    FALSE = 0xc2,
    TRUE = 0xc3,
    BIN_8 = 0xc4,
    UINT_8 = 0xcc,
    INT_8 = 0xd0,
    STR_8 = 0xd9,
    ARRAY_16 = 0xdc,
    MAP_16 = 0xde,
};

static void add_big_endian(uint64_t number, unsigned len, struct buf *out)
{
    while (len-- > 0)
        buf_add_byte(out, (uint8_t)(number >> (8 * len)));
}

/* The exponent of how many bytes (1, 2, 4, 8) an unsigned number needs. */
static unsigned width_of(uint64_t number)
{
    if (number <= UINT8_MAX)
        return 0;
    if (number <= UINT16_MAX)
        return 1;
    return number <= UINT32_MAX ? 2 : 3;
}

static void add_int(int64_t number, struct buf *out)
{
    if (number >= -32 && number <= 127) {
        buf_add_byte(out, (uint8_t)number);
        return;
    }
    /* One bit of a signed number is its sign. */
    unsigned width = number > 0 ? width_of((uint64_t)number) : width_of(~(uint64_t)number << 1);
    buf_add_byte(out, (uint8_t)((number > 0 ? UINT_8 : INT_8) + width));
    add_big_endian((uint64_t)number, 1u << width, out);
}

void nested_add_head(enum value_tag tag, uint32_t count, struct buf *out)
{
    REQUIRE(tag == VALUE_LIST || tag == VALUE_MAP);
    if (count <= 15) {
        buf_add_byte(out, (uint8_t)((tag == VALUE_LIST ? 0x90 : 0x80) | count));
        return;
    }
    unsigned width = count <= UINT16_MAX ? 0 : 1;
    buf_add_byte(out, (uint8_t)((tag == VALUE_LIST ? ARRAY_16 : MAP_16) + width));
    add_big_endian(count, 2u << width, out);
}

static void add_bytes(const struct value *value, uint8_t first_tag, struct buf *out)
{
    unsigned width = width_of(value->len);
    if (first_tag == STR_8 && value->len <= 31) {
        buf_add_byte(out, (uint8_t)(0xa0 | value->len));
    } else {
        buf_add_byte(out, (uint8_t)(first_tag + width));
        add_big_endian(value->len, 1u << width, out);
    }
    buf_add(out, value->bytes, value->len);
}

void nested_add(const struct value *value, struct buf *out)
{
    switch (value->tag) {
    case VALUE_STRING:
        add_bytes(value, STR_8, out);
        return;
    case VALUE_BYTES:
        add_bytes(value, BIN_8, out);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        buf_add(out, value->bytes, value->len);
        return;
    case VALUE_BOOL:
        buf_add_byte(out, value->boolean ? TRUE : FALSE);
        return;
    case VALUE_OPTIONAL:
        buf_add_byte(out, NIL);
        return;
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        add_int(value->integer, out);
        return;
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

static bool take(struct nested *n, size_t len, const uint8_t **ret_at)
{
    if ((size_t)(n->end - n->at) < len)
        return false;
    *ret_at = n->at;
    n->at += len;
    return true;
}

static bool take_big_endian(struct nested *n, unsigned len, uint64_t *ret_number)
{
    const uint8_t *at;
    if (!take(n, len, &at))
        return false;
    uint64_t number = 0;
    for (unsigned i = 0; i < len; i++)
        number = number << 8 | at[i];
    *ret_number = number;
    return true;
}

static bool take_int(struct nested *n, int64_t *ret_number)
{
    const uint8_t *at;
    uint64_t number;
    if (!take(n, 1, &at))
        return false;
    uint8_t tag = *at;
    if (tag <= 0x7f || tag >= 0xe0) {
        *ret_number = (int8_t)tag;
        return true;
    }
    if (tag < UINT_8 || tag > INT_8 + 3)
        return false;
    unsigned width = (tag - UINT_8) & 3;
    if (!take_big_endian(n, 1u << width, &number))
        return false;
    if (tag < INT_8) {
        *ret_number = (int64_t)number;
        return number > 127 && number <= INT64_MAX && width_of(number) == width;
    }
    unsigned shift = 64 - (8u << width);
    *ret_number = (int64_t)(number << shift) >> shift;
    return *ret_number < -32 && width_of(~(uint64_t)*ret_number << 1) == width;
}

static bool take_bytes(struct nested *n, uint8_t first_tag, struct value *value)
{
    const uint8_t *at;
    uint64_t len;
    if (!take(n, 1, &at))
        return false;
    uint8_t tag = *at;
    if (first_tag == STR_8 && (tag & 0xe0) == 0xa0) {
        len = tag & 0x1f;
    } else {
        if (tag < first_tag || tag > first_tag + 2)
            return false;
        unsigned width = (unsigned)(tag - first_tag);
        if (!take_big_endian(n, 1u << width, &len) || width_of(len) != width ||
            (first_tag == STR_8 && len <= 31))
            return false;
    }
    value->len = (uint32_t)len;
    return take(n, (size_t)len, &value->bytes);
}

static bool take_head(struct nested *n, enum value_tag tag)
{
    const uint8_t *at;
    if (!take(n, 1, &at))
        return false;
    uint64_t count;
    if ((*at & 0xf0) == (tag == VALUE_LIST ? 0x90 : 0x80)) {
        count = *at & 0x0f;
    } else {
        uint8_t wide = tag == VALUE_LIST ? ARRAY_16 : MAP_16;
        if (*at != wide && *at != wide + 1)
            return false;
        bool four = *at == wide + 1;
        if (!take_big_endian(n, four ? 4 : 2, &count) || count <= (four ? UINT16_MAX : 15u))
            return false;
    }
    uint64_t left = (uint64_t)(n->end - n->at);
    n->left = (uint32_t)count;
    return count * (tag == VALUE_LIST ? 1 : 2) <= left;
}

bool nested_open(enum value_tag tag, const uint8_t *bytes, size_t len, struct nested *ret_nested)
{
    *ret_nested = (struct nested){.at = bytes, .end = bytes + len};
    return take_head(ret_nested, tag);
}

/* Its bounds are for skip() to look at. */
bool nested_take(struct nested *n, struct type type, struct value *value)
{
    const uint8_t *at;
    size_t len;
    if (type.tag == VALUE_OPTIONAL) {
        if (n->at < n->end && *n->at == NIL) {
            n->at++;
            *value = value_of_nothing();
            return true;
        }
        type = type_item(type);
    }
    *value = (struct value){.tag = type.tag};
    switch (type.tag) {
    case VALUE_STRING:
        return take_bytes(n, STR_8, value);
    case VALUE_BYTES:
        return take_bytes(n, BIN_8, value);
    case VALUE_BOOL:
        if (!take(n, 1, &at) || (*at != FALSE && *at != TRUE))
            return false;
        value->boolean = *at == TRUE;
        return true;
    case VALUE_LIST:
    case VALUE_MAP:
        if (!nested_span(type, n->at, n->end, &len))
            return false;
        value->len = (uint32_t)len;
        return take(n, len, &value->bytes);
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        return take_int(n, &value->integer);
    case VALUE_OPTIONAL:
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

/* Goes over one list or map and looks at all in it. */
static bool skip(struct nested *n, struct type type)
{
    static const struct type key_type = {.tag = VALUE_STRING};
    struct value key, item, previous = {.tag = VALUE_OPTIONAL};
    if (!take_head(n, type.tag))
        return false;
    for (uint32_t left = n->left; left != 0; left--) {
        if (type.tag == VALUE_MAP) {
            if (!nested_take(n, key_type, &key) || !type_admits(key_type, &key) ||
                value_compare(&previous, &key) >= 0)
                return false;
            previous = key;
        }
        if (!nested_take(n, type_item(type), &item))
            return false;
        /* What is in a list or map was looked at by nested_span(). */
        if (item.tag != VALUE_LIST && item.tag != VALUE_MAP && !type_admits(type_item(type), &item))
            return false;
    }
    return true;
}

bool nested_span(struct type type, const uint8_t *at, const uint8_t *end, size_t *ret_len)
{
    struct nested n = {.at = at, .end = end};
    if (!skip(&n, type))
        return false;
    *ret_len = (size_t)(n.at - at);
    return true;
}

bool nested_valid(struct type type, const uint8_t *bytes, size_t len)
{
    size_t span;
    return nested_span(type, bytes, bytes + len, &span) && span == len;
}
