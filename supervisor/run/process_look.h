/* SPDX-License-Identifier: MIT */
/*
 * process_look.h - what has become of a process of ours
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_PROCESS_LOOK_H
#define BULKHEAD_SUPERVISOR_RUN_PROCESS_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/run/driver.h"
#include "supervisor/run/spawn.h"

/*
 * Looks whether a process has ended or was stopped. One that has ended is left unreaped, so that
 * its pid stays its own until its last messages are read. If another process has reaped it, its
 * end is CORE_EXIT_UNKNOWN; should it live after all, it is killed.
 */
enum process_change process_look(const struct spawned *process, struct process_end *ret_end);

/* Reaps a process that has ended. */
void process_reap(const struct spawned *process);

/* Whether a debugger has stopped a process: its state is `t` then (proc_pid_stat(5)). */
bool process_is_held(pid_t pid);

#endif
