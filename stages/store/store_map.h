/* SPDX-License-Identifier: MIT */
/*
 * store_map.h - the memory of an image: a memfd that grows, and where it is mapped; private to the
 * store
 *
 * File and addresses are as long as they need to be, and an eighth longer: so limits of a user
 * (ulimit -f, -v), strict accounting of the host and tools that watch memory see what is used. Both
 * only grow. Growing may move all of it to other addresses: a pointer into it is dead then. A kill
 * at any moment leaves a file that holds what it held, perhaps with zeros behind.
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
    bool strict;  /* the host counts memory strictly: pages are had before they are touched */
};

/*
 * Maps a memfd at the length that it has, one chunk at the least, so that its chunks can be huge
 * pages. Returns 0; ERR_NO_SPACE: a limit or memory does not allow it, and e names which; ERR_IO.
 * After an error there is nothing to be closed.
 */
int store_map_open(struct store_map *map, int fd, struct err *e);

/* Unmaps it; the file stays. Takes one that was never opened, if zeroed. */
void store_map_close(struct store_map *map);

/* Makes it so long at the least; what comes to it reads as zeros. Returns as store_map_open(). */
int store_map_reserve(struct store_map *map, uint64_t len, struct err *e);

/*
 * Has the memory for a range, where the host would else say no only when it is touched, and kill.
 * Requires: it is within the map. Returns 0 or ERR_NO_SPACE.
 */
int store_map_commit(const struct store_map *map, uint64_t from, uint64_t len, struct err *e);

#endif
