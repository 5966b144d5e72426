/* SPDX-License-Identifier: MIT */
#include "stages/store_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/check.h"
#include "common/limits.h"
#include "common/memory.h"

#define IMAGE_MAGIC UINT64_C(0x31676d6964616568) /* "headimg1" */
#define IMAGE_PAGE UINT64_C(4096)
/* Address space, not memory: pages come into being when they are touched. */
#define IMAGE_MAPPED_BYTES (UINT64_C(1) << 38)
/* A region of a shard, packed so that one store replaces it: page << 8 | log2(slots). */
#define REGION(page, slots_log2) (((page) << 8) | (slots_log2))

/* What a growth was about to do; `active` is its last and first word. */
struct image_growth {
    _Atomic uint64_t active;
    uint64_t shard;
    uint64_t old_region;
    uint64_t new_region;
};

struct image_header {
    uint64_t magic;
    uint32_t value_len;
    uint32_t spare;
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    uint8_t secret[STORE_SECRET_BYTES];
    _Atomic uint64_t complete;
    _Atomic uint64_t active_commit; /* which of the two is valid */
    struct image_commit commits[2];
    int64_t clock;
    _Atomic uint64_t undo_head; /* counts entries ever freed */
    _Atomic uint64_t undo_tail; /* counts entries ever made */
    _Atomic uint64_t next_page;
    struct image_growth growth;
    _Atomic uint64_t regions[IMAGE_SHARDS];
    uint64_t spares[IMAGE_SHARDS]; /* the region before, punched; 0: none. Used again if it fits */
    uint64_t positions[KEY_GROUPS];
    uint32_t used[IMAGE_SHARDS]; /* slots taken; a kill may leave it one too high */
};

enum undo_op {
    UNDO_PUT_NEW, /* there was no entry */
    UNDO_PUT_OLD, /* there was one, kept here */
    UNDO_CLOCK,   /* expires_at is the old clock */
};

struct undo_entry {
    uint64_t seq;
    uint64_t op;
    struct image_slot old; /* key in any case */
};

static size_t header_pages(void)
{
    return (sizeof(struct image_header) + IMAGE_PAGE - 1) / IMAGE_PAGE;
}

static size_t pages_for(size_t bytes)
{
    return (bytes + IMAGE_PAGE - 1) / IMAGE_PAGE;
}

static struct undo_entry *undo_at(const struct image *image, uint64_t number)
{
    return (struct undo_entry *)(image->base + header_pages() * IMAGE_PAGE +
                                 (number % STORE_UNDO_ENTRIES_MAX) * image->undo_size);
}

static uint64_t region_slots(uint64_t region)
{
    return UINT64_C(1) << (region & 0xff);
}

static uint8_t *region_base(const struct image *image, uint64_t region)
{
    return image->base + (region >> 8) * IMAGE_PAGE;
}

static struct image_slot *slot_at(const struct image *image, uint8_t *base, uint64_t i)
{
    return (struct image_slot *)(base + i * image->slot_size);
}

_Static_assert(KEY_GROUPS == 256 && KEY_GROUPS % IMAGE_SHARDS == 0, "a group has one shard");

unsigned image_group(struct hash128 key)
{
    return (unsigned)(key.high >> 56);
}

unsigned image_shard(struct hash128 key)
{
    return image_group(key) % IMAGE_SHARDS;
}

/* 0 marks an empty slot, so no key may have it. */
static struct hash128 usable_key(struct hash128 key)
{
    if (key.low == 0)
        key.low = 1;
    return key;
}

static void set_sizes(struct image *image, uint32_t value_len)
{
    image->slot_size = sizeof(struct image_slot) + value_len;
    image->undo_size = offsetof(struct undo_entry, old) + image->slot_size;
}

int image_init(struct image *image, int fd, struct err *e)
{
    *image = (struct image){.fd = fd, .own_fd = fd < 0};
    if (fd < 0) {
        image->fd = memfd_create("bulkhead-store", MFD_CLOEXEC);
        if (image->fd < 0)
            return err_set_errno(e, "cannot make memory for the state");
    }
    if (ftruncate(image->fd, (off_t)IMAGE_MAPPED_BYTES) != 0)
        return err_set_errno(e, "cannot size the memory of the state");
    void *base = mmap(NULL, IMAGE_MAPPED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, image->fd, 0);
    if (base == MAP_FAILED)
        return err_set_errno(e, "cannot map the memory of the state");
    image->base = base;
    image->header = base;
    return 0;
}

void image_done(struct image *image)
{
    if (image->base != NULL)
        (void)munmap(image->base, IMAGE_MAPPED_BYTES);
    if (image->own_fd && image->fd >= 0)
        (void)close(image->fd);
    *image = (struct image){.fd = -1};
}

/* Gives the memory of pages back to the system; they read as zeros from then on. */
static void punch(const struct image *image, uint64_t page, uint64_t pages)
{
    (void)fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    (off_t)(page * IMAGE_PAGE), (off_t)(pages * IMAGE_PAGE));
}

static void punch_region(const struct image *image, uint64_t region)
{
    punch(image, region >> 8, pages_for(region_slots(region) * image->slot_size));
}

static uint64_t region_new(struct image *image, unsigned slots_log2)
{
    uint64_t pages = pages_for((UINT64_C(1) << slots_log2) * image->slot_size);
    uint64_t page = atomic_fetch_add(&image->header->next_page, pages);
    INVARIANT((page + pages) * IMAGE_PAGE <= IMAGE_MAPPED_BYTES);
    return REGION(page, slots_log2);
}

int image_format(struct image *image, const struct store_spec *spec,
                 const uint8_t secret[STORE_SECRET_BYTES], struct err *e)
{
    REQUIRE(spec->value_len % 8 == 0 && spec->value_len <= STORE_VALUE_BYTES_MAX);
    if (fallocate(image->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  (off_t)IMAGE_MAPPED_BYTES) != 0)
        return err_set_errno(e, "cannot clear the memory of the state");
    set_sizes(image, spec->value_len);
    struct image_header *h = image->header;
    h->value_len = spec->value_len;
    memcpy(h->schema, spec->schema, sizeof h->schema);
    memcpy(h->secret, secret, sizeof h->secret);
    h->clock = STORE_CLOCK_START;
    uint64_t undo_pages = pages_for(STORE_UNDO_ENTRIES_MAX * image->undo_size);
    atomic_store(&h->next_page, header_pages() + undo_pages);
    unsigned slots_log2 = (unsigned)__builtin_ctz(STORE_SHARD_SLOTS_FIRST);
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        atomic_store(&h->regions[i], region_new(image, slots_log2));
    h->magic = IMAGE_MAGIC;
    return 0;
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
    while (head < tail && undo_at(image, head)->seq <= commit->seq)
        head++;
    atomic_store(&h->undo_head, head);
}

static bool is_live(const struct image_slot *slot, int64_t clock)
{
    return slot->expires_at == STORE_NEVER || slot->expires_at > clock;
}

/* The slot of a key, live or not, or the empty one where it would go. */
static struct image_slot *probe(const struct image *image, uint64_t region, struct hash128 key)
{
    uint64_t mask = region_slots(region) - 1;
    uint8_t *base = region_base(image, region);
    for (uint64_t i = key.low & mask;; i = (i + 1) & mask) {
        struct image_slot *slot = slot_at(image, base, i);
        if (slot->low == 0 || (slot->low == key.low && slot->high == key.high))
            return slot;
    }
}

void image_prefetch(const struct image *image, struct hash128 key)
{
    key = usable_key(key);
    uint64_t region = atomic_load(&image->header->regions[image_shard(key)]);
    __builtin_prefetch(
        slot_at(image, region_base(image, region), key.low & (region_slots(region) - 1)), 1);
}

const struct image_slot *image_find(const struct image *image, struct hash128 key)
{
    key = usable_key(key);
    const struct image_slot *slot =
        probe(image, atomic_load(&image->header->regions[image_shard(key)]), key);
    return slot->low != 0 && is_live(slot, image->header->clock) ? slot : NULL;
}

void image_each_live(const struct image *image, unsigned shard, image_visit *visit, void *context)
{
    uint64_t region = atomic_load(&image->header->regions[shard]);
    uint8_t *base = region_base(image, region);
    for (uint64_t i = 0; i < region_slots(region); i++) {
        const struct image_slot *slot = slot_at(image, base, i);
        if (slot->low != 0 && is_live(slot, image->header->clock))
            visit(context, slot);
    }
}

/* Fills an empty slot; its first word comes last and makes it visible. */
static void slot_fill(struct image_slot *slot, struct hash128 key, int64_t expires_at,
                      const void *value, size_t value_len)
{
    slot->high = key.high;
    slot->expires_at = expires_at;
    if (value_len != 0)
        memcpy(slot->value, value, value_len);
    atomic_thread_fence(memory_order_release);
    slot->low = key.low;
}

int64_t image_committed_clock(const struct image *image)
{
    const struct image_header *h = image->header;
    uint64_t tail = atomic_load(&h->undo_tail);
    for (uint64_t n = atomic_load(&h->undo_head); n < tail; n++) {
        if (undo_at(image, n)->op == UNDO_CLOCK)
            return undo_at(image, n)->old.expires_at;
    }
    return h->clock;
}

/*
 * Moves a shard to a new region, leaving behind what has expired as of the committed clock: what
 * expired later must come back if the clock is rolled back.
 */
static void shard_rebuild(struct image *image, unsigned shard)
{
    struct image_header *h = image->header;
    uint64_t old = atomic_load(&h->regions[shard]);
    uint64_t slots = region_slots(old);
    int64_t clock = image_committed_clock(image);
    uint64_t live = 0;
    for (uint64_t i = 0; i < slots; i++) {
        const struct image_slot *slot = slot_at(image, region_base(image, old), i);
        live += slot->low != 0 && is_live(slot, clock) ? 1 : 0;
    }
    unsigned slots_log2 = (unsigned)(old & 0xff);
    if (live >= slots - slots / 2)
        slots_log2++;
    /* Two regions of a size take turns, so that years of rebuilding use up no address space. */
    uint64_t new = h->spares[shard];
    if (new == 0 || (new & 0xff) != slots_log2)
        new = region_new(image, slots_log2);
    h->growth.shard = shard;
    h->growth.old_region = old;
    h->growth.new_region = new;
    atomic_store(&h->growth.active, 1);
    for (uint64_t i = 0; i < slots; i++) {
        const struct image_slot *slot = slot_at(image, region_base(image, old), i);
        if (slot->low == 0 || !is_live(slot, clock))
            continue;
        struct hash128 key = {slot->low, slot->high};
        slot_fill(probe(image, new, key), key, slot->expires_at, slot->value, h->value_len);
    }
    atomic_store(&h->regions[shard], new);
    h->used[shard] = (uint32_t)live;
    punch_region(image, old);
    h->spares[shard] = old;
    atomic_store(&h->growth.active, 0);
}

/*
 * Sets an entry in the slot that probe() found for it, without noting how to undo it. A table is
 * never more than three quarters full: beyond, a key that is not there takes ever longer to miss.
 */
static void put_at(struct image *image, struct image_slot *slot, struct hash128 key,
                   int64_t expires_at, const void *value)
{
    struct image_header *h = image->header;
    if (slot->low != 0) {
        slot->expires_at = expires_at;
        if (h->value_len != 0)
            memcpy(slot->value, value, h->value_len);
        return;
    }
    unsigned shard = image_shard(key);
    uint64_t slots = region_slots(atomic_load(&h->regions[shard]));
    if (h->used[shard] + 1 > slots - slots / 4) {
        shard_rebuild(image, shard);
        slot = probe(image, atomic_load(&h->regions[shard]), key);
    }
    h->used[shard]++;
    slot_fill(slot, key, expires_at, value, h->value_len);
}

static struct image_slot *slot_of(const struct image *image, struct hash128 key)
{
    return probe(image, atomic_load(&image->header->regions[image_shard(key)]), key);
}

static struct undo_entry *undo_next(struct image *image, seq_number seq, enum undo_op op)
{
    struct image_header *h = image->header;
    uint64_t tail = atomic_load(&h->undo_tail);
    REQUIRE(tail - atomic_load(&h->undo_head) < STORE_UNDO_ENTRIES_MAX);
    struct undo_entry *undo = undo_at(image, tail);
    undo->seq = seq;
    undo->op = op;
    return undo;
}

/* The entry is complete: from here on a rollback takes it into account. */
static void undo_publish(struct image *image)
{
    /*
     * There is one writer, and a kill comes between two of its instructions: so it is enough that
     * the compiler keeps the order, on both sides.
     */
    uint64_t tail = atomic_load_explicit(&image->header->undo_tail, memory_order_relaxed);
    atomic_store_explicit(&image->header->undo_tail, tail + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

void image_put(struct image *image, seq_number seq, struct hash128 key, int64_t expires_at,
               const void *value)
{
    key = usable_key(key);
    struct image_slot *slot = slot_of(image, key);
    if (seq != 0) {
        /* Also an entry that has expired: the rollback may take the clock back as well. */
        struct undo_entry *undo =
            undo_next(image, seq, slot->low != 0 ? UNDO_PUT_OLD : UNDO_PUT_NEW);
        if (slot->low != 0) {
            memcpy(&undo->old, slot, image->slot_size);
        } else {
            undo->old.low = key.low;
            undo->old.high = key.high;
        }
        undo_publish(image);
    }
    put_at(image, slot, key, expires_at, value);
}

int64_t image_clock(const struct image *image)
{
    return image->header->clock;
}

void image_set_clock(struct image *image, seq_number seq, int64_t clock)
{
    if (seq != 0) {
        struct undo_entry *undo = undo_next(image, seq, UNDO_CLOCK);
        undo->old.low = 0;
        undo->old.expires_at = image->header->clock;
        undo_publish(image);
    }
    image->header->clock = clock;
}

static void undo_apply(struct image *image, const struct undo_entry *undo)
{
    struct hash128 key = {undo->old.low, undo->old.high};
    switch (undo->op) {
    case UNDO_CLOCK:
        image->header->clock = undo->old.expires_at;
        return;
    case UNDO_PUT_OLD:
        put_at(image, slot_of(image, key), key, undo->old.expires_at, undo->old.value);
        return;
    default: {
        /* The key keeps its slot, as others may lie behind it; only its entry is gone. */
        struct image_slot *slot =
            probe(image, atomic_load(&image->header->regions[image_shard(key)]), key);
        if (slot->low != 0)
            slot->expires_at = INT64_MIN;
    }
    }
}

static void growth_settle(struct image *image)
{
    struct image_growth *g = &image->header->growth;
    if (atomic_load(&g->active) == 0)
        return;
    bool moved = atomic_load(&image->header->regions[g->shard]) == g->new_region;
    if (moved) {
        /* The count may not have been corrected; the new region knows it. */
        uint32_t used = 0;
        for (uint64_t i = 0; i < region_slots(g->new_region); i++)
            used += slot_at(image, region_base(image, g->new_region), i)->low != 0 ? 1 : 0;
        image->header->used[g->shard] = used;
        image->header->spares[g->shard] = g->old_region;
    }
    punch_region(image, moved ? g->old_region : g->new_region);
    atomic_store(&g->active, 0);
}

bool image_attach(struct image *image, const struct store_spec *spec)
{
    struct image_header *h = image->header;
    if (h->magic != IMAGE_MAGIC || atomic_load(&h->complete) != 1 ||
        h->value_len != spec->value_len || strcmp(h->schema, spec->schema) != 0)
        return false;
    set_sizes(image, h->value_len);
    growth_settle(image);
    uint64_t committed = image_commit_get(image).seq;
    uint64_t tail = atomic_load(&h->undo_tail);
    while (tail > atomic_load(&h->undo_head) && undo_at(image, tail - 1)->seq > committed) {
        undo_apply(image, undo_at(image, tail - 1));
        atomic_store(&h->undo_tail, --tail);
    }
    atomic_store(&h->undo_head, tail);
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
    return atomic_load(&image->header->undo_tail) - atomic_load(&image->header->undo_head);
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
        bytes += region_slots(atomic_load(&image->header->regions[i])) * image->slot_size;
    return bytes;
}

/* The oldest undo entry of a key, which holds what the key was at the committed point. */
static const struct undo_entry *oldest_undo(const struct undo_entry *const *undos, size_t count,
                                            const struct image_slot *slot)
{
    for (size_t i = 0; i < count; i++) {
        if (undos[i]->old.low == slot->low && undos[i]->old.high == slot->high)
            return undos[i];
    }
    return NULL;
}

/*
 * Entries with an undo are written as the undo has them; an entry that was there at the committed
 * point and is in no slot now cannot be, because shards keep what is live as of that point.
 */
uint32_t image_dump_group(const struct image *image, unsigned group, struct buf *out)
{
    const struct image_header *h = image->header;
    uint64_t head = atomic_load(&h->undo_head), tail = atomic_load(&h->undo_tail);
    const struct undo_entry **undos = memory_new((size_t)(tail - head), sizeof *undos);
    size_t undo_count = 0;
    for (uint64_t n = head; n < tail; n++) {
        const struct undo_entry *undo = undo_at(image, n);
        struct hash128 key = {undo->old.low, undo->old.high};
        if (undo->op != UNDO_CLOCK && image_group(key) == group)
            undos[undo_count++] = undo;
    }
    int64_t clock = image_committed_clock(image);
    uint64_t region = atomic_load(&h->regions[group % IMAGE_SHARDS]);
    uint32_t dumped = 0;
    for (uint64_t i = 0; i < region_slots(region); i++) {
        const struct image_slot *slot = slot_at(image, region_base(image, region), i);
        if (slot->low == 0 || image_group((struct hash128){slot->low, slot->high}) != group)
            continue;
        const struct undo_entry *undo = oldest_undo(undos, undo_count, slot);
        if (undo != NULL && undo->op == UNDO_PUT_NEW)
            continue;
        if (undo != NULL)
            slot = &undo->old;
        if (!is_live(slot, clock))
            continue;
        buf_add(out, slot, image->slot_size);
        dumped++;
    }
    free(undos);
    return dumped;
}
