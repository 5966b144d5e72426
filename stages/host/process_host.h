/* SPDX-License-Identifier: MIT */
/*
 * process_host.h - a stage as a process of its own: links, acks, commits, control
 *
 * Begins where stage_main() has read what the process was given (ipc/stage_protocol.h). It
 * lives until the supervisor says stop or is gone, or until something fails: then it ends, and a
 * new one takes its place at the last committed seq.
 */
#ifndef BULKHEAD_STAGES_HOST_PROCESS_HOST_H
#define BULKHEAD_STAGES_HOST_PROCESS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "stages/journal/stage_input.h"
#include "topology/graph.h"

struct process_host_config {
    const struct topology *topology;
    const struct stage *stage;
    uint64_t generation;
    seq_number begins_after;         /* see stage_env */
    const struct stage_input *input; /* NULL unless the kind takes_stdin */
};

/* Runs the stage; returns its enum stage_exit. Blocks signals while nng starts its threads. */
int process_host_run(const struct process_host_config *config);

#endif
