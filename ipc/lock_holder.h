/* SPDX-License-Identifier: MIT */
/*
 * lock_holder.h - which supervisor works in a state directory
 *
 * A supervisor locks its state directory and writes its pid into the file "lock" there
 * (supervisor/run/state_dir.h). A client, or another supervisor that needs the lock, reads that
 * pid. The file outlives its supervisor and pids are reused, so a pid counts only if its process is
 * alive and has the directory open.
 */
#ifndef BULKHEAD_IPC_LOCK_HOLDER_H
#define BULKHEAD_IPC_LOCK_HOLDER_H

#include <stdbool.h>

/* The lock file in a state directory: a pid in decimal and a newline. */
#define LOCK_HOLDER_FILE "lock"

/* The pid in the lock file, alive or not; 0 if the file is empty or missing. */
long lock_holder_pid(int dir_fd);

/*
 * Whether a pid from the lock file is that of a working supervisor: another process than this one
 * that is alive and has the directory open. True also if the process may not be inspected.
 */
bool lock_holder_is_at_work(int dir_fd, long pid);

/*
 * The pid of the supervisor that works in a state directory; 0 if there is none or it cannot be
 * determined. Does not try to lock, and so never disturbs another process.
 */
long lock_holder_of(const char *path);

#endif
