/* SPDX-License-Identifier: MIT */
/*
 * yaml.h - reads YAML text into a tree of nodes
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_H
#define BULKHEAD_TOPOLOGY_YAML_H

#include <stddef.h>

#include "topology/diagnostics.h"
#include "topology/node.h"

/*
 * Reads YAML text into a tree. Anchors, aliases, tags, duplicate keys, keys that are not scalars
 * and more than one document are errors: a topology is read by people and means what it shows.
 *
 * Ownership: the caller frees *ret_root with node_free().
 * Returns:   0, also if errors were added that leave the rest of the tree intact (such as a
 *            duplicate key); or ERR_INVALID with the errors added to d.
 */
int yaml_read(const char *text, size_t len, struct diagnostics *d, struct node **ret_root);

#endif
