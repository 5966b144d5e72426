/* SPDX-License-Identifier: MIT */
/*
 * control_client.h - the other end of the control socket: one request, one answer
 */
#ifndef BULKHEAD_SUPERVISOR_CLIENT_CONTROL_CLIENT_H
#define BULKHEAD_SUPERVISOR_CLIENT_CONTROL_CLIENT_H

#include "common/buf.h"
#include "common/err.h"

/*
 * Connects to the supervisor that works in a state directory.
 * Returns: a socket, which the caller closes; or -1: nobody listens there.
 */
int control_client_connect(const char *state_path);

/*
 * Says why there is nobody to talk to: no supervisor works in the directory, or one that is there,
 * by its pid, and cannot be reached. Returns ERR_NOT_FOUND, or ERR_BUSY in the second case.
 */
int control_client_explain(const char *state_path, struct err *e);

/*
 * Sends one request and appends the whole answer, its first line "ok" or "error: why".
 * Returns: 0, or -1: the supervisor went away, says nothing for 5 s, or far too much.
 */
int control_client_exchange(int fd, const char *request, struct buf *answer);

#endif
