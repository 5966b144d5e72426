/* SPDX-License-Identifier: MIT */
/*
 * surroundings.h - what a run needs of the root directory it is started in
 *
 * In an empty chroot, or a container that masks it, there is no /proc. Then no stage can be
 * executed and no socket be named, and what would go wrong without a word is worse: files are known
 * by way of it (an output in the state directory, an input that was renamed).
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SURROUNDINGS_H
#define BULKHEAD_SUPERVISOR_RUN_SURROUNDINGS_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Whether all is there, and what to do if it is not: /proc, with this very process in it, and for a
 * run with processes /dev/null.
 */
int surroundings_check(bool has_processes, struct err *e);

/* The same for a command: says it and returns EXIT_REFUSED, or EXIT_OK. */
int surroundings_require(bool has_processes);

#endif
