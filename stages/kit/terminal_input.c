/* SPDX-License-Identifier: MIT */
#include "stages/kit/terminal_input.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The terminal of a process: fields 5, 7 and 8 of proc_pid_stat(5). */
struct terminal_of {
    int group, device, foreground;
};

static bool read_terminal_of(pid_t pid, struct terminal_of *ret)
{
    char path[64], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0)
        (void)close(fd);
    /* The name, in parentheses, may contain anything. */
    const char *behind = n > 0 ? strrchr(text, ')') : NULL;
    return behind != NULL && sscanf(behind, ") %*c %*d %d %*d %d %d", &ret->group, &ret->device,
                                    &ret->foreground) == 3;
}

/* /dev/tty (5:0) is the terminal of any process that opens it. */
static bool is_device(dev_t opened, int device)
{
    unsigned number = (unsigned)device;
    dev_t known = makedev(number >> 8 & 0xfff, (number & 0xff) | (number >> 12 & 0xfff00));
    return opened == known || opened == makedev(5, 0);
}

bool terminal_is_elsewhere(int fd)
{
    struct stat st;
    struct terminal_of parent;
    if (fstat(fd, &st) != 0 || !S_ISCHR(st.st_mode) || isatty(fd) != 1 || tcgetpgrp(fd) >= 0)
        return false;
    if (!read_terminal_of(getppid(), &parent) || parent.device == 0)
        return false;
    return is_device(st.st_rdev, parent.device) && parent.group != parent.foreground;
}

bool terminal_is_gone(int fd)
{
    struct stat st;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && poll(&ready, 1, 0) > 0 &&
           (ready.revents & POLLHUP) != 0;
}
