/* SPDX-License-Identifier: MIT */
#include "common/value_packed.h"

#include <string.h>

#include "common/check.h"
#include "common/nested.h"
#include "common/packed.h"
#include "common/type.h"
#include "common/value_json.h"

/* The longest text of money, a decimal, a date, a duration or the name of an enum. */
#define TEXT_BYTES_MAX 128u

static bool add_list(const struct value *value, struct type type, size_t max, struct buf *out)
{
    struct nested nested;
    struct value item;
    INVARIANT(nested_open(VALUE_LIST, value->bytes, value->len, &nested));
    packed_add_list(out, nested.left);
    for (uint32_t i = 0; i < nested.left; i++) {
        INVARIANT(nested_take(&nested, type_item(type), &item));
        if (!value_write_packed(&item, type_item(type), max, out))
            return false;
    }
    return out->len <= max;
}

static bool add_map(const struct value *value, struct type type, size_t max, struct buf *out)
{
    static const struct type key_type = {.tag = VALUE_STRING};
    struct nested nested;
    struct value key, item;
    INVARIANT(nested_open(VALUE_MAP, value->bytes, value->len, &nested));
    packed_add_map(out, nested.left);
    for (uint32_t i = 0; i < nested.left; i++) {
        INVARIANT(nested_take(&nested, key_type, &key));
        INVARIANT(nested_take(&nested, type_item(type), &item));
        packed_add_string(out, key.bytes, key.len);
        if (!value_write_packed(&item, type_item(type), max, out))
            return false;
    }
    return out->len <= max;
}

/* Adds the text of a JSON string that needs no escapes, with its length before it. */
static void add_text(const struct value *value, struct type type, struct buf *out)
{
    char text[TEXT_BYTES_MAX];
    size_t from = out->len;
    value_write_json(value, type, out);
    INVARIANT(out->data[from] == '"' && out->len - from - 2 <= sizeof text);
    size_t len = out->len - from - 2;
    memcpy(text, out->data + from + 1, len);
    out->len = from;
    packed_add_string(out, text, len);
}

bool value_write_packed(const struct value *value, struct type type, size_t max, struct buf *out)
{
    if (type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    switch (value->tag) {
    case VALUE_STRING:
        packed_add_string(out, value->bytes, value->len);
        break;
    case VALUE_BYTES:
        packed_add_bytes(out, value->bytes, value->len);
        break;
    case VALUE_INT:
        packed_add_int(out, value->integer);
        break;
    case VALUE_BOOL:
        packed_add_bool(out, value->boolean);
        break;
    case VALUE_TIMESTAMP:
        packed_add_timestamp(out, value->integer);
        break;
    case VALUE_LIST:
        return add_list(value, type, max, out);
    case VALUE_MAP:
        return add_map(value, type, max, out);
    case VALUE_OPTIONAL:
        packed_add_nil(out);
        break;
    default:
        add_text(value, type, out);
    }
    return out->len <= max;
}
