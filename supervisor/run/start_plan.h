/* SPDX-License-Identifier: MIT */
/*
 * start_plan.h - where every stage goes on, judged before anything is started
 *
 * Pure: facts in, verdict out; it reads no file and says nothing itself. A stage that keeps a
 * position must not be behind any worker that feeds it: what lies between was acked, and is gone.
 * So of a stage its least position counts for what is before it, and its most for what is behind
 * it. The table of what may be found and what follows: docs/decisions/0010-start-plan.md.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_PLAN_H
#define BULKHEAD_SUPERVISOR_RUN_START_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "topology/graph.h"

/* What is known of one stage, all its workers together, and what becomes of it. */
struct start_stage {
    const char *name;
    const char *kind;
    bool keeps;              /* the kind keeps a position */
    bool known;              /* the state directory has it already, as the same kind */
    bool found;              /* its position is on the disk */
    bool missing;            /* what must be on the disk is not: its directory, a worker's state */
    bool changed;            /* its options are others: it may make another record of one */
    bool rewired;            /* it reads from others, or others read its dead letters */
    seq_number least, most;  /* of its workers, and of key groups that are ahead, if found */
    seq_number begins_after; /* if known: as the manifest says */

    seq_number goes_on_after; /* the verdict: everything up to here is done or never comes */
    seq_number gap_first; /* records that it is never given: from here to goes_on_after; 0: none */
};

struct start_plan {
    const struct topology *topology;
    struct start_stage *stages; /* by the index of the topology's stages; only workers 0 count */
    bool accept_gap;
    struct buf errors, warnings, notes; /* lines, to be said */
    size_t error_count;
};

/* Makes a plan for a topology, with the names filled in; the rest of the facts is the caller's. */
void start_plan_init(struct start_plan *plan, const struct topology *topology);
void start_plan_done(struct start_plan *plan);

/* Adds a line to the errors, the warnings, or the notes. */
void start_plan_refuse(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void start_plan_warn(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void start_plan_note(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fills in the verdicts, and adds what is wrong to the errors and what is new to the notes. */
void start_plan_judge(struct start_plan *plan);

#endif
