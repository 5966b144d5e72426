/* SPDX-License-Identifier: MIT */
/*
 * requests.h - what the supervisor answers to `bulkhead status`, `kill` and `stop`
 *
 * control_server_loop.h has the socket; docs/protocol.md, "Control socket", describes the form.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_REQUESTS_H
#define BULKHEAD_SUPERVISOR_RUN_REQUESTS_H

#include "common/buf.h"
#include "supervisor/run/supervisor.h"

/* Carries out one request, and appends the whole answer. */
void requests_answer(struct supervisor *s, const char *request, struct buf *answer);

#endif
