/* SPDX-License-Identifier: MIT */
/*
 * state_ops.h - those operations of the driver that are about the state directory, see driver.h
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STATE_OPS_H
#define BULKHEAD_SUPERVISOR_RUN_STATE_OPS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "stages/host/quarantine.h"
#include "supervisor/run/supervisor.h"

/*
 * Adds the last words of a stage to an entry, and makes it safe in the quarantine of the stage.
 * Returns: 0, ERR_NO_SPACE, ERR_NO_SPACE_LOST, or another code, for which trying again is no use.
 */
int state_quarantine(const struct supervisor *s, size_t stage, struct quarantine_entry *entry,
                     struct err *e);

/* Removes the sockets of all links of an edge that are over. That it fails is only logged. */
void state_remove_sockets(const struct supervisor *s, size_t edge);

/* Whether the directory of the sockets was removed; ours stays open, and cannot be put back. */
bool state_links_are_removed(const struct supervisor *s);

#endif
