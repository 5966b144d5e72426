/* SPDX-License-Identifier: MIT */
/*
 * chaos_run.h - what `bulkhead chaos` runs: the topology with its outputs in a scratch directory
 *
 *   SCRATCH/topology.yaml    the text of the topology, if that can be read only once
 *   SCRATCH/expected/STAGE   the output of each file.sink, written by the inline host
 *   SCRATCH/inline/          the state directory of the inline host
 *   SCRATCH/outputs/STAGE    the output of each file.sink in this round, written by the processes
 *   SCRATCH/state/           the state directory of the processes
 *   SCRATCH/summary, log     standard output and standard error of the runs
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
    const struct settings *user; /* the settings that the user gave */
    bool verbose;
    char *scratch; /* absolute path */
    struct chaos_report *report;
};

/* How a part of the work ended. */
enum chaos_end {
    CHAOS_END_GOOD,
    CHAOS_END_FAILED,      /* report->reason says why */
    CHAOS_END_INTERRUPTED, /* a signal came; all processes were stopped in order */
};

/* SCRATCH/name, or SCRATCH/name/stage if stage is not NULL. The caller frees it. */
char *chaos_run_path(const struct chaos_run *run, const char *name, const char *stage);

/*
 * Starts a run of the topology, with the inline host or as processes.
 * Returns: 0; ERR_RANGE: there are too many settings; ERR_IO.
 */
int chaos_run_start(const struct chaos_run *run, bool inline_host, struct chaos_child *child,
                    struct err *e);

/*
 * Runs the topology with the inline host to its end.
 *
 *   ret_code   the exit code of that run if it failed; -1 if it did not exit by itself
 */
enum chaos_end chaos_run_reference(struct chaos_run *run, int *ret_code);

/* Stops a run: by SIGTERM, and by SIGKILL if that takes too long or we are signalled again. */
void chaos_run_stop(struct chaos_child *child);

/* Appends how a run ended, such as "exited with code 5", and the last lines that it logged. */
void chaos_run_describe_end(const struct chaos_run *run, int status, struct buf *out);

/*
 * Checks, after a round, that all outputs and dead letters are those of the reference and that
 * nothing was left behind. Adds every violation to the report.
 */
bool chaos_run_check(struct chaos_run *run);

/*
 * Creates the directories of the outputs, and removes the last round and the log. Returns 0 or
 * ERR_IO.
 */
int chaos_run_prepare(const struct chaos_run *run, struct err *e);

#endif
