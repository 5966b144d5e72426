/* SPDX-License-Identifier: MIT */
/*
 * chaos_child.h - the processes of `bulkhead chaos`: its runs, and those of their stages
 *
 * A run is a child in a process group of its own. chaos is the subreaper of all that descends
 * from it, so a stage whose supervisor was killed becomes a child of chaos and cannot get lost.
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
    int status; /* as of waitpid(), once it has ended; that of a SIGKILL if nobody knows */
};

/* Makes us the one to whom orphans go, and blocks the signals that chaos_pause() waits for. */
int chaos_children_init(struct err *e);

/*
 * Starts a run of ourselves.
 *
 *   arguments   from "bulkhead" on; ends with NULL
 *   in_path     its standard input
 *   out_path    file for its standard output, made anew
 *   log_path    file to whose end its standard error goes
 *
 * Returns: 0, or ERR_IO. The caller sees its end with chaos_children_reap().
 */
int chaos_child_start(struct chaos_child *child, const char *const *arguments, const char *in_path,
                      const char *out_path, const char *log_path, struct err *e);

/* Sends it a signal, if it has not been reaped. */
void chaos_child_signal(const struct chaos_child *child, int signal);

/* Reaps whatever has ended. Returns whether the child was among it; then its status is set. */
bool chaos_children_reap(struct chaos_child *child);

/*
 * Waits until all processes are gone, some milliseconds at most; then kills those that are left.
 * Returns how many there were.
 */
unsigned chaos_children_finish(unsigned wait_ms);

/*
 * Sleeps, or less if a process ends. Returns whether a SIGINT, SIGTERM or SIGHUP has come.
 */
bool chaos_pause(unsigned us);

/* How many descriptors it has open; 0 if that cannot be seen. */
unsigned chaos_child_descriptors(const struct chaos_child *child);

/*
 * Opens a process if it is the stage that it should be: of this supervisor, name and generation.
 * Returns: a pidfd, which the caller closes; -1: it is not, or not any more.
 */
int chaos_stage_open(pid_t pid, pid_t supervisor, const char *name, uint64_t generation);

/* Sends a signal to a process by its pidfd; one that is gone does not mind. */
void chaos_stage_signal(int pid_fd, int signal);

/* Whether the process of a pidfd has ended. */
bool chaos_stage_is_dead(int pid_fd);

#endif
