/* SPDX-License-Identifier: MIT */
/*
 * stage_files.h - whether the stages keep out of each other's files
 *
 * A file that a stage writes must not be written or read by another stage of the same topology. Nor
 * may it be the topology itself or a file of the state directory. Links and relative names are
 * resolved.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_FILES_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_FILES_H

#include <stddef.h>

#include "topology/graph.h"
#include "topology/load.h"

/* Receives what is wrong with a stage, and the place of the option. */
typedef void stage_files_tell(void *context, const char *stage, struct place place,
                              const char *message);

/*
 * Compares the paths of all stages as they resolve on the disk now. Where a file does not exist
 * yet, the part of its path that does is resolved, and the remaining names are compared. Paths that
 * are already known to be wrong are left out.
 *
 *   topology_file   the file that the topology was read from; NULL: it has no name
 *   state_path      the state directory, which need not exist; NULL: the default one
 *
 * Returns the number of errors reported.
 */
size_t stage_files_check(const struct topology_draft *draft, const char *topology_file,
                         const char *state_path, stage_files_tell *tell, void *context);

#endif
