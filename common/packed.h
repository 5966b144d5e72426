/* SPDX-License-Identifier: MIT */
/*
 * packed.h - whole documents in msgpack, by msgpack-c
 *
 * For what others write or read: records (docs/decisions/0027-msgpack-kinds.md) and the topology that
 * a stage is given. Frames, which pay for every instruction, are written by msgpack-c's template and
 * have a reader of their own (pack.h, ipc/frame.c; docs/decisions/0002-frames.md).
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
 * --- writing: each appends one value, with every number and length in the shortest form; a list or
 * map is followed by its items or pairs ---
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
/* The extension of msgpack for a moment; ns as in timestamp.h. */
void packed_add_timestamp(struct buf *out, int64_t ns);
void packed_add_list(struct buf *out, size_t item_count);
void packed_add_map(struct buf *out, size_t pair_count);

/* --- reading --- */

/* A document that was read. What is taken from it lives as long as it. */
struct packed;

/* One value of it. A value that is not there is nil, so questions can follow one another. */
struct packed_value {
    const void *object;
};

/*
 * Reads a document from bytes that may hold anything. Nothing is allocated before it is sure that
 * the bytes are one msgpack value, whole, of at most PACKED_DEPTH_MAX lists and maps in each other
 * (empty ones are not counted), without numbers of floating point and extensions.
 *
 * Ownership: the caller frees *ret_packed with packed_free(); bytes must outlive it.
 * Returns:   0 or ERR_PROTOCOL, with the place.
 */
int packed_read(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e);

/*
 * Reads a record in the same way: with numbers of floating point and extensions, and of at most
 * PACKED_VALUES_MAX values. It may be any value, not only a map.
 */
int packed_read_record(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e);

/* Frees a document; takes NULL. */
void packed_free(struct packed *packed);

/* The value that the document is. */
struct packed_value packed_root(const struct packed *packed);

/* How many items a list or pairs a map has; 0 of all else. */
size_t packed_count(struct packed_value value);

/* An item of a list; nil if there is none. */
struct packed_value packed_item(struct packed_value list, size_t index);

/* What stands under a key that is a text; nil if there is none. Of two, the first. */
struct packed_value packed_find(struct packed_value map, const char *key);

/* One pair of a map, in the order of the bytes; nil if there is none. */
struct packed_value packed_pair_key(struct packed_value map, size_t index);
struct packed_value packed_pair_value(struct packed_value map, size_t index);

enum packed_type {
    PACKED_NIL, /* or a value that is not there */
    PACKED_BOOL,
    PACKED_INT,
    PACKED_FLOAT,
    PACKED_STRING,
    PACKED_BYTES,
    PACKED_LIST,
    PACKED_MAP,
    PACKED_TIMESTAMP, /* an extension that says that it is one */
    PACKED_EXTENSION,
};
enum packed_type packed_type(struct packed_value value);

/* What people call it, in the words of msgpack: "a str", "nil" … */
const char *packed_type_name(enum packed_type type);

bool packed_is_nil(struct packed_value value);
bool packed_is_list(struct packed_value value);
bool packed_is_map(struct packed_value value);

/* Each: whether the value is of that type and fits; only then *ret is set. */
bool packed_get_bool(struct packed_value value, bool *ret);
bool packed_get_int(struct packed_value value, int64_t *ret);
bool packed_get_uint(struct packed_value value, uint64_t *ret);
/* The bytes of a text without a NUL in it; they are followed by no NUL. */
bool packed_get_text(struct packed_value value, const char **ret_text, size_t *ret_len);
/* Any bytes of a str, which need not be UTF-8; and those of a bin. */
bool packed_get_string(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len);
bool packed_get_bytes(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len);

/* A moment. Sets *ret_ns if it is TIMESTAMP_OK; TIMESTAMP_BAD_FORM: it is none that msgpack has. */
enum timestamp_result packed_get_timestamp(struct packed_value value, int64_t *ret_ns);

#endif
