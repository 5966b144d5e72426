/* SPDX-License-Identifier: MIT */
/*
 * options_p.h - what the readers of options share; private to options*.c and conditions.c
 */
#ifndef BULKHEAD_TOPOLOGY_OPTIONS_P_H
#define BULKHEAD_TOPOLOGY_OPTIONS_P_H

#include "topology/options.h"

/*
 * The text of a scalar with its variables replaced; the caller frees it. NULL, with the error
 * added, if they cannot be.
 */
char *options_expand(const struct node *scalar, const struct options_context *c);

/*
 * The place of a field in the input that an option names; -1 with the error added, or silently if
 * the input is not known.
 */
int options_find_field(const char *name, struct place place, const struct option_spec *spec,
                       const struct options_context *c);

/* Adds an error for every key of the map that nobody declared. */
void options_add_unknown_keys(const struct node *map, const struct option_spec *specs,
                              const struct options_context *c);

#endif
