/* SPDX-License-Identifier: MIT */
/*
 * yaml_tree.h - valid YAML that does not mean what it seems to: a space or quotes are missing
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_TREE_H
#define BULKHEAD_TOPOLOGY_YAML_TREE_H

#include "topology/diagnostics.h"
#include "topology/node.h"

/*
 * Adds an error for each text without quotes that is null in YAML or continues on a second line
 * (except in a "description:", which is for people), and for each "name:value" that is a key.
 */
void yaml_tree_check(const struct node *root, struct diagnostics *d);

#endif
