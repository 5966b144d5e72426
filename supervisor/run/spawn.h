/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - the birth of a stage process, with all that ipc/stage_protocol.h promises it
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SPAWN_H
#define BULKHEAD_SUPERVISOR_RUN_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"
#include "stages/journal/stage_input.h"

struct spawn_request {
    const char *program; /* its path, see stage_program.h */
    const char *stage;
    uint64_t generation;
    const struct buf *given; /* see stage_topology.h */
    uint64_t begins_after;   /* see stage_env */
    bool verbose;
    uint64_t memory_bytes_max;       /* of private memory; 0: no limit of ours */
    const struct stage_input *input; /* NULL unless the stage takes_stdin */
    bool takes_stdout;
    int image_fd;                                /* borrowed; -1: it has no state */
    int status_fd, links_fd, stages_fd, lock_fd; /* borrowed */
};

struct spawned {
    pid_t pid;
    int pid_fd;
    int control_fd; /* our end of the control channel, non-blocking */
    int stderr_fd;  /* what the process writes to stderr, non-blocking */
    int birth_fd;   /* readable when spawn_hear_birth() has something to say, non-blocking */
};

/*
 * Starts a stage process in a session of its own, which dies with us. Returns when there is a
 * process; whether its exec succeeds is told by spawn_hear_birth().
 *
 * Ownership: the caller closes the descriptors in *ret_spawned and reaps the process.
 * Returns:   0, or ERR_IO with why there is no process.
 */
int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e);

/* See child_hear_birth(). */
int spawn_hear_birth(const struct spawned *spawned, int *ret_error);

/* Sends a signal to a process that was not reaped yet; a dead one does not mind. */
void spawn_signal(const struct spawned *spawned, int signal);

#endif
