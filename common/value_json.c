/* SPDX-License-Identifier: MIT */
#include "common/value_json.h"

#include "common/check.h"
#include "common/decimal.h"
#include "common/json.h"
#include "common/nested.h"
#include "common/text.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "common/utf8.h"

void value_write_base64(const uint8_t *bytes, size_t len, struct buf *out)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        buf_add_byte(out, (uint8_t)alphabet[group >> 18]);
        buf_add_byte(out, (uint8_t)alphabet[(group >> 12) & 63]);
        buf_add_byte(out, left > 1 ? (uint8_t)alphabet[(group >> 6) & 63] : '=');
        buf_add_byte(out, left > 2 ? (uint8_t)alphabet[group & 63] : '=');
    }
}

static void write_quoted_bytes(const struct value *value, struct buf *out)
{
    size_t bad_at;
    if (utf8_valid(value->bytes, value->len, &bad_at)) {
        json_write_string(value->bytes, value->len, out);
        return;
    }
    buf_add_byte(out, '"');
    value_write_base64(value->bytes, value->len, out);
    buf_add_byte(out, '"');
}

static void write_list(const struct value *value, struct type type, struct buf *out)
{
    struct nested nested;
    struct value item;
    bool good = nested_open(VALUE_LIST, value->bytes, value->len, &nested);
    for (uint32_t i = 0; good && i < nested.left; i++) {
        good = nested_take(&nested, type_item(type), &item);
        buf_add_byte(out, i == 0 ? '[' : ',');
        value_write_json(&item, type_item(type), out);
    }
    INVARIANT(good);
    buf_add_text(out, nested.left == 0 ? "[]" : "]");
}

static void write_map(const struct value *value, struct type type, struct buf *out)
{
    static const struct type key_type = {.tag = VALUE_STRING};
    struct nested nested;
    struct value key, item;
    bool good = nested_open(VALUE_MAP, value->bytes, value->len, &nested);
    for (uint32_t i = 0; good && i < nested.left; i++) {
        good = nested_take(&nested, key_type, &key) && nested_take(&nested, type_item(type), &item);
        buf_add_byte(out, i == 0 ? '{' : ',');
        json_write_string(key.bytes, key.len, out);
        buf_add_byte(out, ':');
        value_write_json(&item, type_item(type), out);
    }
    INVARIANT(good);
    buf_add_text(out, nested.left == 0 ? "{}" : "}");
}

/* Writes a value whose text needs no escapes. */
static void write_text(const struct value *value, struct type type, struct buf *out)
{
    switch (value->tag) {
    case VALUE_MONEY:
        money_format(value->integer, type.currency, out);
        return;
    case VALUE_TIMESTAMP:
        timestamp_format(value->integer, out);
        return;
    case VALUE_DECIMAL:
        decimal_format(value->integer, type.scale, out);
        return;
    case VALUE_DATE:
        timestamp_format_date(value->integer, out);
        return;
    case VALUE_DURATION:
        if (value->integer < 0)
            buf_add_byte(out, '-');
        text_format_duration(value->integer < 0 ? -value->integer : value->integer, out);
        return;
    case VALUE_ENUM:
        buf_add_text(out, type.detail->names[value->integer]);
        return;
    default:
        UNREACHABLE();
    }
}

/* Writes a value that is not a string. */
static void write_other(const struct value *value, struct type type, struct buf *out)
{
    if (type.tag == VALUE_OPTIONAL)
        type = type_item(type);
    switch (value->tag) {
    case VALUE_BYTES:
        write_quoted_bytes(value, out);
        return;
    case VALUE_INT:
        buf_add_int(out, value->integer);
        return;
    case VALUE_BOOL:
        if (value->boolean)
            buf_add_text(out, "true");
        else
            buf_add_text(out, "false");
        return;
    case VALUE_LIST:
        write_list(value, type, out);
        return;
    case VALUE_MAP:
        write_map(value, type, out);
        return;
    case VALUE_OPTIONAL:
        buf_add_text(out, "null");
        return;
    default:
        buf_add_byte(out, '"');
        write_text(value, type, out);
        buf_add_byte(out, '"');
    }
}

void value_write_json(const struct value *value, struct type type, struct buf *out)
{
    if (value->tag == VALUE_STRING)
        json_write_string(value->bytes, value->len, out);
    else
        write_other(value, type, out);
}
