/* SPDX-License-Identifier: MIT */
/*
 * supervisor.h - a topology run as processes: what the parts of the supervisor share
 *
 * supervisor_loop.c and supervisor_children_loop.c own all of it, and only they change it. The
 * control server and the display read it. A supervisor is one process with one thread.
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

/* What a stage has in addition to what the driver knows of it. */
struct supervised_stage {
    struct spawned process; /* valid while the driver says that the stage is alive */
    int status_fd;
    int image_fd;           /* -1: the kind has no store */
    struct buf given;       /* its part of the topology, see stage_topology.h */
    char program[PATH_MAX]; /* the program that runs it, see stage_program.h */
    struct stage_words words;
};

struct supervisor {
    const struct topology *topology;
    const struct state_dir *state;
    const struct stage_input *input; /* standard input; NULL if no stage takes_stdin */
    const seq_number *begins_after;  /* one for each stage, see stage_env */
    bool verbose;
    uint64_t started_ms;
    struct driver driver;
    struct supervised_stage *stages;
};

/* The arguments of supervisor_run(). */
struct supervisor_config {
    const struct topology *topology;
    const char *topology_file; /* as the user named it, for messages of stages */
    const struct state_dir *state;
    const struct stage_input *input; /* standard input; NULL if no stage takes_stdin; borrowed */
    const seq_number *begins_after;  /* one for each stage, see stage_env; borrowed */
    bool verbose;
    bool quiet; /* show no progress */
};

/* How a run ended. Its last status is kept in the state directory for `bulkhead status`. */
struct supervisor_report {
    enum core_outcome outcome;
    char reason[CONTROL_TEXT_BYTES_MAX + 128]; /* why it failed; "" if it did not */
    struct status_counts *counts;              /* one for each stage; the caller frees it */
    uint64_t *restarts;                        /* one for each stage; the caller frees it */
    uint64_t elapsed_ms;
};

/*
 * Runs the topology until it is done, is told to stop, or fails. It handles signals while it runs:
 * SIGTERM, SIGINT and SIGHUP drain, and a second one stops without waiting. They are blocked when
 * it returns.
 * Returns: 0 with *ret_report filled in, or ERR_IO if it could not begin.
 */
int supervisor_run(const struct supervisor_config *config, struct supervisor_report *ret_report,
                   struct err *e);

#endif
