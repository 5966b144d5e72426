/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - the birth of a stage process: fork, descriptors in their places, exec of ourselves
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SPAWN_H
#define BULKHEAD_SUPERVISOR_RUN_SPAWN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "stages/journal/stage_input.h"
#include "topology/settings.h"

/* The first argument by which main() knows that it is to be a stage. */
#define SPAWN_STAGE_ARGUMENT "--stage-process"
/* The arguments of a stage process from its own name on; behind them stand the settings. */
#define SPAWN_ARGUMENTS 8

struct spawn_request {
    const char *stage;
    uint64_t generation;
    const char *topology_file; /* its name, for messages */
    const struct settings *settings;
    uint64_t begins_after; /* see stage_env */
    bool verbose;
    uint64_t memory_bytes_max;       /* of private memory; 0: no limit of ours */
    const struct stage_input *input; /* NULL unless the stage takes_stdin */
    bool takes_stdout;
    int status_fd, topology_fd, links_fd, stages_fd, image_fd, lock_fd; /* borrowed */
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
 * Returns:   0, or ERR_IO with why the fork failed; then there is no process.
 */
int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e);

/*
 * Whether a process has come to its exec.
 *
 *   ret_error   0: it has, or it died on the way; else the errno for which it could not, and then
 * it ends by itself
 *
 * Returns: 0, or ERR_AGAIN: neither yet
 */
int spawn_hear_birth(const struct spawned *spawned, int *ret_error);

/* How the stage that takes standard input is told of it in its arguments; "-": it does not. */
#define SPAWN_STREAM_BYTES 20u
void spawn_stream_text(const struct stage_input *input, char ret_text[SPAWN_STREAM_BYTES]);

/* Reads that in the stage process. Returns 0 or ERR_INVALID. */
int spawn_parse_stream(const char *text, struct stage_input *ret_input);

/* Sends a signal to a process that was not reaped yet; a dead one does not mind. */
void spawn_signal(const struct spawned *spawned, int signal);

#endif
