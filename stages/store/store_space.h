/* SPDX-License-Identifier: MIT */
/*
 * store_space.h - where in an image its tables are; private to the store
 *
 * An image is a range of addresses that grows at its end (store_map.h). Tables come and go as
 * shards, or the undo log, grow. Everything here follows from where the tables are, which the image
 * itself says. So it is in private memory, made again by every process, and a kill cannot harm it.
 *
 * Once the tables are large, memory is requested in chunks of 2 MiB. Otherwise every lookup in a
 * large table misses the TLB, which is half of its cost. Huge pages of shared memory are usually
 * switched off (shmem_enabled), but a process may ask for its own with MADV_COLLAPSE (Linux 6.1,
 * madvise(2)). If that fails, pages are small, and nothing else is different. The kernel first
 * waits for every processor, which takes seconds on a host whose processors are all busy. So only
 * the first process of a stage asks, and only until a call has taken too long.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_SPACE_H
#define BULKHEAD_STAGES_STORE_STORE_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "stages/store/store_map.h"

/* One shard for every key group. A test build has fewer, so that they fill up. */
#ifndef IMAGE_SHARDS
#define IMAGE_SHARDS KEY_GROUPS
#endif

/* A table for every shard, one for an undo log that has grown, and one that replaces another. */
#define STORE_EXTENTS_MAX (IMAGE_SHARDS + 2)
#define STORE_CHUNKS_MAX (STORE_SPACE_BYTES / STORE_CHUNK_BYTES)

struct store_extent {
    uint64_t page, pages;
};

struct store_space {
    struct store_map *map;   /* borrowed */
    _Atomic uint64_t *beats; /* incremented during long work; may be NULL */
    uint64_t first_page;     /* the first page that a table may use */
    uint64_t high_page;      /* nothing was written from here on, so it reads as zeros */
    uint64_t pages;          /* the total of all extents */
    size_t count;
    bool asks;                                      /* asks for huge pages */
    struct store_extent extents[STORE_EXTENTS_MAX]; /* in the order of their pages */
    uint8_t asked[STORE_CHUNKS_MAX / 8]; /* bits: chunks for which a huge page was requested */
};

/*
 * Begins without tables.
 *
 *   map          the image; borrowed
 *   first_page   the first page that a table may use
 */
void store_space_init(struct store_space *space, struct store_map *map, uint64_t first_page);

/* Asks for huge pages from now on, as long as that does not take long. */
void store_space_ask_for_huge(struct store_space *space);

/* Notes a table that exists. */
void store_space_note(struct store_space *space, uint64_t page, uint64_t pages);

/* Gives back the memory that no table uses. Call it when all tables are noted. */
void store_space_tidy(struct store_space *space);

/*
 * Finds room for a table; the memory reads as zeros. May move the map.
 * Returns 0, or an error as store_map_reserve(); then nothing has changed.
 */
int store_space_take(struct store_space *space, uint64_t pages, uint64_t *ret_page, struct err *e);

/* Gives back a table, and the memory of the chunks that no other table uses. */
void store_space_give_back(struct store_space *space, uint64_t page);

#endif
