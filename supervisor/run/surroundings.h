/* SPDX-License-Identifier: MIT */
/*
 * surroundings.h - what a run needs from the root directory it is started in
 *
 * In an empty chroot, or in a container that masks it, there is no /proc. Without it no stage can
 * be executed and no socket can be named. Worse, some things would go wrong silently: files are
 * identified through it (an output in the state directory, an input that was renamed).
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SURROUNDINGS_H
#define BULKHEAD_SUPERVISOR_RUN_SURROUNDINGS_H

#include <stdbool.h>

#include "common/err.h"

/*
 * Checks for /proc, with this process in it, and, if has_processes, for /dev/null.
 * Returns: 0, or ERR_MISMATCH; e says what is missing and what to do.
 */
int surroundings_check(bool has_processes, struct err *e);

/* The same for a command: logs the error and returns EXIT_REFUSED, or returns EXIT_OK. */
int surroundings_require(bool has_processes);

#endif
