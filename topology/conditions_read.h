/* SPDX-License-Identifier: MIT */
/*
 * conditions_read.h - reads conditions from a topology, and checks them against the input
 */
#ifndef BULKHEAD_TOPOLOGY_CONDITIONS_READ_H
#define BULKHEAD_TOPOLOGY_CONDITIONS_READ_H

#include "topology/conditions.h"
#include "topology/kind_check.h"
#include "topology/node.h"

/*
 * Reads one set, a map, or several, a list of maps, and adds every error it finds.
 *
 *   option   the name of the option that they belong to, for messages
 *   name     what they are called: the name of the option or of one of its members
 *   check    what is known of their stage
 *
 * Returns the conditions; the caller frees them with conditions_free(). They are usable only if no
 * error was added.
 */
struct conditions *conditions_read(const struct node *node, const char *option, const char *name,
                                   const struct kind_check *check);

#endif
