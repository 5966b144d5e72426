/* SPDX-License-Identifier: MIT */
#include "stages/store/store_expiry.h"

#include <stdlib.h>

#include "common/beat.h"
#include "common/memory.h"

/*
 * The queue holds a fraction of the number of slots, but at least KEPT_MIN items, and at most 3 MiB
 * of them, or twice that before it is tidied.
 */
#define SLOTS_PER_KEPT 8u
#define KEPT_MIN 64u
#define KEPT_MAX 131072u
#define ITEMS_PER_BEAT 16384u

void store_expiry_init(struct store_expiry *x, _Atomic uint64_t *beats)
{
    *x = (struct store_expiry){.horizon = INT64_MIN, .beats = beats};
}

void store_expiry_done(struct store_expiry *x)
{
    free(x->queue);
    store_expiry_init(x, NULL);
}

static int compare(const struct expiring *a, const struct expiring *b)
{
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    if (a->key.high != b->key.high)
        return a->key.high < b->key.high ? -1 : 1;
    return a->key.low < b->key.low ? -1 : a->key.low > b->key.low;
}

static int compare_items(const void *a, const void *b)
{
    return compare(a, b);
}

/* --- the heap --- */

static void push(struct store_expiry *x, struct expiring item)
{
    if (x->count == x->capacity) {
        x->capacity = x->capacity != 0 ? 2 * x->capacity : KEPT_MIN;
        x->queue = memory_resize(x->queue, x->capacity, sizeof *x->queue);
        x->capacity_most = x->capacity > x->capacity_most ? x->capacity : x->capacity_most;
    }
    size_t at = x->count++;
    for (; at > 0 && compare(&item, &x->queue[(at - 1) / 2]) < 0; at = (at - 1) / 2)
        x->queue[at] = x->queue[(at - 1) / 2];
    x->queue[at] = item;
}

static struct expiring pop(struct store_expiry *x)
{
    struct expiring first = x->queue[0], last = x->queue[--x->count];
    size_t at = 0;
    for (size_t child = 1; child < x->count; child = 2 * at + 1) {
        if (child + 1 < x->count && compare(&x->queue[child + 1], &x->queue[child]) < 0)
            child++;
        if (compare(&last, &x->queue[child]) <= 0)
            break;
        x->queue[at] = x->queue[child];
        at = child;
    }
    x->queue[at] = last;
    return first;
}

/*
 * Removes duplicates from the queue, and the last items if there are too many. A sorted array is
 * also a heap. The horizon falls to the first item that was removed: everything in the queue is
 * before the horizon, so it never rises here.
 */
static void tidy(struct store_expiry *x)
{
    if (x->count == 0)
        return;
    qsort(x->queue, x->count, sizeof *x->queue, compare_items);
    size_t count = 1;
    for (size_t i = 1; i < x->count; i++) {
        if (compare(&x->queue[i], &x->queue[count - 1]) != 0)
            x->queue[count++] = x->queue[i];
    }
    x->count = count;
    if (count <= x->kept)
        return;
    x->horizon = x->queue[x->kept].at;
    x->count = x->kept;
    while (x->count > 0 && x->queue[x->count - 1].at == x->horizon)
        x->count--;
    x->capacity = x->kept + 1;
    x->queue = memory_resize(x->queue, x->capacity, sizeof *x->queue);
}

/* Adds an item that expires before the horizon, and tidies a queue that has grown too long. */
static void add(struct store_expiry *x, struct expiring item)
{
    push(x, item);
    if (x->count > 2 * x->kept)
        tidy(x);
}

/* --- what expires --- */

static void add_live(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    struct store_expiry *x = context;
    (void)value;
    if (expires_at < x->horizon) /* never true for STORE_NEVER */
        add(x, (struct expiring){expires_at, key});
}

static void read_all(struct store_expiry *x, const struct image *image)
{
    x->count = 0;
    x->horizon = STORE_NEVER;
    x->reads++;
    x->kept = KEPT_MIN + (size_t)(image_bytes(image) / image->slot_size / SLOTS_PER_KEPT);
    x->kept = x->kept < KEPT_MAX ? x->kept : KEPT_MAX;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        image_each_live(image, i, x->beats, add_live, x);
    tidy(x);
}

void store_expiry_note(struct store_expiry *x, const struct image *image, struct hash128 key,
                       int64_t expires_at)
{
    /* An entry that has expired already will not be looked for. */
    if (expires_at >= x->horizon || expires_at <= image_clock(image))
        return;
    add(x, (struct expiring){expires_at, key});
}

int64_t store_expiry_next(struct store_expiry *x, const struct image *image)
{
    int64_t clock = image_clock(image);
    if (x->horizon <= clock)
        read_all(x, image);
    while (x->count > 0 && x->queue[0].at <= clock)
        (void)pop(x);
    return x->count > 0 ? x->queue[0].at : x->horizon;
}

struct each {
    int64_t until;
    store_visit *visit;
    void *context;
};

static void visit_expiring(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    const struct each *each = context;
    if (expires_at != STORE_NEVER && expires_at <= each->until)
        each->visit(each->context, key, expires_at, value);
}

/* Visits entries in the queue. They stay in it until the clock has passed them. */
static void visit_queued(struct store_expiry *x, const struct image *image, const struct each *each)
{
    size_t count = 0, capacity = 0;
    struct expiring *taken = NULL;
    while (x->count > 0 && x->queue[0].at <= each->until) {
        struct expiring item = pop(x);
        if (count > 0 && compare(&item, &taken[count - 1]) == 0)
            continue;
        if (count % ITEMS_PER_BEAT == 0)
            beat_once(x->beats);
        if (count == capacity) {
            capacity = capacity != 0 ? 2 * capacity : KEPT_MIN;
            taken = memory_resize(taken, capacity, sizeof *taken);
        }
        taken[count++] = item;
    }
    for (size_t i = 0; i < count; i++) {
        int64_t expires_at = STORE_NEVER;
        const void *value = image_find_expiring(image, taken[i].key, &expires_at);
        if (value != NULL && expires_at == taken[i].at) /* if not, it was put again, for later */
            each->visit(each->context, taken[i].key, expires_at, value);
        push(x, taken[i]);
        if (i % ITEMS_PER_BEAT == 0)
            beat_once(x->beats);
    }
    free(taken);
}

void store_expiry_each(struct store_expiry *x, const struct image *image, int64_t until,
                       store_visit *visit, void *context)
{
    if (store_expiry_next(x, image) > until)
        return;
    struct each each = {.until = until, .visit = visit, .context = context};
    if (until < x->horizon) {
        visit_queued(x, image, &each);
        return;
    }
    x->reads++;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        image_each_live(image, i, x->beats, visit_expiring, &each);
}
