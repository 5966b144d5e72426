/* SPDX-License-Identifier: MIT */
/*
 * requests.h - what the supervisor answers to `bulkhead status`, `kill` and `stop`
 *
 * The socket is control_server_loop.h's, the form docs/protocol.md's, "Control socket".
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_REQUESTS_H
#define BULKHEAD_SUPERVISOR_RUN_REQUESTS_H

#include "common/buf.h"
#include "supervisor/run/supervisor.h"

/* Does what one request wants, and appends the whole answer. */
void requests_answer(struct supervisor *s, const char *request, struct buf *answer);

#endif
