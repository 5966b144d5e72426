/* SPDX-License-Identifier: MIT */
/*
 * packed_tree.h - documents of msgpack that change as trees
 *
 * A byte that changes mostly leaves no document; a value that changes, moves, goes or comes twice
 * leaves one. To be included by one file of a program, after binary.h.
 */
#ifndef BULKHEAD_TESTS_FUZZ_PACKED_TREE_H
#define BULKHEAD_TESTS_FUZZ_PACKED_TREE_H

#include "common/memory.h"
#include "common/pack.h"
#include "common/packed.h"
#include "tests/fuzz/binary.h"

enum tree_tag { TREE_NIL, TREE_BOOL, TREE_NUMBER, TREE_BIG, TREE_TEXT, TREE_LIST, TREE_MAP };

/* A value; of a map, key and value by turns. */
struct tree {
    enum tree_tag tag;
    int64_t number; /* or the length of a text, or whether it is true */
    uint64_t big;   /* above INT64_MAX */
    uint8_t *text;
    struct tree *items;
    size_t count;
};

static inline void tree_done(struct tree *t)
{
    for (size_t i = 0; i < t->count; i++)
        tree_done(&t->items[i]);
    free(t->items);
    free(t->text);
    *t = (struct tree){.tag = TREE_NIL};
}

static inline void tree_copy(const struct tree *from, struct tree *to)
{
    *to = *from;
    if (from->text != NULL)
        to->text = (uint8_t *)memory_dup(from->text, (size_t)from->number);
    if (from->items != NULL)
        to->items = memory_new(from->count + 1, sizeof *to->items);
    for (size_t i = 0; i < from->count; i++)
        tree_copy(&from->items[i], &to->items[i]);
}

static inline void tree_take(struct packed_value value, struct tree *ret)
{
    bool truth = false;
    const char *text;
    size_t len;
    *ret = (struct tree){.tag = TREE_NIL};
    if (packed_is_list(value) || packed_is_map(value)) {
        ret->tag = packed_is_list(value) ? TREE_LIST : TREE_MAP;
        size_t each = ret->tag == TREE_MAP ? 2 : 1;
        ret->count = packed_count(value) * each;
        ret->items = memory_new(ret->count + 1, sizeof *ret->items);
        for (size_t i = 0; i < ret->count; i++)
            tree_take(each == 1    ? packed_item(value, i)
                      : i % 2 == 0 ? packed_pair_key(value, i / 2)
                                   : packed_pair_value(value, i / 2),
                      &ret->items[i]);
    } else if (packed_get_int(value, &ret->number)) {
        ret->tag = TREE_NUMBER;
    } else if (packed_get_uint(value, &ret->big)) {
        ret->tag = TREE_BIG;
    } else if (packed_get_bool(value, &truth)) {
        ret->tag = TREE_BOOL;
        ret->number = truth;
    } else if (packed_get_text(value, &text, &len)) {
        ret->tag = TREE_TEXT;
        ret->text = (uint8_t *)memory_dup(text, len);
        ret->number = (int64_t)len;
    }
}

static inline void tree_put(const struct tree *t, struct buf *out)
{
    uint8_t *head;
    switch (t->tag) {
    case TREE_NIL:
        packed_add_nil(out);
        break;
    case TREE_BOOL:
        packed_add_bool(out, t->number != 0);
        break;
    case TREE_NUMBER:
        packed_add_int(out, t->number);
        break;
    case TREE_BIG:
        packed_add_uint(out, t->big);
        break;
    case TREE_TEXT:
        head = buf_reserve(out, PACK_HEAD_BYTES_MAX);
        out->len += (size_t)(pack_put_string_head(head, (uint32_t)t->number) - head);
        buf_add(out, t->text, (size_t)t->number);
        break;
    case TREE_LIST:
        packed_add_list(out, t->count);
        break;
    case TREE_MAP:
        packed_add_map(out, t->count / 2);
        break;
    }
    for (size_t i = 0; i < t->count; i++)
        tree_put(&t->items[i], out);
}

static inline size_t tree_size(const struct tree *t)
{
    size_t size = 1;
    for (size_t i = 0; i < t->count; i++)
        size += tree_size(&t->items[i]);
    return size;
}

/* Value number n, as they stand in the document; *ret_parent is what it is in, or NULL. */
static inline struct tree *tree_at(struct tree *t, size_t *n, struct tree **ret_parent)
{
    if ((*n)-- == 0)
        return t;
    for (size_t i = 0; i < t->count; i++) {
        struct tree *found = tree_at(&t->items[i], n, ret_parent);
        if (found != NULL) {
            *ret_parent = *ret_parent == NULL ? t : *ret_parent;
            return found;
        }
    }
    return NULL;
}

static inline void tree_change(struct tree *t, unsigned seed)
{
    static const int64_t numbers[] = {0,   1,   2,    -1,        3,         16,
                                      255, 256, 4095, INT32_MAX, INT64_MAX, INT64_MIN};
    if (t->tag == TREE_TEXT && seed % 8 != 0) {
        size_t len = (size_t)t->number, room = len + 16;
        t->text = memory_resize(t->text, room + 1, 1);
        t->number = (int64_t)LLVMFuzzerMutate(t->text, len, room);
    } else if (t->tag == TREE_NUMBER && seed % 8 != 0) {
        t->number = seed % 2 == 0 ? (int64_t)((uint64_t)t->number + (seed >> 4) % 5 - 2)
                                  : numbers[(seed >> 4) % (sizeof numbers / sizeof numbers[0])];
    } else if (t->tag == TREE_BOOL && seed % 8 != 0) {
        t->number = !t->number;
    } else {
        tree_done(t);
        t->tag = (enum tree_tag)((seed >> 4) % (TREE_MAP + 1));
        t->big = UINT64_MAX;
        t->number = t->tag == TREE_NUMBER ? numbers[(seed >> 8) % 12] : 0;
        t->text = t->tag == TREE_TEXT ? (uint8_t *)memory_dup("", 0) : NULL;
    }
}

/* Takes a value, or a pair, out of its list or map, or has it there twice. */
static inline void tree_move(struct tree *parent, struct tree *t, bool twice)
{
    size_t each = parent->tag == TREE_MAP ? 2 : 1;
    size_t at = (size_t)(t - parent->items) / each * each;
    if (twice) {
        parent->items =
            memory_resize(parent->items, parent->count + each + 1, sizeof *parent->items);
        for (size_t i = 0; i < each; i++)
            tree_copy(&parent->items[at + i], &parent->items[parent->count + i]);
        parent->count += each;
        return;
    }
    for (size_t i = 0; i < each; i++)
        tree_done(&parent->items[at + i]);
    memmove(&parent->items[at], &parent->items[at + each],
            (parent->count - at - each) * sizeof *parent->items);
    parent->count -= each;
}

/* A fuzz_mutate_part. What is no document changes byte by byte. */
static inline size_t tree_mutate(uint8_t *bytes, size_t len, size_t len_max, size_t number,
                                 unsigned seed)
{
    (void)number;
    struct packed *packed;
    struct err e;
    if (packed_read(bytes, len, &packed, &e) != 0)
        return LLVMFuzzerMutate(bytes, len, len_max);
    struct tree root, copy;
    tree_take(packed_root(packed), &root);
    packed_free(packed);
    size_t size = tree_size(&root);
    size_t victim_at = (seed >> 2) * 2654435761u % size, other_at = (seed >> 5) * 40503u % size;
    struct tree *parent = NULL, *none = NULL;
    struct tree *other = tree_at(&root, &other_at, &none);
    tree_copy(other, &copy);
    struct tree *victim = tree_at(&root, &victim_at, &parent);
    switch (seed % 7) {
    case 0: /* has another one's value */
        tree_done(victim);
        *victim = copy;
        copy = (struct tree){.tag = TREE_NIL};
        break;
    case 1:
    case 2:
        if (parent != NULL)
            tree_move(parent, victim, seed % 7 == 1);
        break;
    default:
        tree_change(victim, seed >> 3);
        break;
    }
    tree_done(&copy);
    struct buf out = {0};
    tree_put(&root, &out);
    tree_done(&root);
    bool fits = out.len != 0 && out.len <= len_max;
    if (fits)
        memcpy(bytes, out.data, out.len);
    len = fits ? out.len : LLVMFuzzerMutate(bytes, len, len_max);
    buf_done(&out);
    return len;
}

#endif
