/* SPDX-License-Identifier: MIT */
/*
 * stage_protocol.h - the contract between the supervisor and a stage program
 *
 * A stage program is an executable with the code of some kinds. The supervisor starts it once for
 * every process of a stage; bulkhead itself is one. This header defines everything that the two
 * agree on, apart from the messages between them:
 *
 *   arguments         enum stage_argument
 *   descriptors       enum stage_fd; all are open when main() begins, and no others
 *   signals           none is blocked. SIGTERM, SIGINT and SIGHUP are ignored, because a user who
 *                     signals a whole process group means the supervisor. SIGPIPE and SIGXFSZ are
 *                     ignored too. All others have their default action
 *   surroundings      a session of its own; the process is killed when the supervisor dies.
 *                     Directory, environment, umask and limits are the supervisor's, except
 *                     RLIMIT_DATA where the topology sets memory_max
 *   topology          topology/stage_topology.h
 *   messages          control.h. The first from the stage is CTL_STAGE_READY, or CTL_STAGE_REFUSED
 *                     before it exits with STAGE_EXIT_REFUSED. It sends CTL_STAGE_POSITIONED as
 *                     soon as it knows where it resumes. The last message to the stage is
 *                     CTL_SUPERVISOR_STOP. It must answer CTL_SUPERVISOR_PING at all times
 *   status            status_page.h
 *   exit codes        enum stage_exit
 *
 * A stage program in C calls stage_main() (stages/host/stage_main.h), which does all of this. The
 * exact format: docs/protocol.md, "Stage programs".
 */
#ifndef BULKHEAD_IPC_STAGE_PROTOCOL_H
#define BULKHEAD_IPC_STAGE_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Changes whenever one of the two sides would misunderstand the other. */
#define STAGE_PROTOCOL_VERSION 2

/* The first argument, which tells a program to run as a stage. */
#define STAGE_ARGUMENT "--stage-process"

/* The arguments by position. */
enum stage_argument {
    STAGE_ARGUMENT_PROGRAM,      /* for people; not the path */
    STAGE_ARGUMENT_MARK,         /* STAGE_ARGUMENT */
    STAGE_ARGUMENT_NAME,         /* of the stage, with its worker: "parse.2" */
    STAGE_ARGUMENT_GENERATION,   /* which process of the stage it is, from 1, in decimal digits */
    STAGE_ARGUMENT_BEGINS_AFTER, /* the stage has nothing to do up to this seq; in decimal digits */
    STAGE_ARGUMENT_LOG,          /* "verbose" or "quiet" */
    STAGE_ARGUMENT_STREAM,       /* standard input, see struct stage_stream; "-": it has none */
    STAGE_ARGUMENT_PROTOCOL,     /* STAGE_PROTOCOL_VERSION in decimal digits */
    STAGE_ARGUMENT_COUNT
};

/*
 * The descriptors. 0 is standard input for the stage that reads it, and 1 standard output for the
 * stage that writes it; for all others they are /dev/null. The supervisor reads 2 line by line, for
 * the log.
 */
enum stage_fd {
    STAGE_FD_CONTROL = 3,     /* SOCK_SEQPACKET to the supervisor */
    STAGE_FD_STATUS = 4,      /* its status page */
    STAGE_FD_TOPOLOGY = 5,    /* sealed memory: what the stage is given of the topology */
    STAGE_FD_LINKS = 6,       /* the directory of the links' sockets */
    STAGE_FD_STAGES = 7,      /* the directory of the stages' state */
    STAGE_FD_IMAGE = 8,       /* memory for the image of its store; only if it has state */
    STAGE_FD_LOCK = 9,        /* the state directory, locked until the last stage is dead */
    STAGE_FD_RELAY_READ = 10, /* a pipe for standard input that is not a pipe; for one stage */
    STAGE_FD_RELAY_WRITE = 11,
    STAGE_FD_COUNT = 12
};

/* How a stage process ends. Any other code, and any signal, is a death like STAGE_EXIT_FAILED. */
enum stage_exit {
    STAGE_EXIT_STOPPED = 0,  /* the supervisor stopped it or is gone */
    STAGE_EXIT_FAILED = 1,   /* a failure that may not happen again; the stage is restarted */
    STAGE_EXIT_USAGE = 2,    /* it was not started by the supervisor */
    STAGE_EXIT_WANT = 75,    /* a resource is short; the stage is restarted, however often */
    STAGE_EXIT_REFUSED = 78, /* it cannot continue, and sent the reason with CTL_STAGE_REFUSED */
};

/* What is known of standard input; see stages/journal/stage_input.h. */
struct stage_stream {
    bool is; /* the stage reads standard input */
    uint64_t id;
    bool kept;    /* an earlier run has read from the same stream */
    bool relayed; /* it is not a pipe, so STAGE_FD_RELAY_* are one */
};

struct stage_arguments {
    const char *name; /* borrowed */
    uint64_t generation;
    uint64_t begins_after;
    bool verbose;
    struct stage_stream stream;
};

/* Room for the texts of arguments that are numbers. */
struct stage_argument_texts {
    char generation[21], begins_after[21], stream[19], protocol[11];
};

/*
 * Writes the arguments. ret_argv has room for STAGE_ARGUMENT_COUNT and a NULL. It points into
 * arguments, program and ret_texts, which must outlive it.
 */
void stage_arguments_write(const struct stage_arguments *arguments, const char *program,
                           struct stage_argument_texts *ret_texts, const char **ret_argv);

/*
 * Reads them.
 * Returns: 0
 *          ERR_INVALID    the supervisor did not write them: the program was called by hand
 *          ERR_MISMATCH   the supervisor speaks another version of this protocol
 */
int stage_arguments_read(int argc, char *const *argv, struct stage_arguments *ret_arguments,
                         struct err *e);

#endif
