/* SPDX-License-Identifier: MIT */
/*
 * expand.h - ${NAME} and ${NAME:-default} in the values of a topology
 *
 * Values come from the environment when the file is read, never later. ${TOPOLOGY_DIR} is the
 * directory of the topology file. "$$" is a dollar sign.
 */
#ifndef BULKHEAD_TOPOLOGY_EXPAND_H
#define BULKHEAD_TOPOLOGY_EXPAND_H

#include "common/buf.h"
#include "common/err.h"
#include "topology/diagnostics.h"
#include "topology/node.h"

/*
 * Appends text with all references replaced.
 *
 *   directory   the value of ${TOPOLOGY_DIR}
 *
 * Returns: 0, or ERR_INVALID: a variable is not set and has no default, or a reference is not of
 *          one of the two forms.
 */
int expand_text(const char *text, const char *directory, struct buf *out, struct err *e);

/* Appends a text in such a form that expand_text() makes that text of it again. */
void expand_protect(const char *text, struct buf *out);

/*
 * A copy of a tree with all references replaced. Its texts are marked as_it_is. A text with a
 * reference that cannot be replaced is copied unchanged. The caller frees it with node_free().
 */
struct node *expand_node(const struct node *node, const char *directory);

/*
 * The text of a scalar with all references replaced; the caller frees it. NULL, with the error
 * added to d, if a reference cannot be replaced. Later errors at its place will name the variables.
 */
char *expand_scalar(const struct node *scalar, const char *directory, struct diagnostics *d);

/* The variables that a scalar refers to: "A, B"; the caller frees it. NULL if there are none. */
char *expand_variables(const struct node *scalar);

#endif
