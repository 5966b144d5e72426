/* SPDX-License-Identifier: MIT */
/*
 * The entries of a key group as of the committed point, piece by piece: a group may have any number
 * of keys, however little memory the stage has.
 *
 * An entry may get another form on the way, for another store.
 *
 * Entries with an undo are given as the undo has them. Every entry that existed at the committed
 * point still has a slot, because shards keep what is live as of that point.
 */
#include "stages/store/store_dump.h"

#include <string.h>

#include "stages/store/store_image_p.h"

static uint64_t table_of_dump(const struct image_dump *d)
{
    return table_of(d->image, d->group % IMAGE_SHARDS);
}

void image_dump_init(struct image_dump *d, const struct image *image, unsigned group,
                     const struct image_form *form)
{
    *d = (struct image_dump){.image = image, .group = group, .form = form};
    undo_index_make(image, group, &d->undos);
}

void image_dump_done(struct image_dump *d)
{
    undo_index_done(&d->undos);
}

/*
 * When an entry expires in the other store. What would be beyond the end of time never expires, as
 * if it had been put there. What does not expire has no time that could be moved.
 */
static int64_t expiry_in(const struct image_form *form, int64_t at)
{
    if (form->never || at == STORE_NEVER)
        return STORE_NEVER;
    int64_t moved;
    if (__builtin_add_overflow(at, form->shift_ns, &moved))
        return form->shift_ns > 0 ? STORE_NEVER : INT64_MIN;
    return moved;
}

/* An entry in the form of the other store. */
struct converted {
    struct hash128 key;
    int64_t expires_at;
    uint8_t value[STORE_VALUE_BYTES_MAX];
};

/* Gives an entry its other form. False: it is left out. */
static bool convert(const struct image_dump *d, const struct image_slot *slot,
                    struct converted *ret_entry)
{
    const struct store_rewrite *rewrite = d->form->rewrite;
    ret_entry->key = key_of(slot);
    ret_entry->expires_at = expiry_in(d->form, expires_at(d->image, slot));
    memcpy(ret_entry->value, slot->rest + d->image->value_at, d->image->value_len);
    if (rewrite != NULL && !rewrite->change(rewrite->context, ret_entry->key,
                                            &ret_entry->expires_at, ret_entry->value))
        return false;
    return ret_entry->expires_at == STORE_NEVER || ret_entry->expires_at > d->form->clock;
}

static bool is_wanted(const struct image_dump *d, const struct image_slot *slot)
{
    struct converted entry;
    return is_live(d->image, slot, image_committed_clock(d->image)) &&
           (d->form == NULL || convert(d, slot, &entry));
}

static void add_converted(const struct image_dump *d, const struct converted *entry,
                          struct buf *out)
{
    const struct image_slot slot = {.low = entry->key.low, .high = entry->key.high};
    buf_add(out, &slot, sizeof slot);
    if (d->form->expires)
        buf_add(out, &entry->expires_at, sizeof entry->expires_at);
    buf_add(out, entry->value, d->image->value_len);
}

static void add_entry(const struct image_dump *d, const struct image_slot *slot, struct buf *out)
{
    struct converted entry;
    if (d->form != NULL) {
        (void)convert(d, slot, &entry);
        add_converted(d, &entry, out);
        return;
    }
    copy_words(buf_reserve(out, d->image->slot_size), slot, d->image->slot_size);
    out->len += d->image->slot_size;
}

/* Makes the entry that a kind adds to the group. False: there is none. */
static bool make_added(const struct image_dump *d, struct converted *ret_entry)
{
    const struct store_rewrite *rewrite = d->form != NULL ? d->form->rewrite : NULL;
    *ret_entry = (struct converted){.expires_at = STORE_NEVER};
    return rewrite != NULL && rewrite->add(rewrite->context, &ret_entry->key,
                                           &ret_entry->expires_at, ret_entry->value);
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
    return is_wanted(d, slot) ? slot : NULL;
}

uint32_t image_dump_next(struct image_dump *d, size_t bytes_max, struct buf *out)
{
    uint64_t table = table_of_dump(d);
    uint8_t *base = table_base(d->image, table);
    size_t begin = out->len;
    uint32_t dumped = 0;
    for (; d->next < table_slots(table) && out->len - begin < bytes_max; d->next++) {
        const struct image_slot *slot = committed_slot(d, base, d->next);
        if (slot == NULL)
            continue;
        add_entry(d, slot, out);
        dumped++;
    }
    struct converted added;
    if (d->next < table_slots(table) || d->added)
        return dumped;
    d->added = true;
    if (!make_added(d, &added))
        return dumped;
    add_converted(d, &added, out);
    return dumped + 1;
}

bool image_dump_is_at_end(const struct image_dump *d)
{
    return d->next == table_slots(table_of_dump(d)) && d->added;
}

uint32_t image_dump_left(const struct image_dump *d)
{
    uint64_t table = table_of_dump(d);
    uint8_t *base = table_base(d->image, table);
    struct converted added;
    uint32_t left = !d->added && make_added(d, &added) ? 1 : 0;
    for (uint64_t i = d->next; i < table_slots(table); i++)
        left += committed_slot(d, base, i) != NULL ? 1 : 0;
    return left;
}
