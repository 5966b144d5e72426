/* SPDX-License-Identifier: MIT */
/*
 * progress.h - the progress of a run on standard error: a bar on a terminal, otherwise lines
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_PROGRESS_H
#define BULKHEAD_SUPERVISOR_RUN_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "supervisor/run/supervisor.h"

struct progress {
    bool bar;
    uint64_t at_ms;   /* when it was last shown */
    uint64_t records; /* the number of records shown then */
};

/* Begins to show the progress. quiet: there will be none, so there is no bar either. */
void progress_begin(struct progress *progress, bool quiet);

/* How often progress_show() should be called. */
double progress_interval_seconds(const struct progress *progress);

/* Shows how far the run is now. */
void progress_show(struct progress *progress, const struct supervisor *s);

/* Removes the bar. */
void progress_end(const struct progress *progress);

#endif
