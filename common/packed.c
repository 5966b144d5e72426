/* SPDX-License-Identifier: MIT */
#include "common/packed.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/floor.h"
#include "common/memory.h"
#include "common/packed_check.h"
#include "common/timestamp.h"

struct packed {
    msgpack_unpacked unpacked;
};

/* --- writing --- */

static int append(void *data, const char *bytes, size_t len)
{
    buf_add(data, bytes, len);
    return 0;
}

static msgpack_packer packer_to(struct buf *out)
{
    msgpack_packer packer;
    msgpack_packer_init(&packer, out, append);
    return packer;
}

void packed_add_nil(struct buf *out)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_nil(&packer);
}

void packed_add_bool(struct buf *out, bool value)
{
    msgpack_packer packer = packer_to(out);
    (void)(value ? msgpack_pack_true(&packer) : msgpack_pack_false(&packer));
}

void packed_add_uint(struct buf *out, uint64_t number)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_uint64(&packer, number);
}

void packed_add_int(struct buf *out, int64_t number)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_int64(&packer, number);
}

void packed_add_text(struct buf *out, const char *text)
{
    packed_add_string(out, text, strlen(text));
}

void packed_add_string(struct buf *out, const void *bytes, size_t len)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_str(&packer, len);
    (void)msgpack_pack_str_body(&packer, bytes, len);
}

void packed_add_bytes(struct buf *out, const void *bytes, size_t len)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_bin(&packer, len);
    (void)msgpack_pack_bin_body(&packer, bytes, len);
}

void packed_add_timestamp(struct buf *out, int64_t ns)
{
    msgpack_packer packer = packer_to(out);
    msgpack_timestamp timestamp = {.tv_sec = floor_div(ns, TIMESTAMP_NS_PER_SECOND),
                                   .tv_nsec = (uint32_t)floor_mod(ns, TIMESTAMP_NS_PER_SECOND)};
    (void)msgpack_pack_timestamp(&packer, &timestamp);
}

void packed_add_list(struct buf *out, size_t item_count)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_array(&packer, item_count);
}

void packed_add_map(struct buf *out, size_t pair_count)
{
    msgpack_packer packer = packer_to(out);
    (void)msgpack_pack_map(&packer, pair_count);
}

/* --- reading --- */

static int read_value(const uint8_t *bytes, size_t len, const struct packed_rules *rules,
                      struct packed **ret_packed, struct err *e)
{
    int rc = packed_check_all(bytes, len, rules, e);
    if (rc != 0)
        return rc;
    struct packed *packed = memory_new(1, sizeof *packed);
    msgpack_unpacked_init(&packed->unpacked);
    size_t offset = 0;
    msgpack_unpack_return got =
        msgpack_unpack_next(&packed->unpacked, (const char *)bytes, len, &offset);
    /* Data that is too deep for it gives the same result, but the check has refused that. */
    if (got == MSGPACK_UNPACK_NOMEM_ERROR)
        memory_none(len);
    if (got != MSGPACK_UNPACK_SUCCESS || offset != len) {
        packed_free(packed);
        return err_set(e, ERR_PROTOCOL, "msgpack-c cannot read it (%d)", (int)got);
    }
    *ret_packed = packed;
    return 0;
}

int packed_read(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e)
{
    static const struct packed_rules rules = {.values_max = UINT64_MAX};
    return read_value(bytes, len, &rules, ret_packed, e);
}

int packed_read_record(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e)
{
    return read_value(bytes, len, &packed_record_rules, ret_packed, e);
}

void packed_free(struct packed *packed)
{
    if (packed == NULL)
        return;
    msgpack_unpacked_destroy(&packed->unpacked);
    free(packed);
}

struct packed_value packed_root(const struct packed *packed)
{
    return (struct packed_value){&packed->unpacked.data};
}

enum packed_type packed_type(struct packed_value value)
{
    const msgpack_object *object = value.object;
    if (object == NULL)
        return PACKED_NIL;
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        return PACKED_NIL;
    case MSGPACK_OBJECT_BOOLEAN:
        return PACKED_BOOL;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return PACKED_INT;
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return PACKED_FLOAT;
    case MSGPACK_OBJECT_STR:
        return PACKED_STRING;
    case MSGPACK_OBJECT_BIN:
        return PACKED_BYTES;
    case MSGPACK_OBJECT_ARRAY:
        return PACKED_LIST;
    case MSGPACK_OBJECT_MAP:
        return PACKED_MAP;
    case MSGPACK_OBJECT_EXT:
        return object->via.ext.type == -1 ? PACKED_TIMESTAMP : PACKED_EXTENSION;
    }
    UNREACHABLE();
}

const char *packed_type_name(enum packed_type type)
{
    static const char *const names[] = {
        [PACKED_NIL] = "nil",
        [PACKED_BOOL] = "a boolean",
        [PACKED_INT] = "an integer",
        [PACKED_FLOAT] = "a float",
        [PACKED_STRING] = "a str",
        [PACKED_BYTES] = "a bin",
        [PACKED_LIST] = "an array",
        [PACKED_MAP] = "a map",
        [PACKED_TIMESTAMP] = "a timestamp",
        [PACKED_EXTENSION] = "an extension",
    };
    return names[type];
}

static const msgpack_object *object_of(struct packed_value value, msgpack_object_type type)
{
    const msgpack_object *object = value.object;
    return object != NULL && object->type == type ? object : NULL;
}

/* The bytes of a text. For an empty one msgpack-c has NULL, which must not be compared. */
static const char *text_of(const msgpack_object *text)
{
    return text->via.str.size != 0 ? text->via.str.ptr : "";
}

size_t packed_count(struct packed_value value)
{
    const msgpack_object *list = object_of(value, MSGPACK_OBJECT_ARRAY);
    const msgpack_object *map = object_of(value, MSGPACK_OBJECT_MAP);
    return list != NULL ? list->via.array.size : map != NULL ? map->via.map.size : 0;
}

struct packed_value packed_item(struct packed_value value, size_t index)
{
    const msgpack_object *list = object_of(value, MSGPACK_OBJECT_ARRAY);
    return (struct packed_value){
        list != NULL && index < list->via.array.size ? &list->via.array.ptr[index] : NULL};
}

struct packed_value packed_find(struct packed_value value, const char *key)
{
    const msgpack_object *map = object_of(value, MSGPACK_OBJECT_MAP);
    size_t len = strlen(key);
    for (size_t i = 0; map != NULL && i < map->via.map.size; i++) {
        const msgpack_object *name = &map->via.map.ptr[i].key;
        if (name->type == MSGPACK_OBJECT_STR && name->via.str.size == len &&
            memcmp(text_of(name), key, len) == 0)
            return (struct packed_value){&map->via.map.ptr[i].val};
    }
    return (struct packed_value){NULL};
}

struct packed_value packed_pair_key(struct packed_value value, size_t index)
{
    const msgpack_object *map = object_of(value, MSGPACK_OBJECT_MAP);
    return (struct packed_value){
        map != NULL && index < map->via.map.size ? &map->via.map.ptr[index].key : NULL};
}

struct packed_value packed_pair_value(struct packed_value value, size_t index)
{
    const msgpack_object *map = object_of(value, MSGPACK_OBJECT_MAP);
    return (struct packed_value){
        map != NULL && index < map->via.map.size ? &map->via.map.ptr[index].val : NULL};
}

bool packed_is_nil(struct packed_value value)
{
    return value.object == NULL || object_of(value, MSGPACK_OBJECT_NIL) != NULL;
}

bool packed_is_list(struct packed_value value)
{
    return object_of(value, MSGPACK_OBJECT_ARRAY) != NULL;
}

bool packed_is_map(struct packed_value value)
{
    return object_of(value, MSGPACK_OBJECT_MAP) != NULL;
}

bool packed_get_bool(struct packed_value value, bool *ret)
{
    const msgpack_object *object = object_of(value, MSGPACK_OBJECT_BOOLEAN);
    if (object != NULL)
        *ret = object->via.boolean;
    return object != NULL;
}

bool packed_get_int(struct packed_value value, int64_t *ret)
{
    const msgpack_object *negative = object_of(value, MSGPACK_OBJECT_NEGATIVE_INTEGER);
    uint64_t positive = 0;
    if (negative != NULL)
        *ret = negative->via.i64;
    else if (packed_get_uint(value, &positive) && positive <= INT64_MAX)
        *ret = (int64_t)positive;
    else
        return false;
    return true;
}

bool packed_get_uint(struct packed_value value, uint64_t *ret)
{
    const msgpack_object *object = object_of(value, MSGPACK_OBJECT_POSITIVE_INTEGER);
    if (object != NULL)
        *ret = object->via.u64;
    return object != NULL;
}

bool packed_get_text(struct packed_value value, const char **ret_text, size_t *ret_len)
{
    const msgpack_object *object = object_of(value, MSGPACK_OBJECT_STR);
    if (object == NULL || memchr(text_of(object), '\0', object->via.str.size) != NULL)
        return false;
    *ret_text = text_of(object);
    *ret_len = object->via.str.size;
    return true;
}

bool packed_get_string(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len)
{
    const msgpack_object *object = object_of(value, MSGPACK_OBJECT_STR);
    if (object == NULL)
        return false;
    *ret_bytes = (const uint8_t *)object->via.str.ptr;
    *ret_len = object->via.str.size;
    return true;
}

bool packed_get_bytes(struct packed_value value, const uint8_t **ret_bytes, size_t *ret_len)
{
    const msgpack_object *object = object_of(value, MSGPACK_OBJECT_BIN);
    if (object == NULL)
        return false;
    *ret_bytes = (const uint8_t *)object->via.bin.ptr;
    *ret_len = object->via.bin.size;
    return true;
}

enum timestamp_result packed_get_timestamp(struct packed_value value, int64_t *ret_ns)
{
    const msgpack_object *object = value.object;
    msgpack_timestamp timestamp;
    if (packed_type(value) != PACKED_TIMESTAMP ||
        !msgpack_object_to_timestamp(object, &timestamp) ||
        timestamp.tv_nsec >= TIMESTAMP_NS_PER_SECOND)
        return TIMESTAMP_BAD_FORM;
    __int128 ns = (__int128)timestamp.tv_sec * TIMESTAMP_NS_PER_SECOND + timestamp.tv_nsec;
    if (ns > INT64_MAX || ns < INT64_MIN)
        return TIMESTAMP_OVERFLOW;
    *ret_ns = (int64_t)ns;
    return TIMESTAMP_OK;
}
