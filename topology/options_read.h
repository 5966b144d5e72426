/* SPDX-License-Identifier: MIT */
/*
 * options_read.h - reads the options of a map against their declaration
 */
#ifndef BULKHEAD_TOPOLOGY_OPTIONS_READ_H
#define BULKHEAD_TOPOLOGY_OPTIONS_READ_H

#include "topology/kind_check.h"
#include "topology/node.h"
#include "topology/option_keys.h"
#include "topology/options.h"

/*
 * Reads the options of one map and adds every error that it finds: unknown keys (with the nearest
 * valid name), missing ones, wrong types, values out of bounds, fields that the input does not
 * have.
 *
 *   map     with the options
 *   keys    the allowed keys
 *   place   of the map, for errors about missing options
 *   owner   what has the options, for messages: "kind 'limits'"
 *   check   what is known of the stage; for the head of a topology, only diagnostics and directory
 *
 * Returns the options; the caller frees them with options_free(). They are usable only if no
 * error was added.
 */
struct options *options_read(const struct node *map, const struct option_keys *keys,
                             struct place place, const char *owner, const struct kind_check *check);

#endif
