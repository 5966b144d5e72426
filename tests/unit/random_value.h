/* SPDX-License-Identifier: MIT */
/*
 * random_value.h - random values of any type, for the randomized unit tests
 */
#ifndef BULKHEAD_TESTS_UNIT_RANDOM_VALUE_H
#define BULKHEAD_TESTS_UNIT_RANDOM_VALUE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/decimal.h"
#include "common/memory.h"
#include "common/nested.h"
#include "common/timestamp.h"
#include "common/type.h"
#include "tests/unit/random.h"

/* The memory that values point to; free it with random_values_done(). */
struct random_values {
    void *blocks[4096];
    size_t count;
};

static inline void random_values_done(struct random_values *owner)
{
    while (owner->count > 0)
        free(owner->blocks[--owner->count]);
}

static inline const uint8_t *random_values_keep(struct random_values *owner, const void *bytes,
                                                size_t len)
{
    if (owner->count == sizeof owner->blocks / sizeof owner->blocks[0])
        abort();
    void *copy = memory_dup(bytes, len);
    owner->blocks[owner->count++] = copy;
    return copy;
}

static inline size_t random_len(void)
{
    return random_below(100) == 0 ? random_below(70000) : random_below(40);
}

static inline struct value random_value(struct type type, struct random_values *owner);

static inline struct value random_nested(struct type type, struct random_values *owner)
{
    struct buf out = {0};
    uint32_t count = (uint32_t)(random_below(50) == 0 ? 20 : random_below(4));
    nested_add_head(type.tag, count, &out);
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "k%03u", i * 7 + (unsigned)random_below(7));
        struct value key = value_of_bytes(VALUE_STRING, name, strlen(name));
        if (type.tag == VALUE_MAP)
            nested_add(&key, &out);
        struct value item = random_value(type_item(type), owner);
        nested_add(&item, &out);
    }
    size_t len = out.len;
    const uint8_t *bytes = random_values_keep(owner, out.data, len);
    buf_done(&out);
    return value_of_bytes(type.tag, bytes, len);
}

/* Strings have the letters a to z and a length that their type allows; patterns are ignored. */
static inline struct value random_string(struct type type, struct random_values *owner)
{
    size_t len = random_len();
    if (type.detail != NULL && type.detail->chars_max != UINT32_MAX)
        len = type.detail->chars_min +
              random_below(type.detail->chars_max - type.detail->chars_min + 1);
    char *text = memory_new(len + 1, 1);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('a' + random_below(26));
    const uint8_t *bytes = random_values_keep(owner, text, len);
    free(text);
    return value_of_bytes(VALUE_STRING, bytes, len);
}

static inline struct value random_value(struct type type, struct random_values *owner)
{
    uint8_t raw[64];
    switch (type.tag) {
    case VALUE_STRING:
        return random_string(type, owner);
    case VALUE_BYTES:
        random_fill(raw, sizeof raw);
        return value_of_bytes(VALUE_BYTES, random_values_keep(owner, raw, sizeof raw),
                              random_below(sizeof raw + 1));
    case VALUE_BOOL:
        return value_of_bool(random_below(2) != 0);
    case VALUE_DECIMAL:
        return value_of_integer(type.tag, random_integer() % decimal_bound(type.precision));
    case VALUE_DATE:
        return value_of_integer(
            type.tag,
            TIMESTAMP_DAYS_MIN +
                (int64_t)random_below((uint64_t)(TIMESTAMP_DAYS_MAX - TIMESTAMP_DAYS_MIN + 1)));
    case VALUE_MONEY:
    case VALUE_DURATION: /* the smallest number has no text form */
        return value_of_integer(type.tag, random_integer() | 1);
    case VALUE_ENUM:
        return value_of_integer(type.tag, (int64_t)random_below(type.detail->name_count));
    case VALUE_LIST:
    case VALUE_MAP:
        return random_nested(type, owner);
    case VALUE_OPTIONAL:
        return random_below(3) == 0 ? value_of_nothing() : random_value(type_item(type), owner);
    default:
        return value_of_integer(type.tag, random_integer());
    }
}

#endif
