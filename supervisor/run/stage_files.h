/* SPDX-License-Identifier: MIT */
/*
 * stage_files.h - whether the files of stages are each somebody's own
 *
 * What one stage writes nobody else may write or read in the same topology, and it is neither the
 * topology itself nor a file of the state directory, whatever links and relative names lead there.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_FILES_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_FILES_H

#include <stddef.h>

#include "topology/graph.h"
#include "topology/load.h"

/* Is told what is wrong with a stage, and at which of its options. */
typedef void stage_files_tell(void *context, const char *stage, struct place place,
                              const char *message);

/*
 * Compares the paths of all stages, as they are on the disk now; what is not there yet is compared
 * by the names behind what is. Paths that there are errors about are left out.
 *
 *   topology_file   that the topology was read from; NULL: from none that has a name
 *   state_path      the state directory, which need not be there; NULL: the default one
 *
 * Returns how many errors were told.
 */
size_t stage_files_check(const struct topology_draft *draft, const char *topology_file,
                         const char *state_path, stage_files_tell *tell, void *context);

#endif
