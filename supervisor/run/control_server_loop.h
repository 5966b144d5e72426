/* SPDX-License-Identifier: MIT */
/*
 * control_server_loop.h - the socket through which status, kill and stop reach the supervisor
 *
 * It is a unix stream socket, "control.sock" in the state directory, with mode 0600; the
 * credentials of the peer are checked. A request is one line. The answer is a line with "ok" or
 * "error: why", perhaps followed by more. Then the connection is closed. See docs/protocol.md,
 * "Control socket".
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_CONTROL_SERVER_LOOP_H
#define BULKHEAD_SUPERVISOR_RUN_CONTROL_SERVER_LOOP_H

#include "common/buf.h"
#include "common/err.h"

struct ev_loop;
struct control_server;

/* Answers one request: appends the whole answer. */
typedef void control_answer_fn(void *context, const char *request, struct buf *answer);

/*
 * Starts to listen on a socket in a directory.
 * Returns: 0 and the server, which the caller frees before the loop ends; or ERR_IO.
 */
int control_server_new(struct ev_loop *loop, int dir_fd, control_answer_fn *answer, void *context,
                       struct control_server **ret_server, struct err *e);

/* Closes all connections and removes the socket. server may be NULL. */
void control_server_free(struct control_server *server);

#endif
