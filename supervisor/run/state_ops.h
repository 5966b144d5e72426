/* SPDX-License-Identifier: MIT */
/*
 * state_ops.h - the operations of the driver on the state directory, see driver.h
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STATE_OPS_H
#define BULKHEAD_SUPERVISOR_RUN_STATE_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "stages/host/quarantine.h"
#include "supervisor/run/supervisor.h"

/*
 * Adds the last words of a stage to an entry, and stores it durably in the stage's quarantine.
 * Returns: 0, ERR_NO_SPACE, ERR_NO_SPACE_LOST, or another code, after which a retry is useless.
 */
int state_quarantine(const struct supervisor *s, size_t stage, struct quarantine_entry *entry,
                     struct err *e);

/* Removes the sockets of all former links of an edge. A failure is only logged. */
void state_remove_sockets(const struct supervisor *s, size_t edge);

/* Whether the directory of the sockets was removed. We keep it open, but cannot put it back. */
bool state_links_are_removed(const struct supervisor *s);

#endif
