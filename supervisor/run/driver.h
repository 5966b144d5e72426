/* SPDX-License-Identifier: MIT */
/*
 * driver.h - what happens around the core: events in, actions out, births and deaths
 *
 * It owns the core, gives it one event at a time from a queue, and carries out the actions that
 * come of it. All that touches the world is done by a table of operations, which the supervisor
 * fills with processes, sockets and libev, and the simulation with its own. So the driver makes no
 * call of the system, knows no loop, and is played by every seed of the simulation; see
 * docs/decisions/0021-driver.md.
 *
 * Each function here but driver_init() and driver_done() gives the core what it is about, and
 * returns when the queue is empty. An operation must call none of them.
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
    int signal;    /* that ended it; 0 if it exited */
    int exit_code; /* or CORE_EXIT_UNKNOWN */
};

/* What has become of a process since it was looked at last. */
enum process_change {
    PROCESS_UNCHANGED,
    PROCESS_STOPPED, /* by a signal such as SIGSTOP */
    PROCESS_ENDED,
};

/*
 * What the driver needs of the world. `stage` is the index of a process in the topology. Those that
 * take a `struct err *` return 0 or its code.
 */
struct driver_ops {
    /* The time by a clock that never runs backwards. */
    uint64_t (*now_ms)(void *context);

    /* From now on driver_time_passed() is due at this time; 0: it is not. */
    void (*arm)(void *context, uint64_t deadline_ms);

    /* Says something of a stage to the user. */
    void (*log)(void *context, enum log_level level, size_t stage, const char *text);

    /* All processes are gone: the run is over. */
    void (*exit)(void *context);

    /* Replaces the memory for the state of a stage by empty memory. */
    int (*renew_image)(void *context, size_t stage, struct err *e);

    /*
     * Makes a process. From now on its birth, its end and what it says are looked for, that is
     * driver_hear_birth(), driver_look_at() and driver_hear() called. An error may be a want.
     */
    int (*spawn)(void *context, size_t stage, uint64_t generation, struct err *e);

    /*
     * Whether the process has come to its program: 0, or ERR_AGAIN if that is not known yet.
     * *ret_error: the errno for which it could not; else 0. Then it ends by itself.
     */
    int (*hear_birth)(void *context, size_t stage, int *ret_error);

    /* Sends SIGKILL; a process that has ended does not mind. */
    void (*kill)(void *context, size_t stage);

    /* What has become of the process, which stays unreaped; with *ret_end if it has ended. */
    enum process_change (*look)(void *context, size_t stage, struct process_end *ret_end);

    /* Whether a debugger has stopped the process. */
    bool (*is_held)(void *context, size_t stage);

    /* Takes the last words of a process that has ended, reaps it and lets go of all that it had. */
    void (*bury)(void *context, size_t stage);

    /* The control channel of the process, see control_send() and control_receive(). */
    int (*send)(void *context, size_t stage, const struct control_message *message, struct err *e);
    int (*receive)(void *context, size_t stage, struct control_message *ret_message, struct err *e);

    /* The process will say nothing more that is heard: driver_hear() is not called any more. */
    void (*stop_hearing)(void *context, size_t stage);

    /* Adds the last words of the stage to an entry, and makes it safe in the stage's quarantine. */
    int (*quarantine)(void *context, size_t stage, struct quarantine_entry *entry, struct err *e);

    /* Removes the sockets of all links of an edge that are over. */
    void (*remove_sockets)(void *context, size_t edge);

    /* Whether the directory of these sockets was removed, so that there can be no link any more. */
    bool (*links_are_removed)(void *context);
};

struct driver_stage {
    struct status_page *page; /* set by who made it, before driver_start(); outlives the driver */
    bool alive;               /* a process is there that was not buried */
    bool is_heard;            /* it has its control channel, and has not talked nonsense */
    bool is_deaf;             /* it did not take what it was told */
    bool is_born;             /* whether it came to its program is known */
    int birth_error;          /* the errno for which it did not; 0: it did, or it is not known */
    bool has_image;           /* there is memory for its state */
    char last_end[CORE_CAUSE_BYTES_MAX]; /* how the last process ended; "" if none has */
    seq_number last_seq;                 /* in hand when it ended; 0: none */
};

struct driver {
    const struct topology *topology;
    const struct driver_ops *ops;
    void *context;
    struct core core;
    struct core_actions actions;
    struct event_queue events;
    struct driver_stage *stages;
    struct core_observation *observations; /* of every stage; what one event is made of */
    struct core_link_observation *links;   /* likewise of every edge */
};

/*
 * Prepares a driver. The topology, the operations and the context, which each of these is called
 * with, outlive it. The caller fills in the page of every stage.
 */
void driver_init(struct driver *driver, const struct topology *topology,
                 const struct driver_ops *ops, void *context);
void driver_done(struct driver *driver);

/* Starts all stages. */
void driver_start(struct driver *driver);

/* A user wants the run to end; once more: at once. */
void driver_stop(struct driver *driver);

/* A user wants a stage to be killed. Returns false if it has no process. */
bool driver_kill(struct driver *driver, size_t stage);

/* The time has come that `arm` was called with; too early does no harm. */
void driver_time_passed(struct driver *driver);

/* Looks at all stages; to be called every core_observe_interval_ms(). */
void driver_observe(struct driver *driver);

/* Takes what a stage has said, but not more than some messages, so that others are heard too. */
void driver_hear(struct driver *driver, size_t stage);

/* Looks whether a process has come to its program; `is_born` says whether that is known now. */
void driver_hear_birth(struct driver *driver, size_t stage);

/* SPAWN_EXEC_MS_MAX have passed since a process was made: it is killed if it was not born. */
void driver_birth_is_overdue(struct driver *driver, size_t stage);

/* Looks whether the process of a stage has ended, and buries it then, or was stopped. */
void driver_look_at(struct driver *driver, size_t stage);

#endif
