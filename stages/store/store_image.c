/* SPDX-License-Identifier: MIT */
#include "stages/store/store_image_p.h"

#include <stdatomic.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"

#define CACHE_LINE_BYTES 64

_Static_assert(KEY_GROUPS == 256 && KEY_GROUPS % IMAGE_SHARDS == 0, "a group has one shard");

unsigned image_group(struct hash128 key)
{
    return (unsigned)(key.high >> 56);
}

unsigned image_shard(struct hash128 key)
{
    return image_group(key) % IMAGE_SHARDS;
}

/* The lowest numbers say what is in a slot, so no key may begin with them. */
static struct hash128 usable_key(struct hash128 key)
{
    if (key.low < SLOT_LOW_MIN)
        key.low += SLOT_LOW_MIN;
    return key;
}

static void slot_set(const struct image *image, struct image_slot *slot, int64_t at,
                     const void *value)
{
    if (image->value_at != 0)
        memcpy(slot->rest, &at, sizeof at);
    copy_words(slot->rest + image->value_at, value, image->value_len);
}

/* Fills an empty slot. Its first word is stored last, and makes it visible. */
static void slot_fill(const struct image *image, struct image_slot *slot, struct hash128 key,
                      int64_t at, const void *value)
{
    slot->high = key.high;
    slot_set(image, slot, at, value);
    atomic_thread_fence(memory_order_release);
    slot->low = key.low;
}

const uint8_t *image_secret(const struct image *image)
{
    return image->header->secret;
}

struct image_commit image_commit_get(const struct image *image)
{
    return image->header->commits[atomic_load(&image->header->active_commit) & 1];
}

void image_commit_set(struct image *image, const struct image_commit *commit)
{
    struct image_header *h = image->header;
    /*
     * The commit is noted first. Once it is, a rollback stops above it, and entries of the undo log
     * below it are only garbage until the head passes them.
     */
    uint64_t next = (atomic_load(&h->active_commit) + 1) & 1;
    h->commits[next] = *commit;
    atomic_store(&h->active_commit, next);
    uint64_t head = atomic_load(&h->undo_head);
    uint64_t tail = atomic_load(&h->undo_tail);
    for (; head < tail && undo_at(image, head)->seq <= commit->seq; head++) {
        if (undo_at(image, head)->op == UNDO_CLOCK)
            image->committed_clock = undo_at(image, head)->clock.to;
    }
    atomic_store(&h->undo_head, head);
    undo_shrink(image);
}

/* The slot at which the search for a key begins in a table of this many slots. */
static uint64_t place_of(struct hash128 key, uint64_t slots)
{
    return (uint64_t)((unsigned __int128)key.low * slots >> 64);
}

/* The slot of a key, live or not, or the empty one where it would go. */
static struct image_slot *probe(const struct image *image, uint64_t table, struct hash128 key)
{
    uint64_t slots = table_slots(table);
    uint8_t *base = table_base(image, table);
    uint8_t *end = base + slots * image->slot_size;
    uint8_t *at = base + place_of(key, slots) * image->slot_size;
    for (;;) {
        struct image_slot *slot = (struct image_slot *)at;
        if (slot->low == SLOT_EMPTY || (slot->low == key.low && slot->high == key.high))
            return slot;
        at += image->slot_size;
        at = at == end ? base : at;
    }
}

static struct image_slot *slot_of(const struct image *image, struct hash128 key)
{
    return probe(image, table_of(image, image_shard(key)), key);
}

void image_prefetch(const struct image *image, struct hash128 key)
{
    key = usable_key(key);
    uint64_t table = table_of(image, image_shard(key));
    const uint8_t *at =
        table_base(image, table) + place_of(key, table_slots(table)) * image->slot_size;
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + CACHE_LINE_BYTES, 1);
}

const void *image_find(const struct image *image, struct hash128 key)
{
    const struct image_slot *slot = slot_of(image, usable_key(key));
    return is_live(image, slot, image->header->clock) ? slot->rest + image->value_at : NULL;
}

const void *image_find_expiring(const struct image *image, struct hash128 key,
                                int64_t *ret_expires_at)
{
    const struct image_slot *slot = slot_of(image, usable_key(key));
    *ret_expires_at = expires_at(image, slot);
    return is_live(image, slot, image->header->clock) ? slot->rest + image->value_at : NULL;
}

void image_each_live(const struct image *image, unsigned shard, _Atomic uint64_t *beats,
                     store_visit *visit, void *context)
{
    uint64_t table = table_of(image, shard);
    uint8_t *base = table_base(image, table);
    for (uint64_t i = 0; i < table_slots(table); i++) {
        const struct image_slot *slot = slot_at(image, base, i);
        if (i % SLOTS_PER_BEAT == 0)
            beat_once(beats);
        if (is_live(image, slot, image->header->clock))
            visit(context, key_of(slot), expires_at(image, slot), slot->rest + image->value_at);
    }
}

int64_t image_committed_clock(const struct image *image)
{
    return image->committed_clock;
}

/*
 * A table is never fuller than this: beyond it, finding that a key is missing takes ever longer.
 * Four of the smallest slots fit in a cache line, and the hardware prefetches the next lines.
 */
static uint64_t used_max(const struct image *image, uint64_t slots)
{
    return slots - slots * (image->slot_size == sizeof(struct image_slot) ? 3 : 4) / 16;
}

/*
 * How many slots a table gets for this many live entries: it has room for at least a quarter more.
 * Small tables are cheap, and double.
 */
static uint64_t slots_for(const struct image *image, uint64_t live, uint64_t slots)
{
    while (live > used_max(image, slots) * 4 / 5)
        slots += slots < 16 * STORE_SHARD_SLOTS_FIRST ? slots : slots / 4;
    return slots;
}

/*
 * Moves a shard to a new table with room for `more` entries more. Leaves out what had expired as of
 * the committed clock; what expired later must come back if the clock is rolled back.
 */
static void shard_rebuild(struct image *image, unsigned shard, uint64_t more)
{
    uint64_t old = table_of(image, shard);
    uint8_t *old_base = table_base(image, old);
    int64_t clock = image_committed_clock(image);
    uint32_t live = 0;
    for (uint64_t i = 0; i < table_slots(old); i++) {
        image_beat(image, i);
        live += is_live(image, slot_at(image, old_base, i), clock) ? 1 : 0;
    }
    uint64_t new =
        image_table_new(image, slots_for(image, live + more, table_slots(old)), image->slot_size);
    struct image_header *h = image->header;
    old_base = table_base(image, old);
    for (uint64_t i = 0; i < table_slots(old); i++) {
        const struct image_slot *slot = slot_at(image, old_base, i);
        image_beat(image, i);
        if (is_live(image, slot, clock))
            copy_words(probe(image, new, key_of(slot)), slot, image->slot_size);
    }
    atomic_store(&h->moving, shard + 1);
    atomic_store(&h->tables[shard], new);
    h->used[shard] = live;
    atomic_store(&h->moving, 0);
    store_space_give_back(&image->space, table_page(old));
    image_bound_private(image);
}

void image_expect(struct image *image, unsigned group, uint64_t entries)
{
    unsigned shard = group % IMAGE_SHARDS;
    uint64_t slots = table_slots(table_of(image, shard));
    if (image->header->used[shard] + entries > used_max(image, slots))
        shard_rebuild(image, shard, entries);
}

/*
 * Sets an entry in the slot that probe() found for it, without an undo entry. The value must not be
 * in the image, which may move.
 */
static void put_at(struct image *image, struct image_slot *slot, struct hash128 key, int64_t at,
                   const void *value)
{
    if (slot->low != SLOT_EMPTY) {
        slot_set(image, slot, at, value);
        return;
    }
    unsigned shard = image_shard(key);
    if (image->header->used[shard] + 1 > used_max(image, table_slots(table_of(image, shard)))) {
        shard_rebuild(image, shard, 0);
        slot = slot_of(image, key);
    }
    image->header->used[shard]++;
    slot_fill(image, slot, key, at, value);
}

/*
 * Makes room in the undo log for one more entry, and returns its number. Invalidates pointers into
 * the image.
 */
static inline uint64_t undo_make_room(struct image *image)
{
    struct image_header *h = image->header;
    uint64_t tail = atomic_load_explicit(&h->undo_tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&h->undo_head, memory_order_relaxed) > image->undo_mask)
        undo_grow(image);
    return tail;
}

static struct undo_entry *undo_begin(struct image *image, uint64_t number, seq_number seq,
                                     enum undo_op op)
{
    struct undo_entry *undo = undo_at(image, number);
    undo->seq = seq;
    undo->op = op;
    return undo;
}

/* The entry is complete: from here on a rollback takes it into account. */
static void undo_publish(struct image *image, uint64_t number)
{
    /*
     * There is one writer, and a kill comes between two of its instructions. So it is enough that
     * the compiler keeps the order, before and after.
     */
    atomic_store_explicit(&image->header->undo_tail, number + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Links an entry that is about to be published to the previous one of the same group. */
static void undo_chain(struct image *image, struct undo_entry *undo, uint64_t number,
                       unsigned group)
{
    uint64_t back = image->last_undo[group] != 0 ? number + 1 - image->last_undo[group] : 0;
    undo->back = back <= image->undo_mask ? (uint32_t)back : 0;
    image->last_undo[group] = number + 1;
}

/* Notes what a put of a key is about to change. Returns the slot to put it in. */
static struct image_slot *note_undo(struct image *image, seq_number seq, struct hash128 key)
{
    uint64_t number = undo_make_room(image);
    struct image_slot *slot = slot_of(image, key);
    /* An expired entry is noted too: the rollback may also set back the clock. */
    bool is_new = slot->low == SLOT_EMPTY;
    struct undo_entry *undo = undo_begin(image, number, seq, is_new ? UNDO_PUT_NEW : UNDO_PUT_OLD);
    if (!is_new) {
        copy_words(&undo->slot, slot, image->slot_size);
    } else {
        undo->slot.low = key.low;
        undo->slot.high = key.high;
    }
    undo_chain(image, undo, number, image_group(key));
    undo_publish(image, number);
    return slot;
}

void image_put(struct image *image, seq_number seq, struct hash128 key, int64_t at,
               const void *value)
{
    REQUIRE(image->value_at != 0 || at == STORE_NEVER);
    key = usable_key(key);
    struct image_slot *slot = seq != 0 ? note_undo(image, seq, key) : slot_of(image, key);
    put_at(image, slot, key, at, value);
}

void image_take_back(struct image *image, struct hash128 key)
{
    struct image_slot *slot = slot_of(image, key);
    if (slot->low != SLOT_EMPTY)
        slot->low = SLOT_TAKEN_BACK;
}

int64_t image_clock(const struct image *image)
{
    return image->header->clock;
}

void image_set_clock(struct image *image, seq_number seq, int64_t clock)
{
    if (seq != 0) {
        uint64_t number = undo_make_room(image);
        struct undo_entry *undo = undo_begin(image, number, seq, UNDO_CLOCK);
        undo->clock.from = image->header->clock;
        undo->clock.to = clock;
        undo_publish(image, number);
    } else {
        image->committed_clock = clock;
    }
    image->header->clock = clock;
}

seq_number image_position(const struct image *image, unsigned group)
{
    return image->header->positions[group];
}

void image_set_position(struct image *image, unsigned group, seq_number position)
{
    image->header->positions[group] = position;
}

uint64_t image_entries(const struct image *image)
{
    uint64_t entries = 0;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        entries += image->header->used[i];
    return entries;
}

uint64_t image_bytes(const struct image *image)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        bytes += table_slots(table_of(image, i)) * image->slot_size;
    return bytes;
}
