/* SPDX-License-Identifier: MIT */
/*
 * store_map.h - the memory of an image: a memfd that grows, and its mapping; private to the store
 *
 * The file and the mapping are an eighth larger than they need to be, and no more. So limits of a
 * user (ulimit -f, -v), strict accounting of the host, and tools that watch memory see what is
 * used. Both only grow. Growing may move the mapping, which invalidates all pointers into it. A
 * kill at any moment leaves the contents of the file intact, perhaps with zeros after them.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_MAP_H
#define BULKHEAD_STAGES_STORE_STORE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

#define STORE_PAGE_BYTES UINT64_C(4096)
#define STORE_CHUNK_BYTES (UINT64_C(2) << 20)
/* No image is larger. */
#define STORE_SPACE_BYTES (UINT64_C(1) << 38)

struct store_map {
    int fd; /* borrowed */
    uint8_t *base;
    uint64_t len; /* bytes of the file that are mapped, a multiple of a page */
    bool strict;  /* the host accounts for memory strictly: allocate pages before touching them */
};

/*
 * Maps all of a memfd, at least one chunk, aligned so that chunks can be huge pages.
 * Returns: 0, ERR_NO_SPACE (there is no memory, or a limit, which e names, is reached), ERR_IO.
 *          After an error there is nothing to close.
 */
int store_map_open(struct store_map *map, int fd, struct err *e);

/* Unmaps it; the file stays. Accepts a zeroed map that was never opened. */
void store_map_close(struct store_map *map);

/* Makes it at least this long; new memory reads as zeros. Returns as store_map_open(). */
int store_map_reserve(struct store_map *map, uint64_t len, struct err *e);

/*
 * Allocates the memory of a range on a host with strict accounting, where touching it could
 * otherwise kill the process.
 * Requires: the range is inside the map.
 * Returns:  0 or ERR_NO_SPACE.
 */
int store_map_commit(const struct store_map *map, uint64_t from, uint64_t len, struct err *e);

#endif
