/* SPDX-License-Identifier: MIT */
/*
 * start_plan.h - decides where every stage resumes, before anything is started
 *
 * Pure: facts go in, a verdict comes out; it reads no files and logs nothing. A stage that keeps a
 * position must not be behind any worker that feeds it: the records in between were acked, and are
 * gone. So the lowest position of a stage's workers counts for the stages upstream of it, and the
 * highest one for those downstream. docs/decisions/0010-start-plan.md has the table of what may be
 * found and what follows from it.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_PLAN_H
#define BULKHEAD_SUPERVISOR_RUN_START_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "topology/graph.h"

/* What is known of one stage, all its workers together, and the verdict on it. */
struct start_stage {
    const char *name;
    const char *kind;
    bool keeps;              /* the kind keeps a position */
    bool known;              /* the manifest has it, with the same kind, and it is not discarded */
    bool discarded;          /* the manifest has it, and --discard names it */
    bool found;              /* its position is on the disk */
    bool missing;            /* its directory, or the state of a worker, is not on the disk */
    bool changed;            /* its options have changed, and may turn a record into another one */
    bool rewired;            /* it reads from other stages, or others read its dead letters */
    bool alters;             /* what it makes of a record, or writes, may differ from before */
    seq_number least;        /* the lowest position of its workers, if found */
    seq_number most;         /* the highest one, also of key groups that are ahead, if found */
    seq_number begins_after; /* if known: as in the manifest */

    /*
     * The verdict: all records up to here are done or never come. For a stage that keeps no
     * position, those that it may be given again begin after this one.
     */
    seq_number goes_on_after;
    seq_number gap_first; /* the first record that it is never given; the last is at
                                 goes_on_after. 0: there is no gap */
};

struct start_plan {
    const struct topology *topology;
    struct start_stage *stages; /* indexed as topology->stages; only those of workers 0 are used */
    bool accept_gap;
    struct buf errors, warnings, notes; /* lines for the user */
    size_t error_count;
    bool needs_old; /* an error asks for the old topology to be run first */
};

/* Prepares a plan for a topology, with the names filled in. The caller adds the other facts. */
void start_plan_init(struct start_plan *plan, const struct topology *topology);
void start_plan_done(struct start_plan *plan);

/* Adds a line to the errors, the warnings, or the notes. */
void start_plan_refuse(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void start_plan_warn(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void start_plan_note(struct start_plan *plan, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Fills in the verdicts. Adds what is wrong to the errors, and what is new to the notes. */
void start_plan_judge(struct start_plan *plan);

#endif
