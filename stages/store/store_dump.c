/* SPDX-License-Identifier: MIT */
/*
 * The entries of a key group as of the committed point, piece by piece: a group may have any number
 * of keys, however little memory the stage has.
 *
 * Entries with an undo are given as the undo has them. Every entry that existed at the committed
 * point still has a slot, because shards keep what is live as of that point.
 */
#include "stages/store/store_dump.h"

#include "stages/store/store_image_p.h"

static uint64_t table_of_dump(const struct image_dump *d)
{
    return table_of(d->image, d->group % IMAGE_SHARDS);
}

void image_dump_init(struct image_dump *d, const struct image *image, unsigned group)
{
    *d = (struct image_dump){.image = image, .group = group};
    undo_index_make(image, group, &d->undos);
}

void image_dump_done(struct image_dump *d)
{
    undo_index_done(&d->undos);
}

/* What slot i held at the committed point; NULL if that was nothing, or is of another group. */
static const struct image_slot *committed_slot(const struct image_dump *d, uint8_t *base,
                                               uint64_t i)
{
    const struct image *image = d->image;
    const struct image_slot *slot = slot_at(image, base, i);
    image_beat(image, i);
    if (slot->low < SLOT_LOW_MIN || image_group(key_of(slot)) != d->group)
        return NULL;
    const struct undo_entry *undo = undo_index_find(image, &d->undos, slot);
    if (undo != NULL && undo->op == UNDO_PUT_NEW)
        return NULL;
    if (undo != NULL)
        slot = &undo->slot;
    return is_live(image, slot, image_committed_clock(image)) ? slot : NULL;
}

uint32_t image_dump_next(struct image_dump *d, size_t bytes_max, struct buf *out)
{
    uint64_t table = table_of_dump(d);
    uint8_t *base = table_base(d->image, table);
    size_t begin = out->len, slot_size = d->image->slot_size;
    uint32_t dumped = 0;
    for (; d->next < table_slots(table) && out->len - begin < bytes_max; d->next++) {
        const struct image_slot *slot = committed_slot(d, base, d->next);
        if (slot == NULL)
            continue;
        copy_words(buf_reserve(out, slot_size), slot, slot_size);
        out->len += slot_size;
        dumped++;
    }
    return dumped;
}

bool image_dump_is_at_end(const struct image_dump *d)
{
    return d->next == table_slots(table_of_dump(d));
}

uint32_t image_dump_left(const struct image_dump *d)
{
    uint64_t table = table_of_dump(d);
    uint8_t *base = table_base(d->image, table);
    uint32_t left = 0;
    for (uint64_t i = d->next; i < table_slots(table); i++)
        left += committed_slot(d, base, i) != NULL ? 1 : 0;
    return left;
}
