/* SPDX-License-Identifier: MIT */
/*
 * Where the undo log is, and how it grows. Entry n is at n modulo the number of entries, which is a
 * power of two. Every image has a log after its header that is large enough for what is usually in
 * flight. But a seq cannot be committed in its middle, and may have any number of records. When the
 * log is full, it moves to a table with twice as many entries, created like those of the shards; it
 * moves back once what made it large is committed. The entries are copied, and storing one word in
 * the header replaces the log, so a kill leaves either the one or the other.
 */
#include <stdlib.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/store/store_image_p.h"

_Static_assert((STORE_UNDO_ENTRIES_MAX & (STORE_UNDO_ENTRIES_MAX - 1)) == 0, "a power of two");
/* More changes than a group of the log on disk can hold, so they could not be committed. */
#define ENTRIES_MOST (UINT64_C(1) << 29)

uint64_t image_undo_count(const struct image *image)
{
    return atomic_load_explicit(&image->header->undo_tail, memory_order_relaxed) -
           atomic_load_explicit(&image->header->undo_head, memory_order_relaxed);
}

bool undo_fits(const struct image *image)
{
    uint64_t table = atomic_load(&image->header->undo_table), entries = table_slots(table);
    if (table == 0)
        return image_undo_count(image) <= STORE_UNDO_ENTRIES_MAX;
    return entries > STORE_UNDO_ENTRIES_MAX && entries <= ENTRIES_MOST &&
           (entries & (entries - 1)) == 0 && image_undo_count(image) <= entries &&
           image_table_fits(image, table, image->undo_size);
}

/* Moves the log to a table that has room for it, or, with 0, to the place that every image has. */
static void move_to(struct image *image, uint64_t table)
{
    struct image_header *h = image->header;
    uint64_t old = atomic_load(&h->undo_table);
    uint64_t page = table != 0 ? table_page(table) : undo_fixed_page();
    uint64_t mask = (table != 0 ? table_slots(table) : STORE_UNDO_ENTRIES_MAX) - 1;
    uint8_t *base = image->base + page * STORE_PAGE_BYTES;
    uint64_t tail = atomic_load(&h->undo_tail);
    for (uint64_t n = atomic_load(&h->undo_head); n < tail; n++) {
        image_beat(image, n);
        memcpy(base + (n & mask) * image->undo_size, undo_at(image, n), image->undo_size);
    }
    atomic_store(&h->undo_table, table);
    undo_use(image);
    if (old != 0)
        store_space_give_back(&image->space, table_page(old));
    image_bound_private(image);
}

void undo_grow(struct image *image)
{
    uint64_t entries = 2 * (image->undo_mask + 1);
    if (entries > ENTRIES_MOST) {
        struct err e;
        (void)err_set(&e, ERR_NO_SPACE, "one seq makes more than %llu changes to the state",
                      (unsigned long long)ENTRIES_MOST);
        image_give_up(image, &e);
    }
    uint64_t table = image_table_new(image, entries, image->undo_size);
    move_to(image, table);
}

void undo_shrink(struct image *image)
{
    if (image->undo_mask + 1 != STORE_UNDO_ENTRIES_MAX &&
        image_undo_count(image) <= STORE_UNDO_ENTRIES_MAX / 2)
        move_to(image, 0);
}

/* The previous entry of the same group. Numbers here are one higher; 0 means none. */
static uint64_t before(const struct image *image, uint64_t head, uint64_t number)
{
    uint32_t back = undo_at(image, number - 1)->back;
    return back != 0 && number - back > head ? number - back : 0;
}

/* The place of a key in an index, or where it would be. */
static uint64_t *place_in(const struct image *image, const struct undo_index *index,
                          const struct image_slot *key)
{
    uint64_t at = key->low & index->mask;
    for (;; at = (at + 1) & index->mask) {
        uint64_t number = index->oldest[at];
        if (number == 0)
            return &index->oldest[at];
        const struct image_slot *slot = &undo_at(image, number - 1)->slot;
        if (slot->low == key->low && slot->high == key->high)
            return &index->oldest[at];
    }
}

void undo_index_make(const struct image *image, unsigned group, struct undo_index *ret_index)
{
    uint64_t head = atomic_load(&image->header->undo_head);
    uint64_t newest = image->last_undo[group] > head ? image->last_undo[group] : 0;
    uint64_t count = 0;
    *ret_index = (struct undo_index){0};
    for (uint64_t n = newest; n != 0; n = before(image, head, n))
        image_beat(image, count++);
    if (count == 0)
        return;
    uint64_t places = 2;
    while (places < 2 * count)
        places *= 2;
    ret_index->oldest = memory_new(places, sizeof *ret_index->oldest);
    ret_index->mask = places - 1;
    for (uint64_t n = newest; n != 0; n = before(image, head, n)) {
        image_beat(image, count--);
        *place_in(image, ret_index, &undo_at(image, n - 1)->slot) = n;
    }
}

void undo_index_done(struct undo_index *index)
{
    free(index->oldest);
    *index = (struct undo_index){0};
}

const struct undo_entry *undo_index_find(const struct image *image, const struct undo_index *index,
                                         const struct image_slot *key)
{
    uint64_t number = index->oldest != NULL ? *place_in(image, index, key) : 0;
    return number != 0 ? undo_at(image, number - 1) : NULL;
}
