/* SPDX-License-Identifier: MIT */
/*
 * yaml_tree.h - what is good YAML and not what it looks like, for want of a blank or of quotes
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_TREE_H
#define BULKHEAD_TOPOLOGY_YAML_TREE_H

#include "topology/diagnostics.h"
#include "topology/node.h"

/*
 * Adds an error for each text without quotes that is null to YAML, or that goes on in a second line
 * (but for a "description:", which is for people), and for each "name:value" that is a key.
 */
void yaml_tree_check(const struct node *root, struct diagnostics *d);

#endif
