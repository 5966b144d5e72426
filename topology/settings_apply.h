/* SPDX-License-Identifier: MIT */
/*
 * settings_apply.h - applies the settings of the command line to the tree of a topology
 */
#ifndef BULKHEAD_TOPOLOGY_SETTINGS_APPLY_H
#define BULKHEAD_TOPOLOGY_SETTINGS_APPLY_H

#include "topology/diagnostics.h"
#include "topology/node.h"
#include "topology/settings.h"

/*
 * Changes the tree of a topology. Adds an error for a setting whose stage does not exist or whose
 * option cannot be set. The check finds all other errors: the changed nodes have the setting as
 * their place. settings: NULL for none.
 */
void settings_apply(const struct settings *settings, struct node *root, struct diagnostics *d);

#endif
