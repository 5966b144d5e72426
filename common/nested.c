/* SPDX-License-Identifier: MIT */
/*
 * The depth of recursion is that of the type, which is bounded, never that of the bytes. A count is
 * trusted only as far as there are bytes: every item has at least one.
 */
#include "common/nested.h"

#include <string.h>

#include "common/check.h"
#include "common/pack.h"
#include "common/scalar.h"
#include "common/type.h"

void nested_add_head(enum value_tag tag, uint32_t count, struct buf *out)
{
    REQUIRE(tag == VALUE_LIST || tag == VALUE_MAP);
    uint8_t *at = buf_reserve(out, PACK_HEAD_BYTES_MAX);
    at = tag == VALUE_LIST ? pack_put_array(at, count) : pack_put_map(at, count);
    out->len = (size_t)(at - out->data);
}

void nested_add(const struct value *value, struct buf *out)
{
    uint8_t *at = buf_reserve(out, PACK_HEAD_BYTES_MAX);
    switch (value->tag) {
    case VALUE_STRING:
        out->len = (size_t)(pack_put_string_head(at, value->len) - out->data);
        buf_add(out, value->bytes, value->len);
        return;
    case VALUE_BYTES:
        out->len = (size_t)(pack_put_bytes_head(at, value->len) - out->data);
        buf_add(out, value->bytes, value->len);
        return;
    case VALUE_LIST:
    case VALUE_MAP:
        buf_add(out, value->bytes, value->len);
        return;
    case VALUE_BOOL:
        buf_add_byte(out, value->boolean ? PACK_TRUE : PACK_FALSE);
        return;
    case VALUE_OPTIONAL:
        buf_add_byte(out, PACK_NIL);
        return;
    case VALUE_INT:
    case VALUE_MONEY:
    case VALUE_TIMESTAMP:
    case VALUE_DECIMAL:
    case VALUE_DATE:
    case VALUE_DURATION:
    case VALUE_ENUM:
        out->len = (size_t)(pack_put_int(at, value->integer) - out->data);
        return;
    case VALUE_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

/*
 * Moves to `to`, which a reader of any form returned, if the bytes before it are in the shortest
 * form. That is [again, again_end): the same value, written again.
 */
static bool pass(struct nested *n, const uint8_t *to, const uint8_t *again,
                 const uint8_t *again_end)
{
    size_t len = (size_t)(again_end - again);
    if ((size_t)(to - n->at) != len || memcmp(n->at, again, len) != 0)
        return false;
    n->at = to;
    return true;
}

static bool take_int(struct nested *n, int64_t *ret_number)
{
    uint8_t again[PACK_HEAD_BYTES_MAX];
    const uint8_t *to = pack_get_int(n->at, n->end, ret_number);
    return to != NULL && pass(n, to, again, pack_put_int(again, *ret_number));
}

static bool take_bytes(struct nested *n, bool is_string, struct value *value)
{
    uint8_t again[PACK_HEAD_BYTES_MAX];
    const uint8_t *to = is_string ? pack_get_string_head(n->at, n->end, &value->len)
                                  : pack_get_bytes_head(n->at, n->end, &value->len);
    if (to == NULL || !pass(n, to, again,
                            is_string ? pack_put_string_head(again, value->len)
                                      : pack_put_bytes_head(again, value->len)))
        return false;
    value->bytes = n->at;
    n->at += value->len;
    return true;
}

static bool take_head(struct nested *n, enum value_tag tag)
{
    if (n->at == n->end)
        return false;
    uint8_t fix = tag == VALUE_LIST ? PACK_FIX_ARRAY : PACK_FIX_MAP;
    uint8_t wide = tag == VALUE_LIST ? PACK_ARRAY_16 : PACK_MAP_16;
    uint64_t count;
    if ((*n->at & 0xf0) == fix) {
        count = *n->at++ & 0x0f;
    } else {
        if (*n->at != wide && *n->at != wide + 1)
            return false;
        unsigned width = (unsigned)*n->at++ - wide + 1;
        if ((size_t)(n->end - n->at) < (size_t)1 << width)
            return false;
        count = pack_number_at(n->at, width);
        n->at += (size_t)1 << width;
        if (count <= (width == 2 ? UINT16_MAX : 15u))
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

/* Reads an item; skip() checks its bounds. */
bool nested_take(struct nested *n, struct type type, struct value *value)
{
    size_t len;
    if (type.tag == VALUE_OPTIONAL) {
        if (n->at < n->end && *n->at == PACK_NIL) {
            n->at++;
            *value = value_of_nothing();
            return true;
        }
        type = type_item(type);
    }
    *value = (struct value){.tag = type.tag};
    switch (type.tag) {
    case VALUE_STRING:
        return take_bytes(n, true, value);
    case VALUE_BYTES:
        return take_bytes(n, false, value);
    case VALUE_BOOL:
        if (n->at == n->end || (*n->at != PACK_FALSE && *n->at != PACK_TRUE))
            return false;
        value->boolean = *n->at++ == PACK_TRUE;
        return true;
    case VALUE_LIST:
    case VALUE_MAP:
        if (!nested_span(type, n->at, n->end, &len))
            return false;
        value->len = (uint32_t)len;
        value->bytes = n->at;
        n->at += len;
        return true;
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

/* Goes over one list or map and checks everything in it. */
static bool skip(struct nested *n, struct type type)
{
    static const struct type key_type = {.tag = VALUE_STRING};
    struct value key, item, previous = {.tag = VALUE_OPTIONAL};
    if (!take_head(n, type.tag))
        return false;
    for (uint32_t left = n->left; left != 0; left--) {
        if (type.tag == VALUE_MAP) {
            if (!nested_take(n, key_type, &key) || !scalar_admits(key_type, &key) ||
                value_compare(&previous, &key) >= 0)
                return false;
            previous = key;
        }
        if (!nested_take(n, type_item(type), &item))
            return false;
        /* nested_span() has checked the content of lists and maps. */
        if (!scalar_admits(type_item(type), &item))
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
