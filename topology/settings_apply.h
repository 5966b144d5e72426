/* SPDX-License-Identifier: MIT */
/*
 * settings_apply.h - puts the settings of the command line into the tree of a topology
 */
#ifndef BULKHEAD_TOPOLOGY_SETTINGS_APPLY_H
#define BULKHEAD_TOPOLOGY_SETTINGS_APPLY_H

#include "topology/diagnostics.h"
#include "topology/node.h"
#include "topology/settings.h"

/*
 * Changes the tree of a topology; adds an error for a setting whose stage is not there or whose
 * option is none that can be set. What else is wrong with it the check finds, at the place that
 * the changed nodes have: that of the setting. Takes NULL for no settings.
 */
void settings_apply(const struct settings *settings, struct node *root, struct diagnostics *d);

#endif
