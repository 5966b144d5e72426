/* SPDX-License-Identifier: MIT */
#include "common/file_lock.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#define RETRY_MS 10u

int file_lock(int fd, struct err *e)
{
    const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
    for (unsigned waited_ms = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; waited_ms += RETRY_MS) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return err_set_errno(e, "cannot lock it");
        if (waited_ms >= FILE_LOCK_WAIT_MS_MAX)
            return err_set(e, ERR_BUSY, "another process has locked it");
        (void)nanosleep(&pause, NULL);
    }
    return 0;
}
