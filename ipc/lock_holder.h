/* SPDX-License-Identifier: MIT */
/*
 * lock_holder.h - which supervisor works in a state directory
 *
 * A supervisor locks its state directory and writes its pid into the file "lock" there
 * (supervisor/run/state_dir.h). Who wants to talk to it, or wants the lock, reads that pid. The
 * file outlives its supervisor and pids are used again, so a pid counts only if its process lives
 * and has the directory open.
 */
#ifndef BULKHEAD_IPC_LOCK_HOLDER_H
#define BULKHEAD_IPC_LOCK_HOLDER_H

#include <stdbool.h>

/* The lock file in a state directory: a pid in decimal and a newline. */
#define LOCK_HOLDER_FILE "lock"

/* The pid in the lock file; 0 if there is none yet, or no file. Whether it lives is not asked. */
long lock_holder_pid(int dir_fd);

/*
 * Whether a pid from the lock file is that of a supervisor at work: another process than this one,
 * alive, with the directory open. True also for a process that may not be looked at.
 */
bool lock_holder_is_at_work(int dir_fd, long pid);

/*
 * The pid of the supervisor that works in a state directory; 0 if there is none, or none that can
 * be known. The lock is not tried, so this is in nobody's way.
 */
long lock_holder_of(const char *path);

#endif
