/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - the birth of a stage process: fork, descriptors in their places, exec of ourselves
 */
#ifndef BULKHEAD_SUPERVISOR_SPAWN_H
#define BULKHEAD_SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

/* The first argument by which main() knows that it is to be a stage. */
#define SPAWN_STAGE_ARGUMENT "--stage-process"

struct spawn_request {
    const char *stage;
    uint64_t generation;
    const char *topology_file; /* its name, for messages */
    bool fresh;
    bool verbose;
    int status_fd, topology_fd, links_fd, stages_fd, image_fd, lock_fd; /* borrowed */
};

struct spawned {
    pid_t pid;
    int pid_fd;
    int control_fd; /* our end of the control channel, non-blocking */
    int stderr_fd;  /* what the process writes to stderr, non-blocking */
};

/*
 * Starts a stage process in a session of its own, which dies with us. Returns when its exec has
 * succeeded.
 *
 * Ownership: the caller closes the descriptors in *ret_spawned and reaps the process.
 * Returns:   0, or ERR_IO with why fork or exec failed; then there is no process.
 */
int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e);

/* Sends a signal to a process that was not reaped yet; a dead one does not mind. */
void spawn_signal(const struct spawned *spawned, int signal);

#endif
