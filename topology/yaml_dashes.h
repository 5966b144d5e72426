/* SPDX-License-Identifier: MIT */
/*
 * yaml_dashes.h - where the items of a block list begin
 *
 * The library reports no place for an item that is empty or a block of lines. But such an item has
 * its dash, which is below the first one of the list.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_DASHES_H
#define BULKHEAD_TOPOLOGY_YAML_DASHES_H

#include <stddef.h>

#include "topology/diagnostics.h"

struct yaml_dashes {
    const char *at, *end;
    struct place place; /* of the current dash; line 0: there is none */
    size_t count;       /* the number of dashes before it */
};

/*
 * Starts at the first dash of a list. A list that begins with a bracket has none.
 *
 *   text    of the file, len bytes; must outlive the dashes
 *   offset  where the list begins, in bytes; may be anywhere
 *   place   where the list begins, as a place
 */
void yaml_dashes_init(struct yaml_dashes *d, const char *text, size_t len, size_t offset,
                      struct place place);

/* The place of the dash of an item, from 0; line 0 if it is not found. Only moves forward. */
struct place yaml_dashes_place(struct yaml_dashes *d, size_t item);

#endif
