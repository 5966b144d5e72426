/* SPDX-License-Identifier: MIT */
/*
 * store_expiry.h - which entries of a store expire next; private to it
 *
 * A queue holds the keys of all live entries that expire before a time, the horizon. A put adds to
 * it; what has expired leaves it. When the clock comes to the horizon, all entries are read, and
 * the queue takes those of them that expire first, a part of as many as there are slots: so each
 * that expires pays for reading a few slots, however they are spread over groups and times. A store
 * whose stage never asks pays a comparison a put. In private memory, made anew with every process:
 * so it is bounded, also while all entries are read, and a process that begins with millions of
 * them needs no more than the one before, which began with none. Beyond a million slots each that
 * expires pays for more of them.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_EXPIRY_H
#define BULKHEAD_STAGES_STORE_STORE_EXPIRY_H

#include "stages/store/store_image.h"

struct expiring {
    int64_t at;
    struct hash128 key;
};

struct store_expiry {
    int64_t horizon;        /* at or below the clock: the queue is to be made */
    struct expiring *queue; /* a heap, the earliest first; one that was put again is in it twice */
    size_t count, capacity;
    size_t kept;          /* how many it should hold */
    uint64_t reads;       /* how often all entries were read, for tests */
    size_t capacity_most; /* so many it could ever hold, for tests */
    _Atomic uint64_t *beats;
};

/* beats, which may be NULL, are moved on while many entries are read. */
void store_expiry_init(struct store_expiry *x, _Atomic uint64_t *beats);
void store_expiry_done(struct store_expiry *x);

/* Takes note of an entry that was put. */
void store_expiry_note(struct store_expiry *x, const struct image *image, struct hash128 key,
                       int64_t expires_at);

/* As store_next_expiry(). */
int64_t store_expiry_next(struct store_expiry *x, const struct image *image);

/* As store_each_expiring(). */
void store_expiry_each(struct store_expiry *x, const struct image *image, int64_t until,
                       store_visit *visit, void *context);

#endif
