/* SPDX-License-Identifier: MIT */
/*
 * resolved.h - a checked topology as the text of a topology file in which everything is resolved
 *
 * The text says the same in whatever directory and environment it is read: variables and settings
 * are applied, and paths are absolute. Comments are gone, and all else is in the order of the file.
 */
#ifndef BULKHEAD_TOPOLOGY_RESOLVED_H
#define BULKHEAD_TOPOLOGY_RESOLVED_H

#include "common/buf.h"
#include "common/err.h"
#include "topology/graph.h"

/*
 * Appends the text. The same topology has the same text in every run; read again, it has the same
 * text again.
 *
 *   topology   from topology_load(), of either form; not that of a stage process
 *   directory  an absolute path, from which relative paths of the topology start; they become
 *              DIRECTORY/PATH, as in the manifest
 *
 * Returns: 0; or with out unchanged and e set
 *          ERR_INVALID  a path is relative, and the directory is not absolute or not plain text, so
 *                       that no topology can name it
 *          ERR_RANGE    the text would be longer than TOPOLOGY_BYTES_MAX
 */
int resolved_write(const struct topology *topology, const char *directory, struct buf *out,
                   struct err *e);

#endif
