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
 * Returns: a socket, which the caller closes; or -1: none accepts connections there.
 */
int control_client_connect(const char *state_path);

/*
 * Explains why control_client_connect() failed.
 * Returns: ERR_NOT_FOUND: no supervisor works in the directory; ERR_BUSY: one does, whose pid is in
 *          e, but it cannot be reached.
 */
int control_client_explain(const char *state_path, struct err *e);

/*
 * Sends one request and appends the whole answer. Its first line is "ok" or "error: why".
 * Returns: 0, or -1: the supervisor closed the connection, sent nothing for 5 s, or too much.
 */
int control_client_exchange(int fd, const char *request, struct buf *answer);

#endif
