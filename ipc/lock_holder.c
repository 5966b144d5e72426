/* SPDX-License-Identifier: MIT */
#include "ipc/lock_holder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

long lock_holder_pid(int dir_fd)
{
    char pid[32] = "";
    size_t len = 0;
    int fd;
    if (file_open(dir_fd, LOCK_HOLDER_FILE, O_RDONLY | O_NOFOLLOW, 0, &fd, NULL) != 0)
        return 0;
    (void)file_read_at(fd, 0, pid, sizeof pid - 1, &len, NULL);
    (void)close(fd);
    return strtol(pid, NULL, 10);
}

/* Whether a process is alive: a dead one keeps its pid until its parent has reaped it. */
static bool is_alive(pid_t pid)
{
    if (kill(pid, 0) != 0)
        return errno != ESRCH;
    char path[32], text[512] = "";
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno != ENOENT;
    ssize_t len = read(fd, text, sizeof text - 1);
    (void)close(fd);
    /* The state comes after the name, which is in parentheses and may contain anything. */
    const char *name_end = len > 0 ? strrchr(text, ')') : NULL;
    return name_end == NULL || strncmp(name_end, ") Z", 3) != 0;
}

/* Whether a process has the directory open. True also if that cannot be determined. */
static bool has_open(long pid, int dir_fd)
{
    char path[64];
    struct stat ours, theirs;
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", pid);
    DIR *fds = opendir(path);
    if (fds == NULL || fstat(dir_fd, &ours) != 0) {
        if (fds != NULL)
            (void)closedir(fds);
        return errno != ENOENT;
    }
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(fds)) != NULL)
        found = fstatat(dirfd(fds), entry->d_name, &theirs, 0) == 0 &&
                theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
    (void)closedir(fds);
    return found;
}

/* Pids are reused, in a container soon: the one in the file may be ours or that of any process. */
bool lock_holder_is_at_work(int dir_fd, long pid)
{
    return pid > 0 && pid != (long)getpid() && is_alive((pid_t)pid) && has_open(pid, dir_fd);
}

long lock_holder_of(const char *path)
{
    int dir_fd;
    if (file_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &dir_fd, NULL) != 0)
        return 0;
    long pid = lock_holder_pid(dir_fd);
    /* Trying the lock would disturb a supervisor that is just starting. */
    if (!lock_holder_is_at_work(dir_fd, pid))
        pid = 0;
    (void)close(dir_fd);
    return pid;
}
