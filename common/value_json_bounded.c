/* SPDX-License-Identifier: MIT */
#include "common/value_json_bounded.h"

#include <string.h>

#include "common/check.h"
#include "common/json.h"
#include "common/nested.h"
#include "common/utf8.h"
#include "common/value_json.h"

/* Bytes of a text in one step: a multiple of 3, so that base64 has no padding in the middle. */
#define PIECE_BYTES 12288u

/* Each byte of a text is written independently, so a piece may end between any two. */
static void add_text_piece(const uint8_t *bytes, size_t len, struct buf *out)
{
    size_t from = out->len;
    json_write_string(bytes, len, out);
    /* Without its quotation marks. */
    memmove(out->data + from, out->data + from + 1, out->len - from - 2);
    out->len -= 2;
}

static bool add_quoted(const struct value *value, bool base64, size_t max, struct buf *out)
{
    buf_add_byte(out, '"');
    for (size_t at = 0; at < value->len && out->len <= max; at += PIECE_BYTES) {
        size_t len = value->len - at < PIECE_BYTES ? value->len - at : PIECE_BYTES;
        if (base64)
            value_write_base64(value->bytes + at, len, out);
        else
            add_text_piece(value->bytes + at, len, out);
    }
    buf_add_byte(out, '"');
    return out->len <= max;
}

static bool add_list(const struct value *value, struct type type, size_t max, struct buf *out)
{
    struct nested nested;
    struct value item;
    INVARIANT(nested_open(VALUE_LIST, value->bytes, value->len, &nested));
    buf_add_byte(out, '[');
    for (uint32_t i = 0; i < nested.left; i++) {
        INVARIANT(nested_take(&nested, type_item(type), &item));
        if (i != 0)
            buf_add_byte(out, ',');
        if (!value_write_json_bounded(&item, type_item(type), max, out))
            return false;
    }
    buf_add_byte(out, ']');
    return out->len <= max;
}

static bool add_map(const struct value *value, struct type type, size_t max, struct buf *out)
{
    static const struct type key_type = {.tag = VALUE_STRING};
    struct nested nested;
    struct value key, item;
    INVARIANT(nested_open(VALUE_MAP, value->bytes, value->len, &nested));
    buf_add_byte(out, '{');
    for (uint32_t i = 0; i < nested.left; i++) {
        INVARIANT(nested_take(&nested, key_type, &key));
        INVARIANT(nested_take(&nested, type_item(type), &item));
        if (i != 0)
            buf_add_byte(out, ',');
        if (!add_quoted(&key, false, max, out))
            return false;
        buf_add_byte(out, ':');
        if (!value_write_json_bounded(&item, type_item(type), max, out))
            return false;
    }
    buf_add_byte(out, '}');
    return out->len <= max;
}

bool value_write_json_bounded(const struct value *value, struct type type, size_t max,
                              struct buf *out)
{
    size_t bad_at;
    if (type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    switch (value->tag) {
    case VALUE_STRING:
        return add_quoted(value, false, max, out);
    case VALUE_BYTES:
        return add_quoted(value, !utf8_valid(value->bytes, value->len, &bad_at), max, out);
    case VALUE_LIST:
        return add_list(value, type, max, out);
    case VALUE_MAP:
        return add_map(value, type, max, out);
    default:
        value_write_json(value, type, out);
        return out->len <= max;
    }
}
