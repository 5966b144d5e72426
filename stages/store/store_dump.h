/* SPDX-License-Identifier: MIT */
/*
 * store_dump.h - the entries of a key group as of the committed point, slot by slot; private to the
 * store
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_DUMP_H
#define BULKHEAD_STAGES_STORE_STORE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "stages/store/store_conversion.h"
#include "stages/store/store_image.h"

/* The form of another store that the entries are to have. */
struct image_form {
    bool expires;     /* entries may expire in it */
    bool never;       /* these entries do not, whatever they did */
    int64_t shift_ns; /* added to the expiry of those that do */
    int64_t clock;    /* of the other store; what has expired by it is left out */
    const struct store_rewrite *rewrite; /* what a kind changes; NULL: nothing */
};

struct image_dump {
    const struct image *image;
    unsigned group;
    const struct image_form *form; /* NULL: as they are */
    struct undo_index undos;
    uint64_t next; /* the next slot of the table to look at */
    bool added;    /* the entry that the form adds was appended, or there is none */
};

/*
 * Begins a walk. The image must not change before image_dump_done(), nor must the form, which may
 * be NULL.
 */
void image_dump_init(struct image_dump *d, const struct image *image, unsigned group,
                     const struct image_form *form);
void image_dump_done(struct image_dump *d);

/*
 * Appends the next entries, slot by slot, until they have bytes_max bytes or there are no more.
 * Returns how many it has appended.
 */
uint32_t image_dump_next(struct image_dump *d, size_t bytes_max, struct buf *out);

/* Whether all entries have been appended. */
bool image_dump_is_at_end(const struct image_dump *d);

/* How many entries are left; walks through them. */
uint32_t image_dump_left(const struct image_dump *d);

#endif
