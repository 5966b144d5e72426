/* SPDX-License-Identifier: MIT */
/*
 * chaos_round.h - one run of the topology as processes, disturbed as planned until it is done
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_ROUND_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_ROUND_H

#include "supervisor/chaos/chaos_display.h"
#include "supervisor/chaos/chaos_plan.h"
#include "supervisor/chaos/chaos_run.h"

/*
 * Runs the topology until the input is at its end, and starts the supervisor again each time that
 * we ended it on purpose. Disturbs the run until the report counts as many kills as are wanted. The
 * output is compared afterwards, by chaos_run_check(). All processes have ended when this returns,
 * whatever happened.
 */
enum chaos_end chaos_round(struct chaos_run *run, struct chaos_plan *plan,
                           struct chaos_display *display);

#endif
