/* SPDX-License-Identifier: MIT */
/*
 * chaos_plan.h - what is disturbed next, and when: a function of the seed only
 *
 * The plan does not look at processes. Its caller waits until a target is there, or skips a
 * disturbance that is not possible.
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_PLAN_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"

/* kind, text, weight, how many stages must be targets, whether the supervisor must be one */
#define CHAOS_KIND_LIST(X)                                                                         \
    X(CHAOS_KILL_STAGE, "SIGKILL of a stage", 50, 1, false)                                        \
    X(CHAOS_KILL_AGAIN, "SIGKILL of the same stage as soon as it is back", 14, 1, false)           \
    X(CHAOS_KILL_TWO, "SIGKILL of two stages", 9, 2, false)                                        \
    X(CHAOS_KILL_ALL, "SIGKILL of all stages", 4, 2, false)                                        \
    X(CHAOS_FREEZE_STAGE, "SIGSTOP of a stage", 8, 1, false)                                       \
    X(CHAOS_FREEZE_SUPERVISOR, "SIGSTOP of the supervisor", 4, 0, true)                            \
    X(CHAOS_KILL_SUPERVISOR, "SIGKILL of the supervisor", 7, 0, true)                              \
    X(CHAOS_DRAIN, "SIGTERM of the supervisor", 3, 0, true)                                        \
    X(CHAOS_STOP_AT_ONCE, "SIGTERM and SIGINT of the supervisor", 1, 0, true)

enum chaos_kind {
#define X(name, text, weight, stages, supervisor) name,
    CHAOS_KIND_LIST(X)
#undef X
};

struct chaos_plan {
    uint64_t random; /* state of the random number generator */
    size_t targets[PROCESSES_MAX];
    size_t target_count;
    bool supervisor;
    bool has_last;
    size_t last; /* the last stage of the last disturbance of stages, if has_last */
};

struct chaos_disturbance {
    enum chaos_kind kind;
    size_t stages[PROCESSES_MAX]; /* the stages to disturb; none: the supervisor */
    size_t stage_count;
    unsigned wait_ms; /* time to wait after the disturbance before it */
    unsigned hold_ms; /* time between SIGSTOP and SIGCONT */
};

/*
 * Starts a plan.
 *
 *   targets      indexes of the stages that may be disturbed: up to PROCESSES_MAX, or none
 *   supervisor   whether the supervisor may be disturbed
 *
 * Requires: there is at least one target.
 */
void chaos_plan_init(struct chaos_plan *plan, uint64_t seed, const size_t *targets, size_t count,
                     bool supervisor);

/* The next disturbance. */
struct chaos_disturbance chaos_plan_next(struct chaos_plan *plan);

/* A kind in words. */
const char *chaos_kind_text(enum chaos_kind kind);

#endif
