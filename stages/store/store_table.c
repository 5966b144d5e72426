/* SPDX-License-Identifier: MIT */
/*
 * The memory of an image: where its header, its undo log and its tables are, and how much memory
 * the stage may have.
 */
#include <inttypes.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/log.h"
#include "common/memfd.h"
#include "common/memory.h"
#include "stages/store/store_image_p.h"

void image_set_sizes(struct image *image, uint32_t value_len, bool expires)
{
    image->value_len = value_len;
    image->value_at = expires ? sizeof(int64_t) : 0;
    image->slot_size = sizeof(struct image_slot) + image->value_at + value_len;
    image->undo_size = offsetof(struct undo_entry, slot) + image->slot_size;
}

/* The first table begins at a chunk, after the header and the undo log. */
void image_init_space(struct image *image)
{
    uint64_t bytes = undo_fixed_page() * STORE_PAGE_BYTES + undo_fixed_bytes(image);
    uint64_t chunks = (bytes + STORE_CHUNK_BYTES - 1) / STORE_CHUNK_BYTES;
    store_space_init(&image->space, &image->map, chunks * (STORE_CHUNK_BYTES / STORE_PAGE_BYTES));
    image->space.beats = image->beats;
    if (image->asks_for_huge)
        store_space_ask_for_huge(&image->space);
}

void image_follow_map(struct image *image)
{
    image->base = image->map.base;
    image->header = (struct image_header *)image->base;
    undo_use(image);
}

int image_init(struct image *image, int fd, const struct store_spec *spec, struct err *e)
{
    *image = (struct image){.fd = fd,
                            .own_fd = fd < 0,
                            .beats = spec->beats,
                            .memory_bytes_max = spec->memory_bytes_max,
                            .on_none = spec->on_none,
                            .asks_for_huge = spec->first};
    if (fd < 0) {
        int made = memfd_new("bulkhead-store", &image->fd, e);
        if (made != 0)
            return made;
    }
    int rc = store_map_open(&image->map, image->fd, e);
    if (rc == 0)
        image_follow_map(image);
    return rc;
}

void image_done(struct image *image)
{
    store_map_close(&image->map);
    if (image->own_fd && image->fd >= 0)
        (void)close(image->fd);
    image->base = NULL;
    image->header = NULL;
    image->fd = -1;
}

static uint64_t state_bytes(const struct image *image)
{
    return (image->space.first_page + image->space.pages) * STORE_PAGE_BYTES;
}

void image_bound_private(const struct image *image)
{
    uint64_t state = state_bytes(image);
    if (image->memory_bytes_max != 0)
        memory_bound_private(state < image->memory_bytes_max ? image->memory_bytes_max - state : 0);
}

/* How much private memory the process needs: what it has now, but no less than it takes to work. */
static uint64_t work_bytes(void)
{
    uint64_t private = memory_private_bytes();
    return private > MEMORY_WORK_BYTES ? private : MEMORY_WORK_BYTES;
}

/* Refuses more pages if they would take the process beyond its memory_max. */
static int check_bound(const struct image *image, uint64_t pages, struct err *e)
{
    if (image->memory_bytes_max == 0)
        return 0;
    uint64_t state = state_bytes(image), more = pages * STORE_PAGE_BYTES;
    uint64_t private = work_bytes();
    if (state + more + private > image->memory_bytes_max) {
        memory_trim();
        private = work_bytes();
    }
    if (state + more + private <= image->memory_bytes_max)
        return 0;
    return err_set(
        e, ERR_MISMATCH,
        "what it keeps about keys takes %" PRIu64 " bytes and needs %" PRIu64
        " more, which with %" PRIu64 " for its work exceeds its memory_max of %" PRIu64
        "; nothing is lost: give it a larger memory_max or more workers, and start again",
        state, more, private, image->memory_bytes_max);
}

int image_table_make(struct image *image, uint64_t slots, size_t slot_size, uint64_t *ret_table,
                     struct err *e)
{
    REQUIRE(slots < UINT64_C(1) << TABLE_SLOTS_BITS);
    uint64_t page = 0, pages = pages_for(slots * slot_size);
    int rc = check_bound(image, pages, e);
    if (rc == 0)
        rc = store_space_take(&image->space, pages, &page, e);
    image_follow_map(image);
    if (rc != 0)
        return rc;
    image_bound_private(image);
    *ret_table = TABLE(page, slots);
    return 0;
}

_Noreturn void image_give_up(const struct image *image, const struct err *e)
{
    if (image->on_none != NULL)
        image->on_none(e);
    log_line(LOG_ERROR, "%s; what was committed is safe", e->text);
    _exit(1);
}

uint64_t image_table_new(struct image *image, uint64_t slots, size_t slot_size)
{
    uint64_t table = 0;
    struct err e;
    if (image_table_make(image, slots, slot_size, &table, &e) != 0)
        image_give_up(image, &e);
    return table;
}

bool image_table_fits(const struct image *image, uint64_t table, size_t slot_size)
{
    return table_page(table) >= image->space.first_page &&
           (table_page(table) + pages_for(table_slots(table) * slot_size)) * STORE_PAGE_BYTES <=
               image->map.len;
}

void image_table_note(struct image *image, uint64_t table, size_t slot_size)
{
    store_space_note(&image->space, table_page(table), pages_for(table_slots(table) * slot_size));
}
