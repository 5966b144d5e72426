/* SPDX-License-Identifier: MIT */
#include "common/standard_error.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum way {
    WAY_UNKNOWN,
    WAY_DIRECT, /* a regular file: it needs no reader */
    WAY_OWN,    /* a descriptor of our own that does not block */
    WAY_SOCKET,
    WAY_ASK, /* poll(2) tells when to write */
};

static struct {
    enum way way;
    int fd;
} standard_error;

static void find_way(void)
{
    struct stat st;
    standard_error.fd = STDERR_FILENO;
    standard_error.way = WAY_ASK;
    if (fstat(STDERR_FILENO, &st) != 0)
        return;
    if (S_ISREG(st.st_mode))
        standard_error.way = WAY_DIRECT;
    else if (S_ISSOCK(st.st_mode))
        standard_error.way = WAY_SOCKET;
    if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
        return;
    /* If stderr was closed at the start, the descriptor only looks writable. */
    int flags = fcntl(STDERR_FILENO, F_GETFL);
    int fd = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY
                 ? open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
                 : -1;
    if (fd < 0)
        return;
    standard_error.fd = fd;
    standard_error.way = WAY_OWN;
}

ssize_t standard_error_write(const void *bytes, size_t len)
{
    if (standard_error.way == WAY_UNKNOWN)
        find_way();
    struct pollfd ready = {.fd = standard_error.fd, .events = POLLOUT};
    if (standard_error.way == WAY_ASK && poll(&ready, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    ssize_t n;
    do {
        n = standard_error.way == WAY_SOCKET
                ? send(standard_error.fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
                : write(standard_error.fd, bytes, len);
    } while (n < 0 && errno == EINTR);
    return n;
}

void standard_error_last_words(const char *text)
{
    (void)standard_error_write(text, strlen(text));
}
