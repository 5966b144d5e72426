/* SPDX-License-Identifier: MIT */
/*
 * registry.h - checks that the kinds of a program are complete
 */
#ifndef BULKHEAD_STAGES_REGISTRY_H
#define BULKHEAD_STAGES_REGISTRY_H

#include "topology/kind.h"

/*
 * Ends the process, naming the kind and what is wrong with it, if one of the kinds is not complete.
 * A program calls this first, so that the author of a kind sees the mistake at once.
 *
 *   - Two kinds have the same name; a kind has no functions and names no program that has them; or
 *     a function is missing that its role needs.
 *   - A member of a declaration is missing, or does not fit the others: a text, the choices, bounds
 *     or members of an option, a default that is not a value of its option, a name in other than
 *     small letters, a reason that is listed twice.
 */
void registry_require(kind_registry kinds);

#endif
