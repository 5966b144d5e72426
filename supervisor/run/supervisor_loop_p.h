/* SPDX-License-Identifier: MIT */
/*
 * supervisor_loop_p.h - the loop and what it watches; private to supervisor_loop.c and
 * supervisor_children_loop.c
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_SUPERVISOR_LOOP_P_H
#define BULKHEAD_SUPERVISOR_RUN_SUPERVISOR_LOOP_P_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/run/control_server_loop.h"
#include "supervisor/run/supervisor.h"

struct stage_watchers {
    struct loop *owner;
    size_t index;
    ev_io control;
    ev_io stderr_output;
    ev_io birth; /* until its exec */
    ev_timer birth_deadline;
    int birth_error; /* why there was no exec; 0: there was, or it is not known yet */
};

struct loop {
    struct ev_loop *ev;
    struct supervisor s;
    struct stage_watchers *watchers;
    struct core_actions actions;
    bool acting; /* actions are being carried out further up the stack */
    ev_io signals;
    int signal_fd;
    ev_timer deadline;
    ev_timer progress;
    ev_timer observe;
    struct core_observation *observations; /* of every stage; what one event is made of */
    struct core_link_observation *links;   /* likewise of every edge */
    bool bar;
    uint64_t progress_at_ms;
    uint64_t progress_records;
    struct control_server *server;
};

/* --- supervisor_loop.c --- */

/* Gives the core an event, with the time of now, and carries out what comes of it. */
void loop_take_event(struct loop *l, struct core_event *event);

/* --- supervisor_children_loop.c --- */

/* Makes empty memory for the state of a stage, which the caller closes. Returns 0 or ERR_IO. */
int loop_make_image(int *ret_fd, struct err *e);

/* Starts a process as a CORE_SPAWN says; that it could not be is an event. */
void loop_spawn(struct loop *l, const struct core_action *action);

/* After a SIGCHLD: looks whether the process of a stage has ended or was stopped. */
void loop_check_child(struct loop *l, size_t index);

/*
 * Reaps children that are no stages: orphans, if we are PID 1 of a container, and those of the
 * program that has made itself ours by exec.
 */
void loop_reap_strangers(struct loop *l);

#endif
