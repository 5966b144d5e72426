/* SPDX-License-Identifier: MIT */
#include "stages/store_expiry.h"

void store_expiry_init(struct store_expiry *x)
{
    x->earliest = INT64_MIN;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++)
        x->shards[i] = INT64_MIN;
}

void store_expiry_note(struct store_expiry *x, const struct image *image, struct hash128 key,
                       int64_t expires_at)
{
    unsigned shard = image_shard(key);
    /* One that is dead already would only have the shard read for nothing. */
    if (expires_at >= x->shards[shard] || expires_at <= image_clock(image))
        return;
    x->shards[shard] = expires_at;
    if (expires_at < x->earliest)
        x->earliest = expires_at;
}

static void take_earlier(void *context, struct hash128 key, int64_t expires_at, const void *value)
{
    (void)key;
    (void)value;
    int64_t *earliest = context;
    if (expires_at < *earliest)
        *earliest = expires_at;
}

int64_t store_expiry_next(struct store_expiry *x, const struct image *image)
{
    int64_t clock = image_clock(image);
    if (x->earliest > clock)
        return x->earliest;
    x->earliest = STORE_NEVER;
    for (unsigned i = 0; i < IMAGE_SHARDS; i++) {
        if (x->shards[i] <= clock) {
            x->shards[i] = STORE_NEVER;
            image_each_live(image, i, take_earlier, &x->shards[i]);
        }
        if (x->shards[i] < x->earliest)
            x->earliest = x->shards[i];
    }
    return x->earliest;
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

void store_expiry_each(struct store_expiry *x, const struct image *image, int64_t until,
                       store_visit *visit, void *context)
{
    if (store_expiry_next(x, image) > until)
        return;
    struct each each = {.until = until, .visit = visit, .context = context};
    for (unsigned i = 0; i < IMAGE_SHARDS; i++) {
        if (x->shards[i] <= until)
            image_each_live(image, i, visit_expiring, &each);
    }
}
