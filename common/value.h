/* SPDX-License-Identifier: MIT */
/*
 * value.h - typed values and records
 *
 * A value does not own what it points to: strings and bytes are views into a frame, a stage's own
 * buffer or a literal, and whoever makes a record says how long they live. A record is an array
 * of values by position; the names are in its contract (contract.h).
 */
#ifndef BULKHEAD_COMMON_VALUE_H
#define BULKHEAD_COMMON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/money.h"

/*
 * tag, name in topologies, meaning as `bulkhead types` and bulkhead-topology(5) say it. Some take
 * arguments: money(USD), see type_parse() in type.h.
 */
#define VALUE_TAG_LIST(X)                                                                          \
    X(VALUE_STRING, "string", "UTF-8 text")                                                        \
    X(VALUE_BYTES, "bytes", "any bytes")                                                           \
    X(VALUE_INT, "int", "a signed 64-bit integer")                                                 \
    X(VALUE_BOOL, "bool", "true or false")                                                         \
    X(VALUE_MONEY, "money", "an exact amount in one currency")                                     \
    X(VALUE_TIMESTAMP, "timestamp",                                                                \
      "a UTC time with nanosecond precision, from 1677-09-21 to 2262-04-11")                       \
    X(VALUE_DECIMAL, "decimal", "an exact decimal number of up to 18 digits")                      \
    X(VALUE_DATE, "date", "a calendar date, from 0000-01-01 to 9999-12-31")                        \
    X(VALUE_DURATION, "duration",                                                                  \
      "a signed time span of up to 292 years, with nanosecond precision")                          \
    X(VALUE_ENUM, "enum", "one of a fixed set of names")                                           \
    X(VALUE_LIST, "list", "values of one type, in order")                                          \
    X(VALUE_MAP, "map", "values of one type, each with a string as its key")                       \
    X(VALUE_OPTIONAL, "optional", "a value of one type, or nothing")

enum value_tag {
#define X(tag, name, meaning) tag,
    VALUE_TAG_LIST(X)
#undef X
        VALUE_TAG_COUNT
};

/* The tags of what can be a key: not those that hold values of other types. */
#define VALUE_TAGS_SCALAR                                                                          \
    (((1u << VALUE_TAG_COUNT) - 1) & ~(1u << VALUE_LIST | 1u << VALUE_MAP | 1u << VALUE_OPTIONAL))

struct type_detail; /* see type.h */

/* Only in a topology that has errors, so that one error does not bring others. */
enum type_doubt {
    TYPE_CERTAIN,
    TYPE_UNKNOWN, /* the tag and the rest mean nothing */
    TYPE_MAYBE,   /* nor is it certain that there is such a field */
};

/* What a field may hold. */
struct type {
    enum value_tag tag;
    struct currency currency;         /* VALUE_MONEY */
    uint8_t precision, scale;         /* VALUE_DECIMAL: digits in all, and behind the point */
    uint8_t doubt;                    /* enum type_doubt */
    const struct type_detail *detail; /* bounds, names, type of the items; NULL: there are none */
};

/*
 * A value of a field of an optional type has the tag of what it holds; one that holds nothing has
 * the tag VALUE_OPTIONAL.
 */
struct value {
    enum value_tag tag;
    uint32_t len; /* of bytes, for VALUE_STRING, VALUE_BYTES, VALUE_LIST and VALUE_MAP */
    union {
        const uint8_t *bytes; /* of a list or map: its form in nested.h */
        /*
         * VALUE_INT, VALUE_MONEY (minor units), VALUE_TIMESTAMP and VALUE_DURATION (ns),
         * VALUE_DECIMAL (times ten to the scale), VALUE_DATE (days since 1970), VALUE_ENUM (place
         * of the name, from 0)
         */
        int64_t integer;
        bool boolean;
    };
};

/* The sequence number of a record; 0 is before the first. */
typedef uint64_t seq_number;

/* What moves along a link. All but RECORD_DATA have no fields, and no kind sees them as records. */
enum record_kind {
    RECORD_DATA,
    RECORD_TICK, /* to a worker: another worker got a record of this event time */
    RECORD_END,  /* the input is at its end; the last of its seq, which has nothing else of it */
};

struct record {
    seq_number seq;
    uint64_t position; /* where its source found it; file.source: the line number, from 1 */
    const struct value *fields;
    size_t count;
    enum record_kind kind;
    uint32_t input;       /* by which input it came to the stage; set by the host */
    int64_t time;         /* RECORD_TICK: nanoseconds */
    const uint8_t *order; /* its place in its seq, where a link carries that: see ipc/order.h */
    uint32_t order_len;
    uint32_t ahead; /* its number among those that the stage was told of before it came; or 0 */
    /* The first packed_count fields as they came in a frame, for who passes them on; or 0. */
    uint32_t packed_count, packed_len;
    const uint8_t *packed;
};

static inline struct value value_of_bytes(enum value_tag tag, const void *bytes, size_t len)
{
    return (struct value){.tag = tag, .len = (uint32_t)len, .bytes = bytes};
}

static inline struct value value_of_bool(bool boolean)
{
    return (struct value){.tag = VALUE_BOOL, .boolean = boolean};
}

static inline struct value value_of_integer(enum value_tag tag, int64_t integer)
{
    return (struct value){.tag = tag, .integer = integer};
}

static inline struct value value_of_nothing(void)
{
    return (struct value){.tag = VALUE_OPTIONAL};
}

/* Whether the value's bytes lie elsewhere: who keeps it longer must copy them. */
static inline bool value_has_bytes(const struct value *value)
{
    const unsigned have =
        1u << VALUE_STRING | 1u << VALUE_BYTES | 1u << VALUE_LIST | 1u << VALUE_MAP;
    return (have >> value->tag & 1) != 0;
}

/*
 * The order of two values of one type: below, equal or above 0. Nothing comes before anything,
 * false before true, names of an enum as its type lists them; text, bytes, lists and maps by their
 * bytes, a beginning before what goes on.
 */
int value_compare(const struct value *a, const struct value *b);

#endif
