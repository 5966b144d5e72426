/* SPDX-License-Identifier: MIT */
/*
 * process_host.h - a stage as a process of its own: links, acks, commits, control
 *
 * Begins once stage_main() has read what the process was started with (ipc/stage_protocol.h). The
 * process ends when the supervisor tells it to stop or is gone, or when something fails. In that
 * case a new one continues from the last committed seq.
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

/*
 * Runs the stage to its end. Blocks signals while nng starts its threads.
 * Returns: an enum stage_exit, the exit code of the process.
 */
int process_host_run(const struct process_host_config *config);

#endif
