/* SPDX-License-Identifier: MIT */
/*
 * status_snapshot.h - the status of a run at one moment, as plain values
 *
 * Its members come from the rows of status_fields.h. The supervisor fills one from its own state
 * and the status pages of its stages. Everything that displays or judges a run reads only this. A
 * client fills one from the JSON of a status, without the texts for people.
 */
#ifndef BULKHEAD_IPC_STATUS_SNAPSHOT_H
#define BULKHEAD_IPC_STATUS_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "ipc/status_fields.h"

#define STATUS_NAME_BYTES_MAX STAGE_NAME_BYTES_MAX

/* Any bytes. They are owned by the code that filled the snapshot. */
struct status_text {
    const void *bytes;
    size_t len;
};

#define STATUS_MEMBER_name(name) char name[STATUS_NAME_BYTES_MAX + 1];
#define STATUS_MEMBER_text(name) struct status_text name;
#define STATUS_MEMBER_flag(name) bool name;
#define STATUS_MEMBER_number(name) uint64_t name;
#define STATUS_MEMBER_pid(name) uint64_t name;
#define X(type, name, kind, unit, meaning) STATUS_MEMBER_##type(name)

struct status_stage {
    STATUS_STAGE_LIST(X, X, X)
};

/* Over 100 KiB, so it must be on the heap. */
struct status_snapshot {
    STATUS_RUN_LIST(X)
    struct status_stage stages[PROCESSES_MAX]; /* in the order of the flow, dead-letters last */
    size_t stage_count;
};

#undef X

#endif
