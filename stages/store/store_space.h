/* SPDX-License-Identifier: MIT */
/*
 * store_space.h - where in an image its tables lie; private to the store
 *
 * An image is a range of addresses that grows at its end (store_map.h). Tables come and go as
 * shards, or the undo log, grow. All that is known here follows from where the tables are, which
 * the image says: so it is private memory, made anew by every process, and a kill cannot spoil it.
 *
 * Memory is taken in chunks of 2 MiB once the tables are large: a look into a large table costs a
 * miss in the TLB otherwise, which is half of what it costs. Huge pages of shared memory are
 * mostly switched off (shmem_enabled), but a process may ask for its own with MADV_COLLAPSE (Linux
 * 6.1, madvise(2)); where that fails, pages are small, and nothing else is different. The kernel
 * waits for every processor first, which takes seconds on a host whose processors are all busy: so
 * it is asked by the first process of a stage only, and by that until a call has taken long.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_SPACE_H
#define BULKHEAD_STAGES_STORE_STORE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "stages/store/store_map.h"

/* One for every key group; a test build has fewer, so that they fill up. */
#ifndef IMAGE_SHARDS
#define IMAGE_SHARDS KEY_GROUPS
#endif

/* A table for every shard, one for an undo log that has grown, and one that takes another's place.
 */
#define STORE_EXTENTS_MAX (IMAGE_SHARDS + 2)
#define STORE_CHUNKS_MAX (STORE_SPACE_BYTES / STORE_CHUNK_BYTES)

struct store_extent {
    uint64_t page, pages;
};

struct store_space {
    struct store_map *map;   /* borrowed */
    _Atomic uint64_t *beats; /* moved on by long work; or NULL */
    uint64_t first_page;     /* where tables may begin */
    uint64_t high_page;      /* from here on nothing was ever written: it reads as zeros */
    uint64_t pages;          /* of all extents */
    size_t count;
    bool asks;                                      /* for huge pages */
    struct store_extent extents[STORE_EXTENTS_MAX]; /* by page */
    uint8_t asked[STORE_CHUNKS_MAX / 8]; /* bits: chunks that were made huge, if it can be */
};

/*
 * Begins with no tables.
 *
 *   map          the image; borrowed
 *   first_page   tables begin here or behind
 */
void store_space_init(struct store_space *space, struct store_map *map, uint64_t first_page);

/* Has memory asked for in huge pages, as long as that does not take long. */
void store_space_ask_for_huge(struct store_space *space);

/* Takes note of a table that is there. */
void store_space_note(struct store_space *space, uint64_t page, uint64_t pages);

/* Gives back the memory that no table has; call it when all tables are noted. */
void store_space_tidy(struct store_space *space);

/*
 * Finds room for a table, which reads as zeros. The map may have moved.
 * Returns 0, or as store_map_reserve(); then nothing was taken.
 */
int store_space_take(struct store_space *space, uint64_t pages, uint64_t *ret_page, struct err *e);

/* Gives a table back, and its memory as far as it has whole chunks for itself. */
void store_space_give_back(struct store_space *space, uint64_t page);

#endif
