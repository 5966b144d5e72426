/* SPDX-License-Identifier: MIT */
/*
 * store_spec.h - what a store is to be: its values, its keys, its bounds
 *
 * Whoever opens a store says it (store.h); the parts of the store read it.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_SPEC_H
#define BULKHEAD_STAGES_STORE_STORE_SPEC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/value.h"

/* An entry with this time never expires. */
#define STORE_NEVER INT64_MAX
/* The clock of a store that was never moved. */
#define STORE_CLOCK_START INT64_MIN

#define STORE_VALUE_BYTES_MAX 256u
#define STORE_SCHEMA_BYTES_MAX 255u
#define STORE_SECRET_BYTES 16u

struct store_spec {
    uint32_t value_len; /* bytes, a multiple of 8, STORE_VALUE_BYTES_MAX at most */
    bool expires;       /* whether entries may; those that never do take 8 bytes less */
    /*
     * What the keys and values mean, as text: kind and the options that shape them. State that
     * was written under another schema is refused.
     */
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    /*
     * The key of the fingerprints, where several workers of a stage must have the same one; else
     * the store makes its own.
     */
    bool has_secret;
    uint8_t secret[STORE_SECRET_BYTES];
    /*
     * What the private memory of the process and the state may have together, in bytes; 0: there is
     * no bound. ERR_MISMATCH where it would be passed.
     */
    uint64_t memory_bytes_max;
    /*
     * Called when memory for a change cannot be had, with what to say: ERR_MISMATCH, or what
     * store_map_reserve() returns. It ends the process; what was committed is safe, and what was
     * not comes again. NULL: a line in the log, and exit code 1.
     */
    void (*on_none)(const struct err *e);
    _Atomic uint64_t *beats; /* moved on while a state is read from disk; or NULL */
    bool first;              /* this is the first process of its stage in this run */
    /* A new store begins behind this seq; one that is behind it is moved there, without a change.
     */
    seq_number begins_after;
};

/*
 * Sets the schema from text; a text that is too long keeps its beginning and ends in a hash of
 * all of it.
 */
void store_spec_set_schema(struct store_spec *spec, const char *text);

/* The value stays where it is until the store is changed. */
typedef void store_visit(void *context, struct hash128 key, int64_t expires_at, const void *value);

#endif
