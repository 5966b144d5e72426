/* SPDX-License-Identifier: MIT */
/*
 * graph_layout.h - where the boxes and lines of a picture are
 *
 * Ranks lie under each other; a stage is one rank below the lowest of those that feed it. What
 * feeds something further down has a lane in every rank between. In each rank, items stand so that
 * few lines cross. All columns count from 0. The same graph gives the same layout.
 *
 * The invariant that makes the lines drawable: above a rank, no two lines of different outputs
 * have an end in the same column, so each needs one horizontal piece at the most.
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/graph/graph_view.h"

/* In place of a node: the item is a lane. */
#define GRAPH_LANE SIZE_MAX

/* A box, or the lane of an output that goes on to a lower rank. */
struct graph_item {
    size_t node; /* or GRAPH_LANE */
    size_t net;  /* of a lane */
    size_t rank;
    int left, width; /* of a box with its sides; a lane's line is at left or beside it */
    int column;      /* of a lane's line */
};

/* A line from an item to one of the rank below. */
struct graph_link {
    size_t upper, lower, net;
    int port; /* column where it leaves, from the left of the upper item */
    int from, to;
};

struct graph_layout {
    const struct graph_view *view;
    struct graph_item *items;
    size_t item_count;
    struct graph_link *links; /* rank by rank */
    size_t link_count;
    size_t *order;      /* items, rank by rank, from the left */
    size_t *first;      /* of each rank and one more: where it begins in order */
    size_t *first_link; /* likewise: where those that leave each rank begin in links */
    size_t rank_count;
    int columns; /* of the whole */
};

/*
 * Lays out a view.
 *
 *   text_widths   columns that the text of each node needs
 *   columns_max   that there are
 *
 * Returns: whether it fits. If so, the caller frees it with graph_layout_done().
 */
bool graph_layout_make(const struct graph_view *view, const int *text_widths, int columns_max,
                       struct graph_layout *ret_layout);
void graph_layout_done(struct graph_layout *layout);

#endif
