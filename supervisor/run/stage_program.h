/* SPDX-License-Identifier: MIT */
/*
 * stage_program.h - finds the program that runs the stages of a kind
 *
 * Most kinds are part of bulkhead itself. One with a `program` is run by the executable of that
 * name in the same directory as bulkhead, or in ../lib/bulkhead/ relative to it, where packages
 * install it. PATH is not used: which program runs must not depend on who starts it.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STAGE_PROGRAM_H
#define BULKHEAD_SUPERVISOR_RUN_STAGE_PROGRAM_H

#include <linux/limits.h>

#include "common/err.h"
#include "topology/kind.h"

/*
 * Finds the program of a kind.
 * Returns: 0 with *ret_path filled in; ERR_NOT_FOUND: e names the places searched; ERR_IO: the path
 *          of this program is not known.
 */
int stage_program_find(const struct kind *kind, char ret_path[PATH_MAX], struct err *e);

#endif
