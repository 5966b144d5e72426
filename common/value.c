/* SPDX-License-Identifier: MIT */
#include "common/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/json.h"
#include "common/timestamp.h"
#include "common/utf8.h"

static const char *const tag_names[VALUE_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = name,
    VALUE_TAG_LIST(X)
#undef X
};

bool type_equal(struct type a, struct type b)
{
    return a.tag == b.tag && a.currency.index == b.currency.index;
}

const char *type_name(struct type type, char ret_text[TYPE_NAME_BYTES_MAX])
{
    if (type.tag == VALUE_MONEY)
        (void)snprintf(ret_text, TYPE_NAME_BYTES_MAX, "money(%s)",
                       money_currency_code(type.currency));
    else
        (void)snprintf(ret_text, TYPE_NAME_BYTES_MAX, "%s", tag_names[type.tag]);
    return ret_text;
}

int type_parse(const char *text, struct type *ret_type)
{
    size_t len = strlen(text);
    if (len == 10 && strncmp(text, "money(", 6) == 0 && text[9] == ')') {
        struct type type = {.tag = VALUE_MONEY};
        if (money_currency_find(text + 6, 3, &type.currency) != 0)
            return ERR_INVALID;
        *ret_type = type;
        return 0;
    }
    for (int tag = 0; tag < VALUE_TAG_COUNT; tag++) {
        if (tag != VALUE_MONEY && strcmp(text, tag_names[tag]) == 0) {
            *ret_type = (struct type){.tag = (enum value_tag)tag};
            return 0;
        }
    }
    return ERR_INVALID;
}

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

void value_write_json(const struct value *value, struct type type, struct buf *out)
{
    switch (value->tag) {
    case VALUE_STRING:
        json_write_string(value->bytes, value->len, out);
        return;
    case VALUE_BYTES:
        write_quoted_bytes(value, out);
        return;
    case VALUE_INT:
        buf_add_format(out, "%" PRId64, value->integer);
        return;
    case VALUE_BOOL:
        buf_add_text(out, value->boolean ? "true" : "false");
        return;
    case VALUE_MONEY:
        buf_add_byte(out, '"');
        money_format(value->integer, type.currency, out);
        buf_add_byte(out, '"');
        return;
    case VALUE_TIMESTAMP:
        buf_add_byte(out, '"');
        timestamp_format(value->integer, out);
        buf_add_byte(out, '"');
        return;
    case VALUE_TAG_COUNT:
        break;
    }
}
