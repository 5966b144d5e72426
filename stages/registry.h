/* SPDX-License-Identifier: MIT */
/*
 * registry.h - checks that the kinds of a program are complete
 */
#ifndef BULKHEAD_STAGES_REGISTRY_H
#define BULKHEAD_STAGES_REGISTRY_H

#include "topology/kind.h"

/*
 * Ends the process, naming the kind and what is wrong with it, if one of the kinds cannot be run:
 * two kinds have the same name, a kind has no functions and names no program that has them, or a
 * function is missing that its role needs. A program calls this first, so that the author of a kind
 * sees the mistake at once.
 */
void registry_require(kind_registry kinds);

#endif
