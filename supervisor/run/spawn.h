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
    const char *program; /* path of the program, see stage_program.h */
    const char *stage;
    uint64_t generation;
    const struct buf *given; /* see stage_topology.h */
    uint64_t begins_after;   /* see stage_env */
    bool verbose;
    uint64_t memory_bytes_max;       /* limit of private memory; 0: we set none */
    const struct stage_input *input; /* NULL unless the stage takes_stdin */
    bool takes_stdout;
    int image_fd;                                /* borrowed; -1: the stage has no store */
    int status_fd, links_fd, stages_fd, lock_fd; /* borrowed */
};

struct spawned {
    pid_t pid;
    int pid_fd;
    int control_fd; /* our end of the control channel, non-blocking */
    int stderr_fd;  /* our end of the pipe that is its standard error, non-blocking */
    int birth_fd;   /* readable once spawn_hear_birth() has an answer, non-blocking */
};

/*
 * Starts a stage process, which has its own session and dies with us. Returns as soon as there is a
 * process; spawn_hear_birth() reports whether its exec succeeds.
 *
 * Ownership: the caller closes the descriptors in *ret_spawned and reaps the process.
 * Returns:   0, or ERR_IO; e says why there is no process.
 */
int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e);

/* See child_hear_birth(). */
int spawn_hear_birth(const struct spawned *spawned, int *ret_error);

/* Sends a signal to a process that has not been reaped yet. Does nothing if it is dead. */
void spawn_signal(const struct spawned *spawned, int signal);

#endif
