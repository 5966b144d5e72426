/* SPDX-License-Identifier: MIT */
#include "stages/store/store_space.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "common/beat.h"
#include "common/check.h"
#include "common/clock.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* linux/mman.h of Linux 6.1 */
#endif

#define PAGES_PER_CHUNK (STORE_CHUNK_BYTES / STORE_PAGE_BYTES)
/* How many are cleared or given back between two beats; 64 MiB take about 0.1 s. */
#define PIECE_CHUNKS 32u
/* How many are made huge in one call, which takes some milliseconds. */
#define CHUNKS_PER_CALL 8u
/* After a call that took longer than this there is no other. */
#define HUGE_CALL_US_MAX 50000u

void store_space_init(struct store_space *space, struct store_map *map, uint64_t first_page)
{
    memset(space, 0, sizeof *space);
    space->map = map;
    space->first_page = space->high_page = first_page;
}

void store_space_ask_for_huge(struct store_space *space)
{
    space->asks = true;
}

/* The index of the first extent that begins at a page or after it. */
static size_t find(const struct store_space *space, uint64_t page)
{
    size_t low = 0, high = space->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (space->extents[middle].page < page)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint64_t end_before(const struct store_space *space, size_t i)
{
    if (i == 0)
        return space->first_page;
    return space->extents[i - 1].page + space->extents[i - 1].pages;
}

static void insert(struct store_space *space, size_t i, uint64_t page, uint64_t pages)
{
    INVARIANT(space->count < STORE_EXTENTS_MAX && end_before(space, i) <= page);
    INVARIANT(i == space->count || page + pages <= space->extents[i].page);
    memmove(&space->extents[i + 1], &space->extents[i],
            (space->count - i) * sizeof space->extents[0]);
    space->extents[i] = (struct store_extent){.page = page, .pages = pages};
    space->count++;
    space->pages += pages;
    if (page + pages > space->high_page)
        space->high_page = page + pages;
}

void store_space_note(struct store_space *space, uint64_t page, uint64_t pages)
{
    insert(space, find(space, page), page, pages);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Gives memory back to the system; it reads as zeros from then on. */
static void punch(const struct store_space *space, uint64_t page, uint64_t end)
{
    while (page < end) {
        uint64_t pages = least(end - page, PIECE_CHUNKS * PAGES_PER_CHUNK);
        beat_once(space->beats);
        (void)fallocate(space->map->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                        (off_t)(page * STORE_PAGE_BYTES), (off_t)(pages * STORE_PAGE_BYTES));
        page += pages;
    }
}

/* Clears pages that a table has used. */
static void clear(const struct store_space *space, uint64_t page, uint64_t end)
{
    while (page < end) {
        uint64_t pages = least(end - page, PIECE_CHUNKS * PAGES_PER_CHUNK);
        beat_once(space->beats);
        memset(space->map->base + page * STORE_PAGE_BYTES, 0, pages * STORE_PAGE_BYTES);
        page += pages;
    }
}

/* Gives back whole chunks only: giving back a part of a huge page would split it. */
static void punch_chunks(const struct store_space *space, uint64_t page, uint64_t end)
{
    page = (page + PAGES_PER_CHUNK - 1) / PAGES_PER_CHUNK * PAGES_PER_CHUNK;
    punch(space, page, end / PAGES_PER_CHUNK * PAGES_PER_CHUNK);
}

void store_space_tidy(struct store_space *space)
{
    for (size_t i = 0; i < space->count; i++)
        punch_chunks(space, end_before(space, i), space->extents[i].page);
    /* To the very end: a partial chunk there may have been used by a table. */
    space->high_page = (space->high_page + PAGES_PER_CHUNK - 1) / PAGES_PER_CHUNK * PAGES_PER_CHUNK;
    punch(space, space->high_page, space->map->len / STORE_PAGE_BYTES);
}

static bool was_asked(const struct store_space *space, uint64_t chunk)
{
    return (space->asked[chunk / 8] >> (chunk % 8) & 1) != 0;
}

/*
 * Makes some chunks huge; each must have at least one page for that. However little is requested,
 * the kernel first waits for all processors. If that takes long, it is not asked again.
 */
static void make_some_huge(struct store_space *space, uint64_t first, uint64_t end)
{
    beat_once(space->beats);
    for (uint64_t chunk = first; chunk < end; chunk++) {
        (void)*(volatile uint8_t *)(space->map->base + chunk * STORE_CHUNK_BYTES);
        space->asked[chunk / 8] |= (uint8_t)(1u << (chunk % 8));
    }
    uint64_t began_us = clock_monotonic_us();
    (void)madvise(space->map->base + first * STORE_CHUNK_BYTES, (end - first) * STORE_CHUNK_BYTES,
                  MADV_COLLAPSE);
    space->asks = clock_monotonic_us() - began_us <= HUGE_CALL_US_MAX;
    beat_once(space->beats);
}

static void make_huge(struct store_space *space, uint64_t first, uint64_t end)
{
    while (first < end && space->asks) {
        uint64_t next = end - first < CHUNKS_PER_CALL ? end : first + CHUNKS_PER_CALL;
        make_some_huge(space, first, next);
        first = next;
    }
}

/*
 * Asks for huge pages for the chunks of a new table. If the table is at the end, asks for more than
 * it needs, for the next tables: an eighth of what all tables use, plus two.
 */
static void ask_for_chunks(struct store_space *space, uint64_t page, uint64_t pages)
{
    /* Nothing is requested ahead where memory is accounted for strictly, or in partial chunks. */
    uint64_t chunks = space->map->len / STORE_CHUNK_BYTES;
    if (!space->asks || space->pages < STORE_HUGE_BYTES_MIN / STORE_PAGE_BYTES ||
        space->map->strict)
        return;
    uint64_t chunk = page / PAGES_PER_CHUNK;
    uint64_t end = (page + pages + PAGES_PER_CHUNK - 1) / PAGES_PER_CHUNK;
    while (chunk < end && was_asked(space, chunk))
        chunk++;
    if (chunk >= end || chunk >= chunks)
        return;
    if (page + pages > space->high_page)
        end += 2 + space->pages / PAGES_PER_CHUNK / 8;
    make_huge(space, chunk, end < chunks ? end : chunks);
}

int store_space_take(struct store_space *space, uint64_t pages, uint64_t *ret_page, struct err *e)
{
    size_t i = 0;
    while (i < space->count && end_before(space, i) + pages > space->extents[i].page)
        i++;
    uint64_t page = end_before(space, i);
    int rc = store_map_reserve(space->map, (page + pages) * STORE_PAGE_BYTES, e);
    if (rc == 0)
        rc = store_map_commit(space->map, page * STORE_PAGE_BYTES, pages * STORE_PAGE_BYTES, e);
    if (rc != 0)
        return rc;
    ask_for_chunks(space, page, pages);
    clear(space, page, least(page + pages, space->high_page));
    insert(space, i, page, pages);
    *ret_page = page;
    return 0;
}

void store_space_give_back(struct store_space *space, uint64_t page)
{
    size_t i = find(space, page);
    REQUIRE(i < space->count && space->extents[i].page == page);
    uint64_t table_end = page + space->extents[i].pages;
    space->pages -= space->extents[i].pages;
    space->count--;
    memmove(&space->extents[i], &space->extents[i + 1],
            (space->count - i) * sizeof space->extents[0]);
    /* The chunks of the gap that this table used, or a part of; others were given back before. */
    uint64_t gap = end_before(space, i);
    uint64_t gap_end = i < space->count ? space->extents[i].page : space->high_page;
    uint64_t chunk = page / PAGES_PER_CHUNK;
    uint64_t end = (table_end + PAGES_PER_CHUNK - 1) / PAGES_PER_CHUNK;
    if (chunk * PAGES_PER_CHUNK < gap)
        chunk++;
    if (end * PAGES_PER_CHUNK > gap_end && i < space->count)
        end--;
    for (uint64_t n = chunk; n < end; n++)
        space->asked[n / 8] &= (uint8_t) ~(1u << (n % 8));
    punch(space, chunk * PAGES_PER_CHUNK, end * PAGES_PER_CHUNK);
}
