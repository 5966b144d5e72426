/* SPDX-License-Identifier: MIT */
/*
 * file_lock.h - the lock of a file that one process at a time may write
 *
 * A process that was killed releases its descriptors one after the other, so what it had locked is
 * still locked for some milliseconds after it was seen to be gone. One that takes over waits.
 */
#ifndef BULKHEAD_COMMON_FILE_LOCK_H
#define BULKHEAD_COMMON_FILE_LOCK_H

#include "common/err.h"

/* How long to wait for a process that is ending. Closing gigabytes of memory can take seconds. */
#define FILE_LOCK_WAIT_MS_MAX 5000u

/*
 * Takes an exclusive flock(2) on an open file, for as long as the descriptor is open. Waits up to
 * FILE_LOCK_WAIT_MS_MAX if another process has it.
 *
 * Returns: 0; ERR_BUSY: another process has it, and it does not look as if that one was ending;
 *          ERR_IO: the file system has no locks
 */
int file_lock(int fd, struct err *e);

#endif
