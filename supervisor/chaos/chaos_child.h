/* SPDX-License-Identifier: MIT */
/*
 * chaos_child.h - the processes of `bulkhead chaos`: its runs, and those of their stages
 *
 * A run is a child in its own process group. chaos is the subreaper of all its descendants: a stage
 * whose supervisor was killed becomes a child of chaos and cannot escape.
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_CHILD_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"

struct chaos_child {
    pid_t pid;  /* 0: none */
    int status; /* as from waitpid(), once it has ended; that of a SIGKILL if it is not known */
};

/* Makes us the reaper of orphans, and blocks the signals that chaos_pause() waits for. */
int chaos_children_init(struct err *e);

/*
 * Starts a run of this program.
 *
 *   arguments   its arguments, from "bulkhead" on; ends with NULL
 *   in_path     the file that it gets as standard input
 *   out_path    the file for its standard output, created or truncated
 *   log_path    the file to which its standard error is appended
 *
 * Returns: 0, or ERR_IO. The caller learns of its end from chaos_children_reap().
 */
int chaos_child_start(struct chaos_child *child, const char *const *arguments, const char *in_path,
                      const char *out_path, const char *log_path, struct err *e);

/* Sends a run a signal, if it has not been reaped. */
void chaos_child_signal(const struct chaos_child *child, int signal);

/*
 * Reaps all processes that have ended. Returns whether the child was among them, with its status.
 */
bool chaos_children_reap(struct chaos_child *child);

/*
 * Waits until all processes are gone, but at most wait_ms milliseconds; then kills those that are
 * left. Returns how many were left.
 */
unsigned chaos_children_finish(unsigned wait_ms);

/*
 * Sleeps for `us` microseconds, or until a process ends. Returns whether a SIGINT, SIGTERM or
 * SIGHUP has arrived.
 */
bool chaos_pause(unsigned us);

/* How many descriptors a run has open; 0 if that cannot be found out. */
unsigned chaos_child_descriptors(const struct chaos_child *child);

/*
 * Opens a process if it is the right one: the stage of this name and generation, of this
 * supervisor.
 * Returns: a pidfd, which the caller closes; -1: it is not that process, or no longer.
 */
int chaos_stage_open(pid_t pid, pid_t supervisor, const char *name, uint64_t generation);

/* Sends a signal to a process by its pidfd. Does nothing if the process is gone. */
void chaos_stage_signal(int pid_fd, int signal);

/* Whether the process of a pidfd has ended. */
bool chaos_stage_is_dead(int pid_fd);

#endif
