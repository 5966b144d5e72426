/* SPDX-License-Identifier: MIT */
#include "supervisor/run/control_server_loop.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "ipc/control.h"

#define CLIENTS_MAX 16u
/* How long a client may take to send its request and read the answer. */
#define CLIENT_SECONDS_MAX 5.0
/* How long we stop listening if we have no descriptors; otherwise the loop would spin. */
#define REST_SECONDS 0.2
/* How often we check whether the socket can still be found. */
#define LOOK_SECONDS 1.0

struct client {
    struct control_server *server;
    int fd; /* -1: the place is free */
    ev_io readable;
    ev_io writable;
    ev_timer timeout;
    struct buf request;
    struct buf answer;
};

struct control_server {
    struct ev_loop *loop;
    int dir_fd;
    int fd;
    dev_t device; /* with inode: the file that our socket is in the directory */
    ino_t inode;
    bool misses_said; /* that the socket is missing was logged */
    ev_io acceptable;
    ev_timer rest, look;
    control_answer_fn *answer;
    void *context;
    struct client clients[CLIENTS_MAX];
};

static void client_close(struct client *c)
{
    if (c->fd < 0)
        return;
    ev_io_stop(c->server->loop, &c->readable);
    ev_io_stop(c->server->loop, &c->writable);
    ev_timer_stop(c->server->loop, &c->timeout);
    (void)close(c->fd);
    c->fd = -1;
    buf_done(&c->request);
    buf_done(&c->answer);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    client_close(timer->data);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    struct client *c = io->data;
    ssize_t n = send(c->fd, c->answer.data, c->answer.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0)
        buf_drop_front(&c->answer, (size_t)n);
    if (n <= 0 || c->answer.len == 0)
        client_close(c);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct client *c = io->data;
    char bytes[CONTROL_REQUEST_BYTES_MAX];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || c->request.len + (size_t)n > CONTROL_REQUEST_BYTES_MAX) {
        client_close(c);
        return;
    }
    buf_add(&c->request, bytes, (size_t)n);
    char *newline = memchr(c->request.data, '\n', c->request.len);
    if (newline == NULL)
        return;
    *newline = '\0';
    c->server->answer(c->server->context, (const char *)c->request.data, &c->answer);
    ev_io_stop(loop, &c->readable);
    ev_io_start(loop, &c->writable);
}

/* The directory is closed to others; this check still holds if its mode is changed. */
static int is_allowed(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

static void on_rested(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct control_server *server = timer->data;
    ev_io_start(loop, &server->acceptable);
}

static void on_acceptable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)events;
    struct control_server *server = io->data;
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
        ev_io_stop(loop, &server->acceptable);
        ev_timer_set(&server->rest, REST_SECONDS, 0.0);
        ev_timer_start(loop, &server->rest);
    }
    if (fd < 0)
        return;
    struct client *c = NULL;
    for (size_t i = 0; i < CLIENTS_MAX && c == NULL; i++)
        c = server->clients[i].fd < 0 ? &server->clients[i] : NULL;
    if (c == NULL || !is_allowed(fd)) {
        (void)close(fd);
        return;
    }
    *c = (struct client){.server = server, .fd = fd};
    ev_io_init(&c->readable, on_readable, fd, EV_READ);
    ev_io_init(&c->writable, on_writable, fd, EV_WRITE);
    ev_timer_init(&c->timeout, on_timeout, CLIENT_SECONDS_MAX, 0.0);
    c->readable.data = c->writable.data = c->timeout.data = c;
    ev_io_start(loop, &c->readable);
    ev_timer_start(loop, &c->timeout);
}

/* Remembers which file the socket is, so that we notice when it is removed. */
static int remember_name(struct control_server *server, struct err *e)
{
    struct stat st;
    if (fstatat(server->dir_fd, CONTROL_SOCKET_FILE, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return err_set_errno(e, "cannot stat the control socket");
    server->device = st.st_dev;
    server->inode = st.st_ino;
    return 0;
}

static int listen_in(struct control_server *server, struct err *e)
{
    /* A path through /proc stays short, however deep the directory is. */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path,
                   "/proc/self/fd/%d/" CONTROL_SOCKET_FILE, server->dir_fd);
    int rc = file_remove(server->dir_fd, CONTROL_SOCKET_FILE, e); /* left by a killed supervisor */
    if (rc != 0)
        return rc;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_set_errno(e, "cannot create the control socket");
    mode_t before = umask(0177);
    bool good = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)umask(before);
    if (!good || listen(fd, CLIENTS_MAX) != 0) {
        rc = err_set_errno(e, "cannot listen on the control socket");
        err_note_new(e, server->dir_fd, CONTROL_SOCKET_FILE);
    }
    if (rc == 0)
        rc = remember_name(server, e);
    if (rc != 0)
        (void)close(fd);
    else
        server->fd = fd;
    return rc;
}

/* Whether the socket can still be found. Sets *ret_any and *ret_there to what has its name now. */
static bool has_its_name(const struct control_server *server, struct stat *ret_there, bool *ret_any)
{
    *ret_any = fstatat(server->dir_fd, CONTROL_SOCKET_FILE, ret_there, AT_SYMLINK_NOFOLLOW) == 0;
    return *ret_any && ret_there->st_dev == server->device && ret_there->st_ino == server->inode;
}

/*
 * Without its name the socket cannot be reached: after a user, or a tool that cleans up old files,
 * has removed it, the run could neither be asked nor stopped. If something else was put in its
 * place, that is not ours, and stays unless it is a socket.
 */
static void on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct control_server *server = timer->data;
    struct stat st;
    bool there;
    if (has_its_name(server, &st, &there))
        return;
    struct err e;
    int before = server->fd;
    int rc = there && !S_ISSOCK(st.st_mode) ? err_set(&e, ERR_MISMATCH, "another file has its name")
                                            : listen_in(server, &e);
    if (rc != 0 && !server->misses_said)
        log_line(LOG_WARNING,
                 "the control socket '" CONTROL_SOCKET_FILE "' was removed from the state "
                 "directory, and cannot be created again yet: %s",
                 e.text);
    server->misses_said = rc != 0;
    if (rc != 0)
        return;
    log_line(LOG_WARNING, "the control socket '" CONTROL_SOCKET_FILE
                          "' was removed from the state directory; created it again");
    ev_io_stop(loop, &server->acceptable);
    (void)close(before);
    ev_io_set(&server->acceptable, server->fd, EV_READ);
    ev_io_start(loop, &server->acceptable);
}

int control_server_new(struct ev_loop *loop, int dir_fd, control_answer_fn *answer, void *context,
                       struct control_server **ret_server, struct err *e)
{
    struct control_server *server = memory_new(1, sizeof *server);
    server->loop = loop;
    server->dir_fd = dir_fd;
    server->answer = answer;
    server->context = context;
    int rc = listen_in(server, e);
    if (rc != 0) {
        free(server);
        return rc;
    }
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        server->clients[i].fd = -1;
    ev_io_init(&server->acceptable, on_acceptable, server->fd, EV_READ);
    ev_timer_init(&server->rest, on_rested, REST_SECONDS, 0.0);
    ev_timer_init(&server->look, on_look, LOOK_SECONDS, LOOK_SECONDS);
    server->acceptable.data = server->rest.data = server->look.data = server;
    ev_io_start(loop, &server->acceptable);
    ev_timer_start(loop, &server->look);
    *ret_server = server;
    return 0;
}

void control_server_free(struct control_server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        client_close(&server->clients[i]);
    ev_io_stop(server->loop, &server->acceptable);
    ev_timer_stop(server->loop, &server->rest);
    ev_timer_stop(server->loop, &server->look);
    (void)close(server->fd);
    struct stat st;
    bool there;
    if (has_its_name(server, &st, &there))
        (void)file_remove(server->dir_fd, CONTROL_SOCKET_FILE, NULL);
    free(server);
}
