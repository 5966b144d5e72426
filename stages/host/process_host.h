/* SPDX-License-Identifier: MIT */
/*
 * process_host.h - a stage as a process of its own: links, acks, commits, control
 *
 * The process is made by fork and exec; everything that it needs stands in fixed descriptors. It
 * lives until the supervisor says stop or is gone, or until something fails: then it ends, and a
 * new one takes its place at the last committed seq.
 */
#ifndef BULKHEAD_STAGES_HOST_PROCESS_HOST_H
#define BULKHEAD_STAGES_HOST_PROCESS_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "stages/journal/stage_input.h"
#include "topology/graph.h"

/* The descriptors that a stage process inherits. */
enum stage_fd {
    STAGE_FD_CONTROL = 3,     /* SOCK_SEQPACKET to the supervisor */
    STAGE_FD_STATUS = 4,      /* its status page */
    STAGE_FD_TOPOLOGY = 5,    /* a memfd with the text of the topology */
    STAGE_FD_LINKS = 6,       /* the directory of the links' sockets */
    STAGE_FD_STAGES = 7,      /* the directory of the stages' state */
    STAGE_FD_IMAGE = 8,       /* a memfd for the image of its store */
    STAGE_FD_LOCK = 9,        /* the state directory, locked until the last stage is dead */
    STAGE_FD_RELAY_READ = 10, /* a pipe for standard input, if that is none; one stage has it */
    STAGE_FD_RELAY_WRITE = 11,
    STAGE_FD_COUNT = 12
};

/* How a stage process ends; documented in docs/protocol.md. */
enum stage_exit {
    STAGE_EXIT_STOPPED = 0,  /* it was told to, or its supervisor is gone */
    STAGE_EXIT_FAILED = 1,   /* something failed that may not fail again */
    STAGE_EXIT_WANT = 75,    /* there is none of a resource; to be tried again, however often */
    STAGE_EXIT_REFUSED = 78, /* it cannot go on, and said why with CTL_STAGE_REFUSED */
};

struct process_host_config {
    const struct topology *topology;
    const struct stage *stage;
    uint64_t generation;
    seq_number begins_after;         /* see stage_env */
    const struct stage_input *input; /* NULL unless the kind takes_stdin */
};

/* Runs the stage; returns its exit code. Blocks signals while nng starts its threads. */
int process_host_run(const struct process_host_config *config);

#endif
