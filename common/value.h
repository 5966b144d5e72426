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

#include "common/buf.h"
#include "common/money.h"

/* tag, name in topologies, meaning. A money type carries its currency: money(USD). */
#define VALUE_TAG_LIST(X)                                                                          \
    X(VALUE_STRING, "string", "text in UTF-8")                                                     \
    X(VALUE_BYTES, "bytes", "any bytes")                                                           \
    X(VALUE_INT, "int", "a whole number of 64 bits, signed")                                       \
    X(VALUE_BOOL, "bool", "true or false")                                                         \
    X(VALUE_MONEY, "money", "an exact amount in one currency, as in money(USD)")                   \
    X(VALUE_TIMESTAMP, "timestamp", "a moment in UTC, to the nanosecond, 1677 to 2262")

enum value_tag {
#define X(tag, name, meaning) tag,
    VALUE_TAG_LIST(X)
#undef X
        VALUE_TAG_COUNT
};

/* What a field may hold. currency is set for VALUE_MONEY only. */
struct type {
    enum value_tag tag;
    struct currency currency;
};

struct value {
    enum value_tag tag;
    uint32_t len; /* of bytes, for VALUE_STRING and VALUE_BYTES */
    union {
        const uint8_t *bytes;
        int64_t integer; /* VALUE_INT, VALUE_MONEY (minor units), VALUE_TIMESTAMP (ns) */
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

/* Whether two types are the same, currency included. */
bool type_equal(struct type a, struct type b);

/* The type as a topology writes it; ret_text has room for TYPE_NAME_BYTES_MAX. */
#define TYPE_NAME_BYTES_MAX 16
const char *type_name(struct type type, char ret_text[TYPE_NAME_BYTES_MAX]);

/* Reads a type as a topology writes it. Returns 0, or ERR_INVALID (no such type). */
int type_parse(const char *text, struct type *ret_type);

/*
 * Appends the value as JSON: numbers and booleans bare, money and timestamps as strings, bytes as
 * a string if they are UTF-8 and as a base64 string if not.
 */
void value_write_json(const struct value *value, struct type type, struct buf *out);

/* Appends base64 (RFC 4648, with padding). */
void value_write_base64(const uint8_t *bytes, size_t len, struct buf *out);

#endif
