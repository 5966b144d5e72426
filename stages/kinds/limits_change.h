/* SPDX-License-Identifier: MIT */
/*
 * limits_change.h - what becomes of the state of limits when its options change
 */
#ifndef BULKHEAD_STAGES_KINDS_LIMITS_CHANGE_H
#define BULKHEAD_STAGES_KINDS_LIMITS_CHANGE_H

#include "topology/state_change.h"

/*
 * The kind.change_state of limits. What it leaves are periods: "periods=day+sum;week" are the sums
 * of days, while their counts are in use, and all that there is of weeks.
 */
void limits_change_state(const char *was, const char *is, const char *left,
                         struct state_change *change);

#endif
