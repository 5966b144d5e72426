/* SPDX-License-Identifier: MIT */
/*
 * process_look.h - what happened to one of our processes
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_PROCESS_LOOK_H
#define BULKHEAD_SUPERVISOR_RUN_PROCESS_LOOK_H

#include <stdbool.h>
#include <sys/types.h>

#include "supervisor/run/driver.h"
#include "supervisor/run/spawn.h"

/*
 * Checks whether a process has ended or was stopped. A process that has ended is not reaped, so
 * that its pid is not reused before its last messages are read. If another process has reaped it,
 * its exit code is CORE_EXIT_UNKNOWN; in case it is alive after all, it is killed.
 */
enum process_change process_look(const struct spawned *process, struct process_end *ret_end);

/* Reaps a process that has ended. */
void process_reap(const struct spawned *process);

/* Whether a debugger has stopped a process. Its state is then `t`, see proc_pid_stat(5). */
bool process_is_held(pid_t pid);

#endif
