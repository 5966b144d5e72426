/* SPDX-License-Identifier: MIT */
/*
 * graph_layout_p.h - the steps of a layout, in the order in which they are done
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_P_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_P_H

#include "supervisor/graph/graph_layout.h"

/* Columns between two items of a rank. */
#define GRAPH_GAP 2

/* Orders the items of every rank so that few lines cross. */
void graph_order(struct graph_layout *layout);

/* Places the items from left to right, with lines as straight as the order allows. */
void graph_place(struct graph_layout *layout, int columns_max);

/* Chooses the columns of the ends of all lines. */
void graph_connect(struct graph_layout *layout);

#endif
