/* SPDX-License-Identifier: MIT */
/*
 * value.h - typed values and records
 *
 * A value does not own what it points to: strings and bytes are views into a frame, a stage's own
 * buffer or a literal, and the function that makes a record says how long they live. A record is an
 * array of values by position; the names are in its contract (contract.h).
 */
#ifndef BULKHEAD_COMMON_VALUE_H
#define BULKHEAD_COMMON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/money.h"

/*
 * tag, name in topologies, meaning as `bulkhead types` and bulkhead-topology(5) print it. Some have
 * arguments, such as money(USD); see type_parse() in type.h.
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

/* The tags of values that can be keys: all that do not hold values of other types. */
#define VALUE_TAGS_SCALAR                                                                          \
    (((1u << VALUE_TAG_COUNT) - 1) & ~(1u << VALUE_LIST | 1u << VALUE_MAP | 1u << VALUE_OPTIONAL))

struct type_detail; /* see type.h */

/* Only in a topology that has errors, so that one error does not cause others. */
enum type_doubt {
    TYPE_CERTAIN,
    TYPE_UNKNOWN, /* the type of the field is not known; its tag means nothing */
    TYPE_MAYBE,   /* it is not even known whether there is such a field */
};

/* What a field may hold. */
struct type {
    enum value_tag tag;
    struct currency currency;         /* VALUE_MONEY */
    uint8_t precision, scale;         /* VALUE_DECIMAL: digits in all, and after the point */
    uint8_t doubt;                    /* enum type_doubt */
    const struct type_detail *detail; /* bounds, names, type of the items; NULL: none */
};

/*
 * A value of an optional type has the tag of the value that it holds, or VALUE_OPTIONAL if it holds
 * nothing.
 */
struct value {
    enum value_tag tag;
    uint32_t len; /* VALUE_STRING, VALUE_BYTES, VALUE_LIST, VALUE_MAP: of bytes */
    union {
        const uint8_t *bytes; /* for a list or a map, in the form of nested.h */
        /*
         * VALUE_INT        the number
         * VALUE_MONEY      minor units
         * VALUE_TIMESTAMP  ns since 1970
         * VALUE_DURATION   ns
         * VALUE_DECIMAL    the number times ten to the power of scale
         * VALUE_DATE       days since 1970
         * VALUE_ENUM       index of the name, from 0
         */
        int64_t integer;
        bool boolean;
    };
};

/* The sequence number of a record, from 1; 0 is before the first record. */
typedef uint64_t seq_number;

/* What a link carries. Only RECORD_DATA has fields, and kinds see only that as a record. */
enum record_kind {
    RECORD_DATA,
    RECORD_TICK, /* to a worker: another worker got a record of this event time */
    RECORD_END,  /* the end of the input; the last in its seq, which has no record of the source */
};

struct record {
    seq_number seq;
    /*
     * Where its source found it: the number of the line, from 1, counting blank lines, or with
     * `records: msgpack` the number of the packed record. file.source begins each file of a rotated
     * log at 1. stdin.source counts over the whole life of its journal, not from 1 in each run.
     */
    uint64_t position;
    const struct value *fields;
    size_t count;
    enum record_kind kind;
    uint32_t input;       /* the input by which it came to the stage; set by the host */
    int64_t time;         /* RECORD_TICK: the event time in ns */
    const uint8_t *order; /* its order within its seq, if the link carries it: see ipc/order.h */
    uint32_t order_len;
    uint32_t ahead; /* its number among the records announced to the stage; 0: not announced */
    /* The first packed_count fields as they came in a frame, for stages that pass them on; or 0. */
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

/* Whether the value points to bytes elsewhere, which must be copied to keep them longer. */
static inline bool value_has_bytes(const struct value *value)
{
    const unsigned have =
        1u << VALUE_STRING | 1u << VALUE_BYTES | 1u << VALUE_LIST | 1u << VALUE_MAP;
    return (have >> value->tag & 1) != 0;
}

/*
 * Compares two values of one type. Returns a number below, equal to or above 0. Nothing comes
 * before any value, and false before true. Names of an enum are in the order of their type. Text,
 * bytes, lists and maps are compared by their bytes; a prefix comes first.
 */
int value_compare(const struct value *a, const struct value *b);

#endif
