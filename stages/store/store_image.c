/* SPDX-License-Identifier: MIT */
#include "common/beat.h"
#include "stages/store/store_image_p.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/memory.h"

#define IMAGE_MAGIC UINT64_C(0x33676d6964616568) /* "headimg3" */
#define CACHE_LINE_BYTES 64
#define UNDOS_PER_BEAT 65536u

_Static_assert(KEY_GROUPS == 256 && KEY_GROUPS % IMAGE_SHARDS == 0, "a group has one shard");

unsigned image_group(struct hash128 key)
{
    return (unsigned)(key.high >> 56);
}

unsigned image_shard(struct hash128 key)
{
    return image_group(key) % IMAGE_SHARDS;
}

/* The lowest numbers say what is in a slot, so no key may have them. */
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

/* Fills an empty slot; its first word comes last and makes it visible. */
static void slot_fill(const struct image *image, struct image_slot *slot, struct hash128 key,
                      int64_t at, const void *value)
{
    slot->high = key.high;
    slot_set(image, slot, at, value);
    atomic_thread_fence(memory_order_release);
    slot->low = key.low;
}

static void set_sizes(struct image *image, uint32_t value_len, bool expires)
{
    image->value_len = value_len;
    image->value_at = expires ? sizeof(int64_t) : 0;
    image->slot_size = sizeof(struct image_slot) + image->value_at + value_len;
    image->undo_size = offsetof(struct undo_entry, slot) + image->slot_size;
}

/* Tables begin with a chunk, behind the header and the undo log. */
static void init_space(struct image *image)
{
    uint64_t bytes = undo_fixed_page() * STORE_PAGE_BYTES + undo_fixed_bytes(image);
    uint64_t chunks = (bytes + STORE_CHUNK_BYTES - 1) / STORE_CHUNK_BYTES;
    store_space_init(&image->space, &image->map, chunks * (STORE_CHUNK_BYTES / STORE_PAGE_BYTES));
    image->space.beats = image->beats;
    if (image->asks_for_huge)
        store_space_ask_for_huge(&image->space);
}

/* To be called when the map may have moved. */
static void follow_map(struct image *image)
{
    image->base = image->map.base;
    image->header = (struct image_header *)image->base;
    undo_use(image);
}

int image_init(struct image *image, int fd, const struct store_spec *spec, struct err *e)
{
    *image = (struct image){.fd = fd,
                            .own_fd = fd < 0,
                            .beats = spec->beats,
                            .memory_bytes_max = spec->memory_bytes_max,
                            .on_none = spec->on_none,
                            .asks_for_huge = spec->first};
    if (fd < 0) {
        int made = memfd_new("bulkhead-store", &image->fd, e);
        if (made != 0)
            return made;
    }
    int rc = store_map_open(&image->map, image->fd, e);
    if (rc == 0)
        follow_map(image);
    return rc;
}

void image_done(struct image *image)
{
    store_map_close(&image->map);
    if (image->own_fd && image->fd >= 0)
        (void)close(image->fd);
    image->base = NULL;
    image->header = NULL;
    image->fd = -1;
}

static uint64_t state_bytes(const struct image *image)
{
    return (image->space.first_page + image->space.pages) * STORE_PAGE_BYTES;
}

void image_bound_private(const struct image *image)
{
    uint64_t state = state_bytes(image);
    if (image->memory_bytes_max != 0)
        memory_bound_private(state < image->memory_bytes_max ? image->memory_bytes_max - state : 0);
}

/* What private memory is to have: what it has now, but not less than it takes to work. */
static uint64_t work_bytes(void)
{
    uint64_t private = memory_private_bytes();
    return private > MEMORY_WORK_BYTES ? private : MEMORY_WORK_BYTES;
}

/* Whether more pages would take the process beyond what it may have. */
static int check_bound(const struct image *image, uint64_t pages, struct err *e)
{
    if (image->memory_bytes_max == 0)
        return 0;
    uint64_t state = state_bytes(image), more = pages * STORE_PAGE_BYTES;
    uint64_t private = work_bytes();
    if (state + more + private > image->memory_bytes_max) {
        memory_trim();
        private = work_bytes();
    }
    if (state + more + private <= image->memory_bytes_max)
        return 0;
    return err_set(
        e, ERR_MISMATCH,
        "what it keeps about keys has %" PRIu64 " bytes and needs %" PRIu64
        " more, which with %" PRIu64 " for its work is beyond its memory_max of %" PRIu64
        "; nothing is lost: give it a larger memory_max or more workers, and start again",
        state, more, private, image->memory_bytes_max);
}

/* Makes a table. Pointers into the image are dead then. */
static int table_new(struct image *image, uint64_t slots, size_t slot_size, uint64_t *ret_table,
                     struct err *e)
{
    REQUIRE(slots < UINT64_C(1) << TABLE_SLOTS_BITS);
    uint64_t page = 0, pages = pages_for(slots * slot_size);
    int rc = check_bound(image, pages, e);
    if (rc == 0)
        rc = store_space_take(&image->space, pages, &page, e);
    follow_map(image);
    if (rc != 0)
        return rc;
    image_bound_private(image);
    *ret_table = TABLE(page, slots);
    return 0;
}

_Noreturn void image_give_up(const struct image *image, const struct err *e)
{
    if (image->on_none != NULL)
        image->on_none(e);
    log_line(LOG_ERROR, "%s; what was committed is safe", e->text);
    _exit(1);
}

uint64_t image_table_new(struct image *image, uint64_t slots, size_t slot_size)
{
    uint64_t table = 0;
    struct err e;
    if (table_new(image, slots, slot_size, &table, &e) != 0)
        image_give_up(image, &e);
    return table;
}

/*
 * The first tables differ in size by up to a quarter, which is the step they grow by: else all
 * would grow at the same time, and have the same room to spare.
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
    set_sizes(image, spec->value_len, spec->expires);
    init_space(image);
    uint64_t fixed = image->space.first_page * STORE_PAGE_BYTES;
    int rc = store_map_reserve(&image->map, fixed, e);
    if (rc == 0)
        rc = store_map_commit(&image->map, 0, fixed, e);
    follow_map(image);
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
        rc = table_new(image, slots_first(i), image->slot_size, &table, e);
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
     * The commit is noted first: once it is, a rollback stops above it, and entries of the undo
     * log that lie below are only waste until the head passes them.
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

/* Where in a table of so many slots a key is looked for first. */
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
 * A table is never fuller than this: beyond, a key that is not there takes ever longer to miss. Of
 * the smallest slots, four lie in a cache line, and the next lines come by themselves.
 */
static uint64_t used_max(const struct image *image, uint64_t slots)
{
    return slots - slots * (image->slot_size == sizeof(struct image_slot) ? 3 : 4) / 16;
}

/*
 * How many slots a table gets for so many live entries: room for a quarter more of them at the
 * least. Small ones are cheap and double.
 */
static uint64_t slots_for(const struct image *image, uint64_t live, uint64_t slots)
{
    while (live > used_max(image, slots) * 4 / 5)
        slots += slots < 16 * STORE_SHARD_SLOTS_FIRST ? slots : slots / 4;
    return slots;
}

/*
 * Moves a shard to a new table with room for so many more entries, leaving behind what has expired
 * as of the committed clock: what expired later must come back if the clock is rolled back.
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
 * Sets an entry in the slot that probe() found for it, without noting how to undo it. The value is
 * not in the image, which may move.
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

/* Has room for one more entry, whose number it returns. Pointers into the image are dead then. */
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
     * There is one writer, and a kill comes between two of its instructions: so it is enough that
     * the compiler keeps the order, on both sides.
     */
    atomic_store_explicit(&image->header->undo_tail, number + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

/* Chains an entry that is about to be published to the one before it of the same group. */
static void undo_chain(struct image *image, struct undo_entry *undo, uint64_t number,
                       unsigned group)
{
    uint64_t back = image->last_undo[group] != 0 ? number + 1 - image->last_undo[group] : 0;
    undo->back = back <= image->undo_mask ? (uint32_t)back : 0;
    image->last_undo[group] = number + 1;
}

/* Notes what a put of a key is about to change; returns the slot that it goes to. */
static struct image_slot *note_undo(struct image *image, seq_number seq, struct hash128 key)
{
    uint64_t number = undo_make_room(image);
    struct image_slot *slot = slot_of(image, key);
    /* Also an entry that has expired: the rollback may take the clock back as well. */
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

static void undo_apply(struct image *image, const struct undo_entry *undo)
{
    struct hash128 key = key_of(&undo->slot);
    struct image_slot *slot;
    uint8_t value[STORE_VALUE_BYTES_MAX];
    switch (undo->op) {
    case UNDO_CLOCK:
        image->header->clock = undo->clock.from;
        return;
    case UNDO_PUT_OLD:
        copy_words(value, undo->slot.rest + image->value_at, image->value_len);
        put_at(image, slot_of(image, key), key, expires_at(image, &undo->slot), value);
        return;
    default:
        /* The slot stays taken, as others may lie behind it. */
        slot = slot_of(image, key);
        if (slot->low != SLOT_EMPTY)
            slot->low = SLOT_TAKEN_BACK;
    }
}

/* What the clock was at the commit: before the first change of it that is to be rolled back. */
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

/* What a table's count of slots must be, where a kill came between the table and it. */
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

bool image_table_fits(const struct image *image, uint64_t table, size_t slot_size)
{
    return table_page(table) >= image->space.first_page &&
           (table_page(table) + pages_for(table_slots(table) * slot_size)) * STORE_PAGE_BYTES <=
               image->map.len;
}

void image_table_note(struct image *image, uint64_t table, size_t slot_size)
{
    store_space_note(&image->space, table_page(table), pages_for(table_slots(table) * slot_size));
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
    set_sizes(image, h->value_len, spec->expires);
    init_space(image);
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

seq_number image_position(const struct image *image, unsigned group)
{
    return image->header->positions[group];
}

void image_set_position(struct image *image, unsigned group, seq_number position)
{
    image->header->positions[group] = position;
}

uint64_t image_undo_count(const struct image *image)
{
    return atomic_load_explicit(&image->header->undo_tail, memory_order_relaxed) -
           atomic_load_explicit(&image->header->undo_head, memory_order_relaxed);
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
