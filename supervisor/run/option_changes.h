/* SPDX-License-Identifier: MIT */
/*
 * option_changes.h - which options of a stage have changed since the previous start
 *
 * Both sides are compared as the manifest records them: the texts of the options, not what they
 * mean. Their order matters only where a kind tries parts one after the other, as with conditions.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_OPTION_CHANGES_H
#define BULKHEAD_SUPERVISOR_RUN_OPTION_CHANGES_H

#include <stdbool.h>

#include "common/buf.h"
#include "supervisor/run/manifest.h"
#include "topology/kind.h"

struct option_changes {
    bool records; /* the stage may turn a record into a different one than before */
    bool wiring;  /* it reads from other stages, or other stages read its dead letters */
    bool version; /* any of these, or what a sink writes has changed: see version.h */
};

/* Appends "lateness was 14d, is 30d; ..." with every option that has changed. */
struct option_changes option_changes_find(const struct manifest_stage *was,
                                          const struct manifest_stage *is, const struct kind *kind,
                                          struct buf *out);

#endif
