/* SPDX-License-Identifier: MIT */
/*
 * control_client.h - the other end of the control socket: one request, one answer
 */
#ifndef BULKHEAD_SUPERVISOR_CONTROL_CLIENT_H
#define BULKHEAD_SUPERVISOR_CONTROL_CLIENT_H

#include "common/buf.h"

/*
 * Connects to the supervisor that works in a state directory.
 * Returns: a socket, which the caller closes; or -1: nobody listens there.
 */
int control_client_connect(const char *state_path);

/*
 * Sends one request and appends the whole answer, its first line "ok" or "error: why".
 * Returns: 0, or -1: the supervisor went away, says nothing for 5 s, or far too much.
 */
int control_client_exchange(int fd, const char *request, struct buf *answer);

#endif
