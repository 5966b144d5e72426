/* SPDX-License-Identifier: MIT */
/*
 * status_read.h - the JSON of `bulkhead status --json`, read back into a snapshot
 */
#ifndef BULKHEAD_SUPERVISOR_CLIENT_STATUS_READ_H
#define BULKHEAD_SUPERVISOR_CLIENT_STATUS_READ_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "ipc/status_snapshot.h"

/*
 * Reads a status, which may hold any bytes. Texts for people are not kept, and unknown members are
 * skipped. A known member must have its type. The members that chaos and the live picture need must
 * be present. Of the others, a missing number is 0 and a missing name is empty: the supervisor may
 * be of another version.
 * Returns: 0, or ERR_INVALID: the status is malformed; *ret_snapshot may then hold anything.
 */
int status_read(const uint8_t *text, size_t len, struct status_snapshot *ret_snapshot,
                struct err *e);

#endif
