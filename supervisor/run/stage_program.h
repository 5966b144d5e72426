/* SPDX-License-Identifier: MIT */
/*
 * stage_program.h - where the program is that runs the stages of a kind
 *
 * Most kinds are in bulkhead itself. One with a `program` is run by the executable of that name
 * beside it, or in ../lib/bulkhead/ seen from there, where packages put it. PATH is not looked at:
 * what runs must not depend on who starts it.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_PROGRAM_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_PROGRAM_H

#include <linux/limits.h>

#include "common/err.h"
#include "topology/kind.h"

/*
 * Finds the program of a kind.
 * Returns: 0 with *ret_path filled; ERR_NOT_FOUND with where it was looked for; ERR_IO if nobody
 *          says where we are.
 */
int stage_program_find(const struct kind *kind, char ret_path[PATH_MAX], struct err *e);

#endif
