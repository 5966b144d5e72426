/* SPDX-License-Identifier: MIT */
/*
 * registry.h - whether the kinds of a program are whole
 */
#ifndef BULKHEAD_STAGES_REGISTRY_H
#define BULKHEAD_STAGES_REGISTRY_H

#include "topology/kind.h"

/*
 * Ends the process, with the kind and what it lacks, if one of the kinds cannot be run: two have
 * one name, neither this nor another program has its functions, or one is missing that its role
 * needs. To be called first thing by a program, so that the author of a kind sees it at once.
 */
void registry_require(kind_registry kinds);

#endif
