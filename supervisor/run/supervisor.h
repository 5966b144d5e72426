/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - a topology run as processes: what the parts of the supervisor share
 *
 * supervisor_loop.c, with supervisor_children_loop.c, owns all of it and is the only one to change
 * it; the control server and the display read it. One supervisor is one process with one thread.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SUPERVISOR_H
#define BULKHEAD_SUPERVISOR_RUN_SUPERVISOR_H

#include <linux/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "ipc/status_page.h"
#include "supervisor/run/driver.h"
#include "supervisor/run/spawn.h"
#include "supervisor/run/stage_words.h"
#include "supervisor/run/state_dir.h"
#include "topology/graph.h"

/* What a stage has beyond what the driver knows of it. */
struct supervised_stage {
    struct spawned process; /* if the driver says that it is alive */
    int status_fd;
    int image_fd;           /* -1: the kind has no store */
    struct buf given;       /* of the topology, see stage_topology.h */
    char program[PATH_MAX]; /* see stage_program.h */
    struct stage_words words;
};

struct supervisor {
    const struct topology *topology;
    const struct state_dir *state;
    const struct stage_input *input; /* NULL if no stage takes it */
    const seq_number *begins_after;  /* by stage, see stage_env */
    bool verbose;
    uint64_t started_ms;
    struct driver driver;
    struct supervised_stage *stages;
};

/* What supervisor_run() is given. */
struct supervisor_config {
    const struct topology *topology;
    const char *topology_file; /* as the user named it, for messages of stages */
    const struct state_dir *state;
    const struct stage_input *input; /* NULL if no stage takes_stdin; borrowed */
    const seq_number *begins_after;  /* by stage, see stage_env; borrowed */
    bool verbose;
    bool quiet; /* no progress */
};

/* How it ended. What it was at the end is kept in the state directory for `bulkhead status`. */
struct supervisor_report {
    enum core_outcome outcome;
    char reason[CONTROL_TEXT_BYTES_MAX + 128]; /* of a failure; "" otherwise */
    struct status_counts *counts;              /* of every stage; the caller frees it */
    uint64_t *restarts;                        /* likewise */
    uint64_t elapsed_ms;
};

/*
 * Runs the topology until it is done, told to stop, or failed. Signals are taken over while it
 * runs: SIGTERM and SIGINT drain, a second one does not wait. They are blocked when it returns.
 * Returns: 0 with *ret_report filled, or ERR_IO if it could not begin.
 */
int supervisor_run(const struct supervisor_config *config, struct supervisor_report *ret_report,
                   struct err *e);

#endif
