/* SPDX-License-Identifier: MIT */
/*
 * status_read.h - the JSON of `bulkhead status --json`, read back: what chaos and the live picture
 * need of it
 */
#ifndef BULKHEAD_SUPERVISOR_CLIENT_STATUS_READ_H
#define BULKHEAD_SUPERVISOR_CLIENT_STATUS_READ_H

#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/err.h"

struct status_seen_stage {
    char name[STAGE_NAME_BYTES_MAX + 1];
    uint64_t pid; /* 0: there is no process now */
    uint64_t generation;
    uint64_t acked;
    uint64_t restarts;
    uint64_t processed;
    uint64_t in, out;
};

struct status_seen {
    char topology[NAME_BYTES_MAX + 1];
    uint64_t pid; /* of the supervisor */
    uint64_t up_ms;
    struct status_seen_stage stages[PROCESSES_MAX];
    size_t stage_count;
};

/*
 * Reads a status, which may be any bytes. Members that are not known are passed over.
 * Returns: 0, or ERR_INVALID: it is not of this form, or one of these members is missing.
 */
int status_read(const uint8_t *text, size_t len, struct status_seen *ret_seen, struct err *e);

#endif
