/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what happens around the core: events in, actions out, births and deaths
 *
 * The driver owns the core, feeds it one event at a time from a queue, and carries out the
 * resulting actions. Everything that touches the outside world is done by a table of operations.
 * The supervisor implements them with processes, sockets and libev; the simulation has its own. The
 * driver itself makes no system calls and knows no event loop, so every seed of the simulation runs
 * it. See docs/decisions/0021-driver.md.
 *
 * Each function here except driver_init() and driver_done() passes an event to the core, and
 * returns when the queue is empty. Operations must not call any of them.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_DRIVER_H
#define BULKHEAD_SUPERVISOR_RUN_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/log.h"
#include "ipc/control.h"
#include "ipc/status_page.h"
#include "stages/host/quarantine.h"
#include "supervisor/core/core.h"
#include "supervisor/run/event_queue.h"
#include "topology/graph.h"

/* How a process ended. */
struct process_end {
    int signal;    /* the signal that ended it; 0 if it exited */
    int exit_code; /* its exit code, or CORE_EXIT_UNKNOWN */
};

/* What happened to a process since it was last looked at. */
enum process_change {
    PROCESS_UNCHANGED,
    PROCESS_STOPPED, /* by a signal such as SIGSTOP */
    PROCESS_ENDED,
};

/*
 * What the driver needs from the outside world. `stage` is the index of a process in the topology.
 * Operations that take a `struct err *` return 0 or its code.
 */
struct driver_ops {
    /* The time of a clock that never runs backwards. */
    uint64_t (*now_ms)(void *context);

    /* From now on driver_time_passed() is due at this time; 0: it is not due. */
    void (*arm)(void *context, uint64_t deadline_ms);

    /* Logs a message about a stage. */
    void (*log)(void *context, enum log_level level, size_t stage, const char *text);

    /* All processes are gone: the run is over. */
    void (*exit)(void *context);

    /* Replaces the memory that holds the state of a stage with empty memory. */
    int (*renew_image)(void *context, size_t stage, struct err *e);

    /*
     * Creates a process. From now on driver_hear_birth(), driver_look_at() and driver_hear() are
     * called for its birth, its end and its messages. The error may be a lack of a resource, see
     * e->want.
     */
    int (*spawn)(void *context, size_t stage, uint64_t generation, struct err *e);

    /*
     * Finds out whether the process has reached its program.
     * Returns: 0, or ERR_AGAIN if it is not known yet. *ret_error: 0; or, if it could not reach its
     * program, the errno. The process then ends on its own.
     */
    int (*hear_birth)(void *context, size_t stage, int *ret_error);

    /* Sends SIGKILL. Does nothing if the process has ended. */
    void (*kill)(void *context, size_t stage);

    /* What happened to the process, which is not reaped. Sets *ret_end if it has ended. */
    enum process_change (*look)(void *context, size_t stage, struct process_end *ret_end);

    /* Whether a debugger has stopped the process. */
    bool (*is_held)(void *context, size_t stage);

    /* Reads the last words of a process that has ended, reaps it and releases all that it had. */
    void (*bury)(void *context, size_t stage);

    /* The control channel of the process, see control_send() and control_receive(). */
    int (*send)(void *context, size_t stage, const struct control_message *message, struct err *e);
    int (*receive)(void *context, size_t stage, struct control_message *ret_message, struct err *e);

    /* From now on the messages of the process are ignored: driver_hear() is no longer called. */
    void (*stop_hearing)(void *context, size_t stage);

    /* Adds the last words of the stage to an entry, and stores it durably in its quarantine. */
    int (*quarantine)(void *context, size_t stage, struct quarantine_entry *entry, struct err *e);

    /* Removes the sockets of all former links of an edge. */
    void (*remove_sockets)(void *context, size_t edge);

    /* Whether the directory of these sockets was removed, so that no link can be made any more. */
    bool (*links_are_removed)(void *context);
};

struct driver_stage {
    struct status_page *page; /* set by the caller before driver_start(); outlives the driver */
    bool alive;               /* there is a process that has not been buried */
    bool is_heard;            /* its messages are read; false after an invalid one */
    bool is_deaf;             /* it failed to read a message that we sent */
    bool is_born;             /* it is known whether it has reached its program */
    int birth_error;          /* the errno if it could not; 0: it could, or it is not known yet */
    bool has_image;           /* there is memory for its state */
    char last_end[CORE_CAUSE_BYTES_MAX]; /* how the last process ended; "" if none has */
    seq_number last_seq;                 /* the seq it had in hand when it ended; 0: none */
};

struct driver {
    const struct topology *topology;
    const struct driver_ops *ops;
    void *context;
    struct core core;
    struct core_actions actions;
    struct event_queue events;
    struct driver_stage *stages;
    struct core_observation *observations; /* one for each stage; reused for every event */
    struct core_link_observation *links;   /* one for each edge; reused for every event */
};

/*
 * Prepares a driver. The topology, the operations and the context, which is passed to each of them,
 * must outlive it. The caller fills in the page of every stage.
 */
void driver_init(struct driver *driver, const struct topology *topology,
                 const struct driver_ops *ops, void *context);
void driver_done(struct driver *driver);

/* Starts all stages. */
void driver_start(struct driver *driver);

/* A user asks the run to stop. The second time, it stops without waiting. */
void driver_stop(struct driver *driver);

/* A user asks for a stage to be killed. Returns false if it has no process. */
bool driver_kill(struct driver *driver, size_t stage);

/* The time that was passed to `arm` has come. To be called too early does no harm. */
void driver_time_passed(struct driver *driver);

/* Observes all stages. To be called every core_observe_interval_ms(). */
void driver_observe(struct driver *driver);

/* Reads messages of a stage, but only a limited number, so that other stages are heard too. */
void driver_hear(struct driver *driver, size_t stage);

/* Checks whether a process has reached its program. `is_born` says whether that is known now. */
void driver_hear_birth(struct driver *driver, size_t stage);

/* SPAWN_EXEC_MS_MAX have passed since a process was created. It is killed if it is not born yet. */
void driver_birth_is_overdue(struct driver *driver, size_t stage);

/*
 * Checks whether the process of a stage has ended, and buries it if so; or whether it was stopped.
 */
void driver_look_at(struct driver *driver, size_t stage);

#endif
