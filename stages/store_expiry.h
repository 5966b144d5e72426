/* SPDX-License-Identifier: MIT */
/*
 * store_expiry.h - which entries of a store expire next; private to it
 *
 * Keeps for every shard a time before which none of its live entries expires. A put may lower it;
 * it rises when the clock has passed it and somebody asks: then the shard is read. A store whose
 * stage never asks pays a comparison a put. In private memory, made anew with every process.
 */
#ifndef BULKHEAD_STAGES_STORE_EXPIRY_H
#define BULKHEAD_STAGES_STORE_EXPIRY_H

#include "stages/store_image.h"

struct store_expiry {
    int64_t earliest;             /* of all shards */
    int64_t shards[IMAGE_SHARDS]; /* at or below the clock: to be found out */
};

void store_expiry_init(struct store_expiry *x);

/* Takes note of an entry that was put. */
void store_expiry_note(struct store_expiry *x, const struct image *image, struct hash128 key,
                       int64_t expires_at);

/* As store_next_expiry(). */
int64_t store_expiry_next(struct store_expiry *x, const struct image *image);

/* As store_each_expiring(). */
void store_expiry_each(struct store_expiry *x, const struct image *image, int64_t until,
                       store_visit *visit, void *context);

#endif
