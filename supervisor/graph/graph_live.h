/* SPDX-License-Identifier: MIT */
/*
 * graph_live.h - the picture of a running topology, with what its supervisor counts
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LIVE_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LIVE_H

#include "supervisor/client/status_read.h"
#include "supervisor/graph/graph_view.h"

/*
 * What two looks tell of every node. Rates are of the time between them, and 0 if another
 * supervisor runs now. The lag of a stage is counted from the sources that it gets records of.
 * Workers are summed, and their lag is that of the slowest.
 * Returns: false if a node has no stage in now: it is another version of the topology that runs.
 */
bool graph_numbers_make(const struct graph_view *view, const struct status_snapshot *before,
                        const struct status_snapshot *now, struct graph_numbers *ret_numbers);

/*
 * Shows the run in a state directory (NULL: the default one of the topology): on a terminal again
 * and again until it ends or a signal comes, otherwise once. Says errors itself.
 * Returns: EXIT_OK; EXIT_NOT_RUNNING; EXIT_REFUSED: it is not this topology that runs there.
 */
int graph_live(const struct graph_view *view, const struct graph_style *style,
               const char *state_path);

#endif
