/* SPDX-License-Identifier: MIT */
/*
 * chaos_run.h - what `bulkhead chaos` runs: the topology with its outputs in a scratch directory
 *
 *   SCRATCH/topology.yaml    its text, if the topology can be read once only
 *   SCRATCH/expected/STAGE   what the inline host wrote for each file.sink
 *   SCRATCH/inline/          its state directory
 *   SCRATCH/outputs/STAGE    what the processes wrote in this round
 *   SCRATCH/state/           their state directory
 *   SCRATCH/summary, log     standard output and error of the runs
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_RUN_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_RUN_H

#include <stdbool.h>

#include "supervisor/chaos/chaos_child.h"
#include "supervisor/chaos/chaos_report.h"
#include "supervisor/run/topology_source.h"
#include "topology/graph.h"
#include "topology/settings.h"

struct chaos_run {
    const struct topology *topology;
    const struct topology_source *source;
    const struct settings *user; /* what the user set */
    bool verbose;
    char *scratch; /* absolute path */
    struct chaos_report *report;
};

/* How a part of it ended. */
enum chaos_end {
    CHAOS_END_GOOD,
    CHAOS_END_FAILED,      /* report->reason says why */
    CHAOS_END_INTERRUPTED, /* a signal came; all processes have ended in order */
};

/* SCRATCH/name, or SCRATCH/name/stage if that is not NULL; the caller frees it. */
char *chaos_run_path(const struct chaos_run *run, const char *name, const char *stage);

/*
 * Starts the topology, in one process or as processes.
 * Returns: 0; ERR_RANGE: more settings than there can be; ERR_IO.
 */
int chaos_run_start(const struct chaos_run *run, bool inline_host, struct chaos_child *child,
                    struct err *e);

/*
 * Runs it with the inline host to its end.
 *
 *   ret_code   exit code of that run, if it exited
 */
enum chaos_end chaos_run_reference(struct chaos_run *run, int *ret_code);

/* Ends a run in order: SIGTERM, and SIGKILL if it takes too long or another signal comes. */
void chaos_run_stop(struct chaos_child *child);

/* Appends how a run ended, "exited with code 5", and the last lines that it logged. */
void chaos_run_describe_end(const struct chaos_run *run, int status, struct buf *out);

/*
 * After a round: whether all outputs and dead letters are those of the reference, and nothing is
 * left behind. Adds what is not so to the report.
 */
bool chaos_run_check(struct chaos_run *run);

/* Makes the directories of outputs, and forgets the last round and the log. Returns 0 or ERR_IO. */
int chaos_run_prepare(const struct chaos_run *run, struct err *e);

#endif
