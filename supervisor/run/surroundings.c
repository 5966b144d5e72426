/* SPDX-License-Identifier: MIT */
#include "supervisor/run/surroundings.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/run/exit_codes.h"

static bool can_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return false;
    (void)close(fd);
    return true;
}

int surroundings_check(bool has_processes, struct err *e)
{
    /* A /proc of another PID namespace has no `self` for us. */
    if (!can_open("/proc/self/exe", O_PATH) || !can_open("/proc/self/fd", O_RDONLY | O_DIRECTORY))
        return err_set(
            e, ERR_MISMATCH,
            "there is no /proc with this process in it, and a run needs it to start its "
            "stages and to identify files; mount it (mount -t proc proc /proc), or, in a "
            "container, do not mask it");
    if (has_processes && !can_open("/dev/null", O_RDWR)) {
        (void)err_set_errno(e, "a run needs /dev/null for its stages, but cannot open it");
        struct err cause = *e;
        return err_set(
            e, ERR_MISMATCH,
            "%s; create it (mknod -m 666 /dev/null c 1 3), or bind-mount that of the host",
            cause.text);
    }
    return 0;
}

int surroundings_require(bool has_processes)
{
    struct err e;
    if (surroundings_check(has_processes, &e) == 0)
        return EXIT_OK;
    log_line(LOG_ERROR, "%s", e.text);
    return EXIT_REFUSED;
}
