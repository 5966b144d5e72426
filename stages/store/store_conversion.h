/* SPDX-License-Identifier: MIT */
/*
 * store_conversion.h - how the entries of a store change when it is written again in another form
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_CONVERSION_H
#define BULKHEAD_STAGES_STORE_STORE_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

#include "stages/store/store_spec.h"

struct store;

/* What a kind changes that only it knows how to. It is given one key group after the other. */
struct store_rewrite {
    void *context;
    /*
     * Begins a group. `old` is the store that it is in, as of its commit, and may be asked with
     * store_key(), store_find() and store_clock() during the call.
     */
    void (*begin)(void *context, const struct store *old, unsigned group);
    /*
     * Changes an entry, which has the expiry that the rest of the conversion gives it. False: it is
     * left out. May be called several times for an entry, and does the same each time.
     */
    bool (*change)(void *context, struct hash128 key, int64_t *expires_at, void *value);
    /*
     * Makes an entry, whose key no other has, to be added to the group; false: there is none. The
     * value is zeros before.
     */
    bool (*add)(void *context, struct hash128 *ret_key, int64_t *ret_expires_at, void *ret_value);
};

struct store_conversion {
    int64_t shift_ns;                    /* added to the expiry of every entry that expires */
    bool shifts_clock;                   /* and to the clock */
    bool forgets_expiry;                 /* entries never expire any more */
    const struct store_rewrite *rewrite; /* NULL: that is all */
};

#endif
