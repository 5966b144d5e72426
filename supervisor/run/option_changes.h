/* SPDX-License-Identifier: MIT */
/*
 * option_changes.h - what is another one in the options of a stage than at the start before
 *
 * Both are as the manifest has them, so what the options were is known, and not what they meant.
 * The order counts where the kind tries parts one after the other: those of conditions.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_OPTION_CHANGES_H
#define BULKHEAD_SUPERVISOR_RUN_OPTION_CHANGES_H

#include <stdbool.h>

#include "common/buf.h"
#include "supervisor/run/manifest.h"
#include "topology/kind.h"

struct option_changes {
    bool records; /* the stage may make another record of one than before */
    bool wiring;  /* it reads from others, or others read its dead letters */
};

/* Appends "lateness was 14d, is 30d; ..." for every option that is another one now. */
struct option_changes option_changes_find(const struct manifest_stage *was,
                                          const struct manifest_stage *is, const struct kind *kind,
                                          struct buf *out);

#endif
