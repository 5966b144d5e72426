/* SPDX-License-Identifier: MIT */
/*
 * stage_protocol.h - the contract between the supervisor and a stage program
 *
 * A stage program is an executable that has the code of some kinds. The supervisor starts it once
 * for every process of a stage; bulkhead itself is one. This header is all that the two agree on
 * apart from what they then say to each other:
 *
 *   arguments         enum stage_argument
 *   descriptors       enum stage_fd, all open when main() begins; no others are
 *   signals           none is blocked. SIGTERM, SIGINT and SIGHUP are ignored: who stops a whole
 *                     group of processes means the supervisor. SIGPIPE and SIGXFSZ are ignored
 *                     too. All others have their default action
 *   surroundings      a session of its own; it is killed when the supervisor dies. Directory,
 *                     environment, umask and limits are the supervisor's, but for RLIMIT_DATA where
 *                     the topology sets memory_max
 *   topology          topology/stage_topology.h
 *   messages          control.h. The first from the stage is CTL_STAGE_READY, or CTL_STAGE_REFUSED
 *                     before it exits with STAGE_EXIT_REFUSED; then, as soon as it knows where it
 *                     goes on, CTL_STAGE_POSITIONED. The last to the stage is CTL_SUPERVISOR_STOP.
 *                     It must answer CTL_SUPERVISOR_PING at all times
 *   what it shows     status_page.h
 *   exit codes        enum stage_exit
 *
 * Who writes a stage program in C calls stage_main() (stages/host/stage_main.h), which does all of
 * it. docs/protocol.md, "Stage programs", is the same to the byte.
 */
#ifndef BULKHEAD_IPC_STAGE_PROTOCOL_H
#define BULKHEAD_IPC_STAGE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Moves on when one of the two sides would misunderstand the other. */
#define STAGE_PROTOCOL_VERSION 2

/* The first argument, by which a program knows that it is to be a stage. */
#define STAGE_ARGUMENT "--stage-process"

/* The arguments by position. */
enum stage_argument {
    STAGE_ARGUMENT_PROGRAM,      /* for people; not the path */
    STAGE_ARGUMENT_MARK,         /* STAGE_ARGUMENT */
    STAGE_ARGUMENT_NAME,         /* of the stage, with its worker: "parse.2" */
    STAGE_ARGUMENT_GENERATION,   /* which process of the stage it is, from 1, in decimal digits */
    STAGE_ARGUMENT_BEGINS_AFTER, /* the seq up to which nothing is this stage's to do, likewise */
    STAGE_ARGUMENT_LOG,          /* "verbose" or "quiet" */
    STAGE_ARGUMENT_STREAM,       /* of standard input, see struct stage_stream; "-": it has none */
    STAGE_ARGUMENT_PROTOCOL,     /* STAGE_PROTOCOL_VERSION in decimal digits */
    STAGE_ARGUMENT_COUNT
};

/* The descriptors. 0 is standard input of the one stage that takes it, 1 standard output likewise;
 * else both are /dev/null. 2 is read by the supervisor, line by line, for the log. */
enum stage_fd {
    STAGE_FD_CONTROL = 3,     /* SOCK_SEQPACKET to the supervisor */
    STAGE_FD_STATUS = 4,      /* its status page */
    STAGE_FD_TOPOLOGY = 5,    /* sealed memory: what the stage is given of the topology */
    STAGE_FD_LINKS = 6,       /* the directory of the links' sockets */
    STAGE_FD_STAGES = 7,      /* the directory of the stages' state */
    STAGE_FD_IMAGE = 8,       /* memory for the image of its store; one without state has none */
    STAGE_FD_LOCK = 9,        /* the state directory, locked until the last stage is dead */
    STAGE_FD_RELAY_READ = 10, /* a pipe for standard input, if that is none; one stage has it */
    STAGE_FD_RELAY_WRITE = 11,
    STAGE_FD_COUNT = 12
};

/* How a stage process ends. Any other code, and any signal, is a death like STAGE_EXIT_FAILED. */
enum stage_exit {
    STAGE_EXIT_STOPPED = 0,  /* it was told to, or its supervisor is gone */
    STAGE_EXIT_FAILED = 1,   /* something failed that may not fail again: it is started again */
    STAGE_EXIT_USAGE = 2,    /* it was not the supervisor that called it */
    STAGE_EXIT_WANT = 75,    /* there is none of a resource; to be tried again, however often */
    STAGE_EXIT_REFUSED = 78, /* it cannot go on, and said why with CTL_STAGE_REFUSED */
};

/* What is known of standard input; see stages/journal/stage_input.h. */
struct stage_stream {
    bool is; /* the stage takes it */
    uint64_t id;
    bool kept;    /* it was open in a former run, which read from it */
    bool relayed; /* it is not a pipe, so STAGE_FD_RELAY_* are one */
};

struct stage_arguments {
    const char *name; /* borrowed */
    uint64_t generation;
    uint64_t begins_after;
    bool verbose;
    struct stage_stream stream;
};

/* The texts of arguments that are made of numbers. */
struct stage_argument_texts {
    char generation[21], begins_after[21], stream[19], protocol[11];
};

/*
 * Writes the arguments. ret_argv has room for STAGE_ARGUMENT_COUNT and a NULL; what it points to is
 * borrowed from arguments, program and ret_texts.
 */
void stage_arguments_write(const struct stage_arguments *arguments, const char *program,
                           struct stage_argument_texts *ret_texts, const char **ret_argv);

/*
 * Reads them.
 * Returns: 0
 *          ERR_INVALID    they are not the supervisor's: a person has called the program
 *          ERR_MISMATCH   the supervisor speaks another version of this protocol
 */
int stage_arguments_read(int argc, char *const *argv, struct stage_arguments *ret_arguments,
                         struct err *e);

#endif
