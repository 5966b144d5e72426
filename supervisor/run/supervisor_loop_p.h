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
#include "supervisor/run/progress.h"
#include "supervisor/run/supervisor.h"

struct stage_watchers {
    struct loop *owner;
    size_t index;
    ev_io control;
    ev_io stderr_output;
    ev_io birth; /* active until the process has reached its exec */
    ev_timer birth_deadline;
};

struct loop {
    bool is_over; /* everything has ended, perhaps before the loop began */
    struct ev_loop *ev;
    struct supervisor s;
    struct stage_watchers *watchers;
    ev_io signals;
    int signal_fd;
    ev_timer deadline;
    ev_timer show;
    ev_timer observe;
    struct progress progress;
    struct control_server *server;
};

/* --- supervisor_children_loop.c: the operations of the driver on processes --- */

int loop_renew_image(void *loop, size_t stage, struct err *e);
int loop_spawn(void *loop, size_t stage, uint64_t generation, struct err *e);
int loop_hear_birth(void *loop, size_t stage, int *ret_error);
void loop_kill(void *loop, size_t stage);
enum process_change loop_look(void *loop, size_t stage, struct process_end *ret_end);
bool loop_is_held(void *loop, size_t stage);
void loop_bury(void *loop, size_t stage);
int loop_send(void *loop, size_t stage, const struct control_message *message, struct err *e);
int loop_receive(void *loop, size_t stage, struct control_message *ret_message, struct err *e);
void loop_stop_hearing(void *loop, size_t stage);

/*
 * Reaps children that are not stages: orphans, if we are PID 1 of a container, and children of the
 * program that this process ran before it executed us.
 */
void loop_reap_strangers(struct loop *l);

#endif
