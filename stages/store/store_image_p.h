/* SPDX-License-Identifier: MIT */
/*
 * store_image_p.h - the contents of an image; private to store_image*.c, store_table.c,
 * store_undo.c and store_dump.c
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_IMAGE_P_H
#define BULKHEAD_STAGES_STORE_STORE_IMAGE_P_H

#include <stdatomic.h>
#include <string.h>

#include "common/beat.h"
#include "common/check.h"
#include "stages/store/store_image.h"

/*
 * A table of a shard, or an undo log that has grown, packed into a word so that one store replaces
 * it: page << 36 | the number of slots or entries.
 */
#define TABLE_SLOTS_BITS 36
#define TABLE(page, slots) ((page) << TABLE_SLOTS_BITS | (slots))
_Static_assert(STORE_SPACE_BYTES / STORE_PAGE_BYTES <= UINT64_C(1) << (64 - TABLE_SLOTS_BITS),
               "any page fits");

struct image_header {
    uint64_t magic;
    uint32_t value_len;
    uint32_t expires;
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    uint8_t secret[STORE_SECRET_BYTES];
    _Atomic uint64_t complete;
    _Atomic uint64_t active_commit; /* which of the two is valid */
    struct image_commit commits[2];
    int64_t clock;
    _Atomic uint64_t undo_head;  /* the number of entries ever freed */
    _Atomic uint64_t undo_tail;  /* the number of entries ever made */
    _Atomic uint64_t undo_table; /* where the undo log is; 0: after the header */
    _Atomic uint64_t moving;     /* the shard whose table is being replaced, + 1; 0: none */
    _Atomic uint64_t tables[IMAGE_SHARDS];
    uint64_t positions[KEY_GROUPS];
    uint32_t used[IMAGE_SHARDS]; /* slots in use; after a kill it may be one too high */
};

enum undo_op {
    UNDO_PUT_NEW, /* there was no entry; `slot` has only the key */
    UNDO_PUT_OLD, /* there was an entry, which `slot` has */
    UNDO_CLOCK,   /* the clock was advanced */
};

struct undo_entry {
    uint64_t seq;
    uint32_t op;
    uint32_t back; /* the distance to the previous entry of the same group; 0: there was none */
    union {
        struct {
            int64_t from, to;
        } clock;
        struct image_slot slot;
    };
};

/* --- space --- */

static inline uint64_t pages_for(uint64_t bytes)
{
    return (bytes + STORE_PAGE_BYTES - 1) / STORE_PAGE_BYTES;
}

static inline uint64_t table_slots(uint64_t table)
{
    return table & ((UINT64_C(1) << TABLE_SLOTS_BITS) - 1);
}

static inline uint64_t table_page(uint64_t table)
{
    return table >> TABLE_SLOTS_BITS;
}

/* Sets what follows from the length of values and whether entries expire. */
void image_set_sizes(struct image *image, uint32_t value_len, bool expires);

/* Begins without tables. Requires: the sizes are set. */
void image_init_space(struct image *image);

/* Sets the pointers into the image again. Call it when the map may have moved. */
void image_follow_map(struct image *image);

/* Whether a table is inside the memory of the image. */
bool image_table_fits(const struct image *image, uint64_t table, size_t slot_size);

/* Notes a table that exists. */
void image_table_note(struct image *image, uint64_t table, size_t slot_size);

/*
 * Creates a table. Invalidates pointers into the image.
 * Returns: 0, ERR_MISMATCH (it would exceed the memory_max of the stage), or as store_space_take().
 */
int image_table_make(struct image *image, uint64_t slots, size_t slot_size, uint64_t *ret_table,
                     struct err *e);

/* The same, but ends the process after an error; see store_image.h. */
uint64_t image_table_new(struct image *image, uint64_t slots, size_t slot_size);

/* Reports why there is no memory for a change, and ends the process; see store_image.h. */
_Noreturn void image_give_up(const struct image *image, const struct err *e);

/* --- entries --- */

/*
 * Removes an entry that did not exist at the commit, if it exists now. Its slot stays in use, for
 * others may have been placed after it.
 */
void image_take_back(struct image *image, struct hash128 key);

/* --- slots --- */

/* How many slots, or entries of the undo log, are visited between two beats. */
#define SLOTS_PER_BEAT 16384u

/* Beats when a walk reaches number i: a group, and so a table, may have any number of keys. */
static inline void image_beat(const struct image *image, uint64_t i)
{
    if (i % SLOTS_PER_BEAT == 0)
        beat_once(image->beats);
}

enum {
    SLOT_EMPTY = 0,
    SLOT_TAKEN_BACK = 1,
    SLOT_LOW_MIN = 2,
};

static inline uint64_t table_of(const struct image *image, unsigned shard)
{
    return atomic_load_explicit(&image->header->tables[shard], memory_order_relaxed);
}

static inline uint8_t *table_base(const struct image *image, uint64_t table)
{
    return image->base + table_page(table) * STORE_PAGE_BYTES;
}

static inline struct image_slot *slot_at(const struct image *image, uint8_t *base, uint64_t i)
{
    return (struct image_slot *)(base + i * image->slot_size);
}

static inline struct hash128 key_of(const struct image_slot *slot)
{
    return (struct hash128){slot->low, slot->high};
}

static inline int64_t expires_at(const struct image *image, const struct image_slot *slot)
{
    int64_t at = STORE_NEVER;
    if (image->value_at != 0)
        memcpy(&at, slot->rest, sizeof at);
    return at;
}

static inline bool is_live(const struct image *image, const struct image_slot *slot, int64_t clock)
{
    if (slot->low < SLOT_LOW_MIN)
        return false;
    int64_t at = expires_at(image, slot);
    return at == STORE_NEVER || at > clock;
}

/* memcpy() for a few words: slots and values are multiples of 8 bytes. */
static inline void copy_words(void *to, const void *from, size_t len)
{
    for (size_t i = 0; i < len; i += sizeof(uint64_t))
        memcpy((uint8_t *)to + i, (const uint8_t *)from + i, sizeof(uint64_t));
}

/* --- the undo log --- */

static inline struct undo_entry *undo_at(const struct image *image, uint64_t number)
{
    return (struct undo_entry *)(image->undo_base + (number & image->undo_mask) * image->undo_size);
}

/* The page of the log that every image has, which is after the header, and its size. */
static inline uint64_t undo_fixed_page(void)
{
    return pages_for(sizeof(struct image_header));
}

static inline uint64_t undo_fixed_bytes(const struct image *image)
{
    return STORE_UNDO_ENTRIES_MAX * image->undo_size;
}

/* Uses the log that the header names. Call it when that has changed, or the map has moved. */
static inline void undo_use(struct image *image)
{
    uint64_t table = atomic_load(&image->header->undo_table);
    uint64_t page = table != 0 ? table_page(table) : undo_fixed_page();
    image->undo_base = image->base + page * STORE_PAGE_BYTES;
    image->undo_mask = (table != 0 ? table_slots(table) : STORE_UNDO_ENTRIES_MAX) - 1;
}

/* Whether the log that the header names is inside the image, and its numbers are possible. */
bool undo_fits(const struct image *image);

/*
 * Makes room when every entry is in use, or ends the process. Invalidates pointers into the image.
 */
void undo_grow(struct image *image);

/* Returns to the log that every image has, if what waits for a commit fills at most half of it. */
void undo_shrink(struct image *image);

/* Indexes the undo entries of one group by their keys. End it with undo_index_done(). */
void undo_index_make(const struct image *image, unsigned group, struct undo_index *ret_index);
void undo_index_done(struct undo_index *index);

/* The oldest undo entry of a key, which has its entry as of the committed point; or NULL. */
const struct undo_entry *undo_index_find(const struct image *image, const struct undo_index *index,
                                         const struct image_slot *key);

#endif
