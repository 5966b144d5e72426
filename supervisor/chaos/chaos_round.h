/* SPDX-License-Identifier: MIT */
/*
 * chaos_round.h - one run of the topology as processes, disturbed by the plan until it is done
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_ROUND_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_ROUND_H

#include "supervisor/chaos/chaos_display.h"
#include "supervisor/chaos/chaos_plan.h"
#include "supervisor/chaos/chaos_run.h"

/*
 * Runs until the input is over, starting the supervisor again whenever it was ended on purpose.
 * Disturbs it until the report has as many kills as are wanted. What comes out of it is compared
 * by chaos_run_check() then. When it returns, all processes have ended, whatever happened.
 */
enum chaos_end chaos_round(struct chaos_run *run, struct chaos_plan *plan,
                           struct chaos_display *display);

#endif
