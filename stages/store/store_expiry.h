/* SPDX-License-Identifier: MIT */
/*
 * store_expiry.h - which entries of a store expire next; private to the store
 *
 * A queue holds the keys of all live entries that expire before a certain time, the horizon. A put
 * adds a key, and keys that have expired are removed. When the clock reaches the horizon, all
 * entries are read, and those that expire first are queued, up to a fixed fraction of the number of
 * slots. So each entry that expires costs the reading of a few slots, however entries are spread
 * over groups and times. A stage that never asks pays for one comparison per put.
 *
 * The queue is in private memory and is made by every process. It is bounded, even while all
 * entries are read, so a process that begins with millions of entries needs no more memory than the
 * one before, which began with none. Beyond a million slots, each entry that expires costs the
 * reading of more of them.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_EXPIRY_H
#define BULKHEAD_STAGES_STORE_STORE_EXPIRY_H

#include "stages/store/store_image.h"

struct expiring {
    int64_t at;
    struct hash128 key;
};

struct store_expiry {
    int64_t horizon;        /* at or below the clock: the queue must be made */
    struct expiring *queue; /* a heap, the earliest first; may hold a key more than once */
    size_t count, capacity;
    size_t kept;          /* how many items the queue should hold */
    uint64_t reads;       /* how often all entries were read; for tests */
    size_t capacity_most; /* the largest capacity so far; for tests */
    _Atomic uint64_t *beats;
};

/* beats, which may be NULL, are incremented while many entries are read. */
void store_expiry_init(struct store_expiry *x, _Atomic uint64_t *beats);
void store_expiry_done(struct store_expiry *x);

/* Notes an entry that was put. */
void store_expiry_note(struct store_expiry *x, const struct image *image, struct hash128 key,
                       int64_t expires_at);

/* As store_next_expiry(). */
int64_t store_expiry_next(struct store_expiry *x, const struct image *image);

/* As store_each_expiring(). */
void store_expiry_each(struct store_expiry *x, const struct image *image, int64_t until,
                       store_visit *visit, void *context);

#endif
