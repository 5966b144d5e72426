/* SPDX-License-Identifier: MIT */
/*
 * load.h - from the text of a topology file to the checked graph
 */
#ifndef BULKHEAD_TOPOLOGY_LOAD_H
#define BULKHEAD_TOPOLOGY_LOAD_H

#include <stddef.h>

#include "topology/graph.h"

/*
 * Reads and checks a topology.
 *
 *   file      as the user named it, for messages and ${TOPOLOGY_DIR}
 *   text      its content; needed only during the call
 *   registry  the kinds there are
 *   form      whether workers are spread out
 *   d         must have been started with file and text; takes all errors. Its settings, if it
 *             has some, override what the text says
 *
 * Ownership: the caller frees *ret_topology with topology_free().
 * Returns:   0, or ERR_INVALID with at least one error added to d.
 */
int topology_load(const char *file, const char *text, size_t len, kind_registry registry,
                  enum topology_form form, struct diagnostics *d, struct topology **ret_topology);

/* A stage and what was read of its options, see kind_check.options. */
struct stage_options {
    const char *name;
    struct place place;
    const struct kind *kind;
    const struct options *options;
};

/* A topology that may have errors; lives as long as the call that it is shown to. */
struct topology_draft {
    const char *name; /* "" if it is none */
    const struct stage_options *stages;
    size_t stage_count; /* of those whose kind is known, in the order of the flow */
};

/* Compares stages with each other, and adds the errors that it finds. */
typedef void topology_compare(void *context, const struct topology_draft *draft,
                              struct diagnostics *d);

/*
 * The same as topology_load(), with what somebody else has to say of the whole, whatever other
 * errors there are, so that all of them are told at once.
 */
int topology_load_compared(const char *file, const char *text, size_t len, kind_registry registry,
                           enum topology_form form, struct diagnostics *d,
                           topology_compare *compare, void *context,
                           struct topology **ret_topology);

#endif
