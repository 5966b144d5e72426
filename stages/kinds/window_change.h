/* SPDX-License-Identifier: MIT */
/*
 * window_change.h - what becomes of the state of window.count when its options change
 */
#ifndef BULKHEAD_STAGES_KINDS_WINDOW_CHANGE_H
#define BULKHEAD_STAGES_KINDS_WINDOW_CHANGE_H

#include "topology/state_change.h"

/* The kind.change_state of window.count. It leaves nothing. */
void window_count_change_state(const char *was, const char *is, const char *left,
                               struct state_change *change);

#endif
