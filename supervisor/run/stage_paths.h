/* SPDX-License-Identifier: MIT */
/*
 * stage_paths.h - checks the paths in the options of a stage before anything is started
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_PATHS_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_PATHS_H

#include "common/err.h"
#include "topology/graph.h"

/*
 * Checks that every path of a stage leads to the same file in the stage's process as it does here,
 * and in the next run. Returns 0 or ERR_MISMATCH; e names the path, and says what to write instead.
 */
int stage_paths_check(const struct stage *stage, struct err *e);

#endif
