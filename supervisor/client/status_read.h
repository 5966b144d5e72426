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
 * Reads a status, which may be any bytes. Texts for people are not kept, and members that are not
 * known are passed over. A member that is known must have its type. Those that chaos and the live
 * picture need must be there; a number that is missing of the others is 0, a name is empty, since
 * the supervisor may be of another version.
 * Returns: 0, or ERR_INVALID: it is not of this form; *ret_snapshot may then hold anything.
 */
int status_read(const uint8_t *text, size_t len, struct status_snapshot *ret_snapshot,
                struct err *e);

#endif
