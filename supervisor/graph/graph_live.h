/* SPDX-License-Identifier: MIT */
/*
 * graph_live.h - the picture of a running topology, with the numbers of its supervisor
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LIVE_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LIVE_H

#include "supervisor/client/status_read.h"
#include "supervisor/graph/graph_view.h"

/*
 * Makes the numbers of every node from two statuses. Rates are those of the time between the two,
 * and 0 if another supervisor is running now. The lag of a stage is counted from the sources whose
 * records reach it. The numbers of workers are added up; their lag is that of the slowest.
 * Returns: false if a node has no stage in `now`: another version of the topology is running.
 */
bool graph_numbers_make(const struct graph_view *view, const struct status_snapshot *before,
                        const struct status_snapshot *now, struct graph_numbers *ret_numbers);

/*
 * Shows the run in a state directory (NULL: the default one of the topology). On a terminal the
 * picture is redrawn until the run ends or a signal comes; elsewhere it is drawn once. Logs errors.
 * Returns: EXIT_OK; EXIT_FAILED: standard output cannot be written; EXIT_NOT_RUNNING; EXIT_REFUSED:
 *          another topology is running there, or there is no default state directory.
 */
int graph_live(const struct graph_view *view, const struct graph_style *style,
               const char *state_path);

#endif
