/* SPDX-License-Identifier: MIT */
/*
 * option_keys.h - which keys a map of options may have, and what an unknown key probably meant
 */
#ifndef BULKHEAD_TOPOLOGY_OPTION_KEYS_H
#define BULKHEAD_TOPOLOGY_OPTION_KEYS_H

#include <stdbool.h>

#include "topology/diagnostics.h"
#include "topology/node.h"
#include "topology/options.h"

struct option_keys {
    const struct option_spec *own;    /* ends with one without a name, as all arrays of specs */
    const struct option_spec *common; /* allowed in addition to its own; or NULL */
    const char *const *others;        /* keys that are not options; ends with NULL; or NULL */
    const char *const *useless;       /* those of common and others that are not allowed; or NULL */
};

/* Whether the map has an unknown key whose nearest valid name is this one. */
bool option_keys_misspelt(const struct option_keys *keys, const struct node *map, const char *name);

/* Adds an error for every unknown key of the map. owner has the options: "kind 'limits'". */
void option_keys_check(const struct option_keys *keys, const struct node *map, const char *owner,
                       struct diagnostics *d);

#endif
