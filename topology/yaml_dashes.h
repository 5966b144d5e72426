/* SPDX-License-Identifier: MIT */
/*
 * yaml_dashes.h - where the items of a list of lines begin
 *
 * An item that is empty, or a block of lines, has no place of its own in what the library says. It
 * has its dash, which stands below the first one of the list.
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_DASHES_H
#define BULKHEAD_TOPOLOGY_YAML_DASHES_H

#include <stddef.h>

#include "topology/diagnostics.h"

struct yaml_dashes {
    const char *at, *end;
    struct place place; /* of the dash at which this is; line 0: there is none */
    size_t count;       /* of the dashes before it */
};

/*
 * Starts at the first dash of a list. One that begins otherwise, with a bracket, has none.
 *
 *   text    of the file, len bytes; must outlive the dashes
 *   offset  where the list begins, in bytes; may be anywhere
 *   place   the same as a place
 */
void yaml_dashes_init(struct yaml_dashes *d, const char *text, size_t len, size_t offset,
                      struct place place);

/* The place of the dash of an item, from 0; line 0 if it is not found. Only ever goes forward. */
struct place yaml_dashes_place(struct yaml_dashes *d, size_t item);

#endif
