/* SPDX-License-Identifier: MIT */
/*
 * How an image begins: empty, or inherited from the last process, with what that had in flight
 * rolled back.
 */
#include <fcntl.h>
#include <string.h>

#include "common/bounds.h"
#include "stages/store/store_image_p.h"

#define IMAGE_MAGIC UINT64_C(0x33676d6964616568) /* "headimg3" */
#define UNDOS_PER_BEAT 65536u

/*
 * The first tables differ in size by up to a quarter, which is the step they grow by. Otherwise
 * they would all grow at the same time, and have the same amount of spare room.
 */
static uint64_t slots_first(unsigned shard)
{
    return STORE_SHARD_SLOTS_FIRST + STORE_SHARD_SLOTS_FIRST * shard / (4 * IMAGE_SHARDS);
}

int image_format(struct image *image, const struct store_spec *spec,
                 const uint8_t secret[STORE_SECRET_BYTES], struct err *e)
{
    REQUIRE(spec->value_len % 8 == 0 && spec->value_len <= STORE_VALUE_BYTES_MAX);
    if (fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  (off_t)image->map.len) != 0)
        return err_set_errno(e, "cannot clear the memory of the state");
    image_set_sizes(image, spec->value_len, spec->expires);
    image_init_space(image);
    uint64_t fixed = image->space.first_page * STORE_PAGE_BYTES;
    int rc = store_map_reserve(&image->map, fixed, e);
    if (rc == 0)
        rc = store_map_commit(&image->map, 0, fixed, e);
    image_follow_map(image);
    if (rc != 0)
        return rc;
    struct image_header *h = image->header;
    h->value_len = spec->value_len;
    h->expires = spec->expires ? 1 : 0;
    memcpy(h->schema, spec->schema, sizeof h->schema);
    memcpy(h->secret, secret, sizeof h->secret);
    h->clock = image->committed_clock = STORE_CLOCK_START;
    memset(image->last_undo, 0, sizeof image->last_undo);
    for (unsigned i = 0; rc == 0 && i < IMAGE_SHARDS; i++) {
        uint64_t table = 0;
        rc = image_table_make(image, slots_first(i), image->slot_size, &table, e);
        atomic_store(&image->header->tables[i], table);
    }
    if (rc == 0)
        image->header->magic = IMAGE_MAGIC;
    return rc;
}

void image_complete(struct image *image, const struct image_commit *commit)
{
    image_commit_set(image, commit);
    atomic_store(&image->header->complete, 1);
}

static void undo_apply(struct image *image, const struct undo_entry *undo)
{
    struct hash128 key = key_of(&undo->slot);
    uint8_t value[STORE_VALUE_BYTES_MAX];
    switch (undo->op) {
    case UNDO_CLOCK:
        image->header->clock = undo->clock.from;
        return;
    case UNDO_PUT_OLD:
        copy_words(value, undo->slot.rest + image->value_at, image->value_len);
        image_put(image, 0, key, expires_at(image, &undo->slot), value);
        return;
    default:
        image_take_back(image, key);
    }
}

/* The clock at the commit: its value before the first change that must be rolled back. */
static int64_t find_committed_clock(const struct image *image, seq_number committed)
{
    const struct image_header *h = image->header;
    uint64_t tail = atomic_load(&h->undo_tail);
    for (uint64_t n = atomic_load(&h->undo_head); n < tail; n++) {
        if (undo_at(image, n)->op == UNDO_CLOCK && undo_at(image, n)->seq > committed)
            return undo_at(image, n)->clock.from;
    }
    return h->clock;
}

static void roll_back(struct image *image, _Atomic uint64_t *beats)
{
    seq_number committed = image_commit_get(image).seq;
    image->committed_clock = find_committed_clock(image, committed);
    uint64_t head = atomic_load(&image->header->undo_head);
    uint64_t tail = atomic_load(&image->header->undo_tail);
    while (tail > head && undo_at(image, tail - 1)->seq > committed) {
        if (tail % UNDOS_PER_BEAT == 0)
            beat_once(beats);
        undo_apply(image, undo_at(image, tail - 1));
        atomic_store(&image->header->undo_tail, --tail);
    }
    atomic_store(&image->header->undo_head, tail);
}

/* Counts the slots in use again, because a kill came between replacing a table and its count. */
static void recount(struct image *image, unsigned shard)
{
    uint64_t table = table_of(image, shard);
    uint32_t used = 0;
    for (uint64_t i = 0; i < table_slots(table); i++) {
        image_beat(image, i);
        used += slot_at(image, table_base(image, table), i)->low != SLOT_EMPTY ? 1 : 0;
    }
    image->header->used[shard] = used;
}

static bool tables_fit(const struct image *image)
{
    for (unsigned i = 0; i < IMAGE_SHARDS; i++) {
        if (!image_table_fits(image, table_of(image, i), image->slot_size))
            return false;
    }
    return undo_fits(image);
}

static void note_tables(struct image *image)
{
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        image_table_note(image, table_of(image, i), image->slot_size);
    uint64_t undo = atomic_load(&image->header->undo_table);
    if (undo != 0)
        image_table_note(image, undo, image->undo_size);
    store_space_tidy(&image->space);
}

bool image_attach(struct image *image, const struct store_spec *spec)
{
    struct image_header *h = image->header;
    if (h->magic != IMAGE_MAGIC || atomic_load(&h->complete) != 1 ||
        h->value_len != spec->value_len || (h->expires == 1) != spec->expires ||
        strcmp(h->schema, spec->schema) != 0)
        return false;
    image_set_sizes(image, h->value_len, spec->expires);
    image_init_space(image);
    if (!tables_fit(image))
        return false;
    note_tables(image);
    undo_use(image);
    uint64_t moving = atomic_load(&h->moving);
    if (moving != 0)
        recount(image, (unsigned)moving - 1);
    atomic_store(&h->moving, 0);
    roll_back(image, spec->beats);
    undo_shrink(image);
    return true;
}
