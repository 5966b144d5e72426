/* SPDX-License-Identifier: MIT */
/*
 * store_space.h - where in an image the tables of its shards lie; private to the store
 *
 * An image is a large range of addresses of which few pages have memory. Tables come and go as
 * shards grow. All that is known here follows from where the tables of the shards are, which the
 * image says: so it is private memory, made anew by every process, and a kill cannot spoil it.
 *
 * Memory is taken in chunks of 2 MiB once the tables are large: a look into a large table costs a
 * miss in the TLB otherwise, which is half of what it costs. Huge pages of shared memory are
 * mostly switched off (shmem_enabled), but a process may ask for its own with MADV_COLLAPSE (Linux
 * 6.1, madvise(2)); where that fails, pages are small, and nothing else is different.
 */
#ifndef BULKHEAD_STAGES_STORE_SPACE_H
#define BULKHEAD_STAGES_STORE_SPACE_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

/* One for every key group; a test build has fewer, so that they fill up. */
#ifndef IMAGE_SHARDS
#define IMAGE_SHARDS KEY_GROUPS
#endif

#define STORE_PAGE_BYTES UINT64_C(4096)
#define STORE_CHUNK_BYTES (UINT64_C(2) << 20)
/* Address space, not memory: pages come into being when they are touched. */
#define STORE_SPACE_BYTES (UINT64_C(1) << 38)
#define STORE_CHUNKS_MAX (STORE_SPACE_BYTES / STORE_CHUNK_BYTES)

struct store_extent {
    uint64_t page, pages;
};

struct store_space {
    int fd;
    uint8_t *base;
    uint64_t first_page; /* where tables may begin */
    uint64_t high_page;  /* from here on nothing was ever written: it reads as zeros */
    uint64_t pages;      /* of all extents */
    size_t count;
    struct store_extent extents[IMAGE_SHARDS + 1]; /* by page; one shard may have two tables */
    uint8_t asked[STORE_CHUNKS_MAX / 8]; /* bits: chunks that were made huge, if it can be */
};

/*
 * Begins with no tables.
 *
 *   fd, base     the image and where it is mapped; borrowed
 *   first_page   tables begin here or behind
 */
void store_space_init(struct store_space *space, int fd, uint8_t *base, uint64_t first_page);

/* Takes note of a table that is there. */
void store_space_note(struct store_space *space, uint64_t page, uint64_t pages);

/* Gives back the memory that no table has; call it when all tables are noted. */
void store_space_tidy(struct store_space *space);

/* Finds room for a table and returns its page; it reads as zeros. */
uint64_t store_space_take(struct store_space *space, uint64_t pages);

/* Gives a table back, and its memory as far as it has whole chunks for itself. */
void store_space_give_back(struct store_space *space, uint64_t page);

/* Maps an image so that chunks of it can be huge pages. Returns NULL on failure, with errno. */
uint8_t *store_space_map(int fd);
void store_space_unmap(uint8_t *base);

#endif
