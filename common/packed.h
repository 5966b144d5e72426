/* SPDX-License-Identifier: MIT */
/*
 * packed.h - whole documents in msgpack, by msgpack-c
 *
 * For data that other programs write or read: records (docs/decisions/0027-msgpack-kinds.md) and
 * the topology that a stage is given. Frames, where every instruction counts, are written by
 * msgpack-c's template and have their own reader (pack.h, ipc/frame.c;
 * docs/decisions/0002-frames.md).
 */
#ifndef BULKHEAD_COMMON_PACKED_H
#define BULKHEAD_COMMON_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/timestamp.h"

/*
 * --- writing: each appends one value, with every number and length in its shortest form; a list or
 * a map is followed by its items or pairs ---
 */

void packed_add_nil(struct buf *out);
void packed_add_bool(struct buf *out, bool value);
void packed_add_uint(struct buf *out, uint64_t number);
void packed_add_int(struct buf *out, int64_t number);
void packed_add_text(struct buf *out, const char *text);
/* A str; the bytes are UTF-8. */
void packed_add_string(struct buf *out, const void *bytes, size_t len);
/* A bin. */
void packed_add_bytes(struct buf *out, const void *bytes, size_t len);
/* msgpack's timestamp extension; ns as in timestamp.h. */
void packed_add_timestamp(struct buf *out, int64_t ns);
void packed_add_list(struct buf *out, size_t item_count);
void packed_add_map(struct buf *out, size_t pair_count);

/* --- reading --- */

/* A document that was read. Values from it live as long as it does. */
struct packed;

/* One value of it. A missing value is nil, so that lookups can be chained. */
struct packed_value {
    const void *object;
};

/*
 * Reads a document from bytes that may hold anything. Nothing is allocated before it is certain
 * that the bytes are one complete msgpack value, nested at most PACKED_DEPTH_MAX deep (empty lists
 * and maps do not count), without floating point numbers and extensions.
 *
 * Ownership: the caller frees *ret_packed with packed_free(); bytes must outlive it.
 * Returns:   0, or ERR_PROTOCOL with the place.
 */
int packed_read(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e);

/*
 * Reads a record in the same way, but accepts floating point numbers and extensions, and at most
 * PACKED_VALUES_MAX values. A record may be any value, not only a map.
 */
int packed_read_record(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e);

/* Frees a document. Accepts NULL. */
void packed_free(struct packed *packed);

/* The whole document as a value. */
struct packed_value packed_root(const struct packed *packed);

/* The number of items of a list or pairs of a map; 0 for anything else. */
size_t packed_count(struct packed_value value);

/* An item of a list; nil if there is none. */
struct packed_value packed_item(struct packed_value list, size_t index);

/* The value of a key that is a text; nil if there is none. Of two such keys, the first counts. */
struct packed_value packed_find(struct packed_value map, const char *key);

/* One pair of a map, in the order of the bytes; nil if there is none. */
struct packed_value packed_pair_key(struct packed_value map, size_t index);
struct packed_value packed_pair_value(struct packed_value map, size_t index);

enum packed_type {
    PACKED_NIL, /* also a missing value */
    PACKED_BOOL,
    PACKED_INT,
    PACKED_FLOAT,
    PACKED_STRING,
    PACKED_BYTES,
    PACKED_LIST,
    PACKED_MAP,
    PACKED_TIMESTAMP, /* an extension with the type of a timestamp */
    PACKED_EXTENSION,
};
enum packed_type packed_type(struct packed_value value);

/* The name of a type in messages, in the words of msgpack: "a str", "nil" … */
const char *packed_type_name(enum packed_type type);

bool packed_is_nil(struct packed_value value);
bool packed_is_list(struct packed_value value);
bool packed_is_map(struct packed_value value);

/* Each returns whether the value is of that type and fits; *ret is set only then. */
bool packed_get_bool(struct packed_value value, bool *ret);
bool packed_get_int(struct packed_value value, int64_t *ret);
bool packed_get_uint(struct packed_value value, uint64_t *ret);
/* The bytes of a text that contains no NUL; no NUL follows them. */
bool packed_get_text(struct packed_value value, const char **ret_text, size_t *ret_len);
/* The bytes of a str, which need not be UTF-8, and those of a bin. */
bool packed_get_string(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len);
bool packed_get_bytes(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len);

/* A moment. Sets *ret_ns if TIMESTAMP_OK. TIMESTAMP_BAD_FORM: it is not a valid timestamp. */
enum timestamp_result packed_get_timestamp(struct packed_value value, int64_t *ret_ns);

#endif
