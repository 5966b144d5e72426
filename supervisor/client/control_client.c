/* SPDX-License-Identifier: MIT */
#include "supervisor/client/control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/memory.h"
#include "ipc/control.h"
#include "ipc/lock_holder.h"

#define ANSWER_BYTES_MAX (1u << 20)
#define ANSWER_SECONDS_MAX 5

/* A path through /proc stays short. Without /proc, we connect from within the directory. */
static int connect_in(int fd, int dir_fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path,
                   "/proc/self/fd/%d/" CONTROL_SOCKET_FILE, dir_fd);
    int rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    int here = rc != 0 && errno == ENOENT ? open(".", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
    if (here < 0)
        return rc;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", CONTROL_SOCKET_FILE);
    if (fchdir(dir_fd) == 0)
        rc = connect(fd, (struct sockaddr *)&address, sizeof address);
    bool is_back = fchdir(here) == 0;
    (void)close(here);
    return is_back ? rc : -1;
}

int control_client_connect(const char *state_path)
{
    int dir_fd = open(state_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The kernel accepts a few connections for a stopped supervisor, which does not answer. */
    const struct timeval patience = {.tv_sec = ANSWER_SECONDS_MAX};
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    }
    if (fd >= 0 && connect_in(fd, dir_fd) != 0) {
        (void)close(fd);
        fd = -1;
    }
    (void)close(dir_fd);
    return fd;
}

int control_client_explain(const char *state_path, struct err *e)
{
    long pid = lock_holder_of(state_path);
    if (pid == 0)
        return err_set(e, ERR_NOT_FOUND, "no supervisor is running in '%s'", state_path);
    return err_set(e, ERR_BUSY,
                   "a supervisor (pid %ld) is running in '%s', but does not listen on its control "
                   "socket there; it creates a new one within a second, or logs why it cannot; "
                   "SIGTERM (kill %ld) stops it in order",
                   pid, state_path, pid);
}

int control_client_exchange(int fd, const char *request, struct buf *answer)
{
    char *line = memory_format("%s\n", request);
    ssize_t sent = send(fd, line, strlen(line), MSG_NOSIGNAL);
    bool good = sent == (ssize_t)strlen(line);
    free(line);
    while (good && answer->len < ANSWER_BYTES_MAX) {
        ssize_t n = recv(fd, buf_reserve(answer, 4096), 4096, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 ? 0 : -1;
        answer->len += (size_t)n;
    }
    return -1;
}
