/* SPDX-License-Identifier: MIT */
/*
 * progress.h - how far a run is, on standard error: a bar on a terminal, else a line now and then
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_PROGRESS_H
#define BULKHEAD_SUPERVISOR_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/run/supervisor.h"

struct progress {
    bool bar;
    uint64_t at_ms;   /* it was shown last, */
    uint64_t records; /* with so many */
};

/* Begins to show it. quiet: never, so that there is no bar either. */
void progress_begin(struct progress *progress, bool quiet);

/* How often progress_show() should be called. */
double progress_interval_seconds(const struct progress *progress);

void progress_show(struct progress *progress, const struct supervisor *s);

/* Takes the bar away. */
void progress_end(const struct progress *progress);

#endif
