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
 *   registry  the available kinds
 *   form      whether every worker becomes a stage
 *   d         must have been started with file and text; gets all errors. Its settings, if any,
 *             override the text
 *
 * Ownership: the caller frees *ret_topology with topology_free().
 * Returns:   0, or ERR_INVALID with at least one error added to d.
 */
int topology_load(const char *file, const char *text, size_t len, kind_registry registry,
                  enum topology_form form, struct diagnostics *d, struct topology **ret_topology);

/* A stage, and its options as far as they could be read; see kind_check.options. */
struct stage_options {
    const char *name;
    struct place place;
    const struct kind *kind;
    const struct options *options;
};

/* A topology that may have errors. It lives as long as the call that it is passed to. */
struct topology_draft {
    const char *name;                   /* "" if it has no valid name */
    const struct stage_options *stages; /* those whose kind is known, in the order of the flow */
    size_t stage_count;
};

/* Compares stages with each other, and adds an error for everything it finds. */
typedef void topology_compare(void *context, const struct topology_draft *draft,
                              struct diagnostics *d);

/*
 * As topology_load(), but also calls compare, even if there are errors already, so that all errors
 * are reported together.
 */
int topology_load_compared(const char *file, const char *text, size_t len, kind_registry registry,
                           enum topology_form form, struct diagnostics *d,
                           topology_compare *compare, void *context,
                           struct topology **ret_topology);

#endif
