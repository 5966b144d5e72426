/* SPDX-License-Identifier: MIT */
/*
 * store_spec.h - describes a store: its values, its keys, its limits
 *
 * Passed to store_open() (store.h), and read by all parts of the store.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_SPEC_H
#define BULKHEAD_STAGES_STORE_STORE_SPEC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/hash.h"
#include "common/value.h"

/* The expiry of an entry that never expires. */
#define STORE_NEVER INT64_MAX
/* The clock of a store that was never advanced. */
#define STORE_CLOCK_START INT64_MIN

#define STORE_VALUE_BYTES_MAX 256u
#define STORE_SCHEMA_BYTES_MAX 255u
#define STORE_SECRET_BYTES 16u

struct store_spec {
    uint32_t value_len; /* bytes, a multiple of 8, STORE_VALUE_BYTES_MAX at most */
    bool expires;       /* whether entries may expire; if not, each takes 8 bytes less */
    /*
     * What the keys and values mean, as text: the kind, and the options that shape them. A state
     * that was written under another schema is refused.
     */
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    /*
     * The secret of the fingerprints, if the workers of a stage must share one. Otherwise the store
     * draws its own.
     */
    bool has_secret;
    uint8_t secret[STORE_SECRET_BYTES];
    /*
     * The limit for the private memory of the process and the state together, in bytes; 0: there is
     * none. Exceeding it is ERR_MISMATCH.
     */
    uint64_t memory_bytes_max;
    /*
     * Called when there is no memory for a change, with the reason: ERR_MISMATCH, or an error of
     * store_map_reserve(). It ends the process. What was committed is safe, and the rest will be
     * processed again. NULL: a line in the log, and exit code 1.
     */
    void (*on_none)(const struct err *e);
    _Atomic uint64_t *beats; /* incremented during long work; may be NULL */
    bool first;              /* this is the first process of its stage in this run */
    /* A new store begins after this seq. A store below it is moved there, without any changes. */
    seq_number begins_after;
};

/*
 * Sets the schema from text; a text that is too long keeps its beginning and ends in a hash of
 * all of it.
 */
void store_spec_set_schema(struct store_spec *spec, const char *text);

/* Whether a schema may be the beginning of a longer text that store_spec_set_schema() was given. */
bool store_spec_is_shortened(const char *schema);

/* Visits an entry. The value is valid until the store is changed. */
typedef void store_visit(void *context, struct hash128 key, int64_t expires_at, const void *value);

#endif
