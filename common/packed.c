/* SPDX-License-Identifier: MIT */
/*
 * msgpack-c allocates on the word of a length before it has seen that so much is there, and takes
 * what stands after the value. So a document is walked before the library sees it.
 */
#include "common/packed.h"

#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/pack.h"

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
    msgpack_packer packer = packer_to(out);
    size_t len = strlen(text);
    (void)msgpack_pack_str(&packer, len);
    (void)msgpack_pack_str_body(&packer, text, len);
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

/* Where a value without items ends, or NULL if it is not whole; of a list or map, its head. */
static const uint8_t *walk_one(const uint8_t *at, const uint8_t *end, uint64_t *ret_items)
{
    uint8_t tag = *at++;
    uint64_t len = 0; /* of what stands after the tag */
    *ret_items = 0;
    if (tag <= 0x7f || tag >= 0xe0) {
        return at;
    } else if (tag < PACK_FIX_ARRAY) {
        *ret_items = 2 * (uint64_t)(tag & 0x0f);
    } else if (tag < PACK_FIX_STR) {
        *ret_items = tag & 0x0f;
    } else if (tag < PACK_NIL) {
        len = tag & 0x1f;
    } else if (tag == PACK_NIL || tag == PACK_FALSE || tag == PACK_TRUE) {
        return at;
    } else if (tag >= PACK_UINT_8 && tag <= PACK_INT_8 + 3) {
        len = (uint64_t)1 << ((tag - PACK_UINT_8) & 3);
    } else if ((tag >= PACK_BIN_8 && tag <= PACK_BIN_8 + 2) || tag >= PACK_STR_8) {
        bool counts = tag >= PACK_ARRAY_16;
        unsigned width = tag <= PACK_BIN_8 + 2 ? (unsigned)tag - PACK_BIN_8
                         : tag < PACK_ARRAY_16 ? (unsigned)tag - PACK_STR_8
                                               : ((unsigned)(tag - PACK_ARRAY_16) & 1) + 1;
        if ((size_t)(end - at) < (size_t)1 << width)
            return NULL;
        uint64_t number = pack_number_at(at, width);
        at += (size_t)1 << width;
        if (counts)
            *ret_items = tag >= PACK_MAP_16 ? 2 * number : number;
        else
            len = number;
    } else {
        return NULL; /* extensions, floating point numbers, the tag that is never used */
    }
    /* Every item has a byte at least. */
    if ((uint64_t)(end - at) < len || (uint64_t)(end - at) < *ret_items)
        return NULL;
    return at + len;
}

static int walk(const uint8_t *bytes, size_t len, struct err *e)
{
    uint64_t left[PACKED_DEPTH_MAX + 1] = {1}; /* values that are still to come, by depth */
    size_t depth = 0;
    const uint8_t *at = bytes, *end = bytes + len;
    for (;;) {
        while (left[depth] == 0 && depth > 0)
            depth--;
        if (left[depth] == 0)
            break;
        left[depth]--;
        uint64_t items = 0;
        const uint8_t *next = at < end ? walk_one(at, end, &items) : NULL;
        if (next == NULL)
            return err_set(e, ERR_PROTOCOL, "no whole value of msgpack at byte %zu",
                           (size_t)(at - bytes));
        at = next;
        if (items == 0)
            continue;
        if (depth == PACKED_DEPTH_MAX)
            return err_set(e, ERR_PROTOCOL, "lists and maps are nested more than %u deep",
                           PACKED_DEPTH_MAX);
        left[++depth] = items;
    }
    if (at != end)
        return err_set(e, ERR_PROTOCOL, "%zu bytes after the value", (size_t)(end - at));
    return 0;
}

int packed_read(const uint8_t *bytes, size_t len, struct packed **ret_packed, struct err *e)
{
    int rc = walk(bytes, len, e);
    if (rc != 0)
        return rc;
    struct packed *packed = memory_new(1, sizeof *packed);
    msgpack_unpacked_init(&packed->unpacked);
    size_t offset = 0;
    msgpack_unpack_return got =
        msgpack_unpack_next(&packed->unpacked, (const char *)bytes, len, &offset);
    if (got != MSGPACK_UNPACK_SUCCESS || offset != len) {
        packed_free(packed);
        return err_set(e, ERR_PROTOCOL, "msgpack-c cannot read it (%d)", (int)got);
    }
    *ret_packed = packed;
    return 0;
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

static const msgpack_object *object_of(struct packed_value value, msgpack_object_type type)
{
    const msgpack_object *object = value.object;
    return object != NULL && object->type == type ? object : NULL;
}

/* The bytes of a text: of an empty one msgpack-c says NULL, which nothing may be compared with. */
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
