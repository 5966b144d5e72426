/* SPDX-License-Identifier: MIT */
/*
 * graph_layout.h - where the boxes and lines of a picture are
 *
 * Ranks are drawn one below the other. A stage is one rank below the lowest of those that feed it.
 * An output that feeds a stage further down has a lane in every rank in between. In each rank,
 * items are ordered so that few lines cross. All columns count from 0. The same graph gives the
 * same layout.
 *
 * The invariant that makes the lines drawable: above a rank, no two lines of different outputs have
 * an end in the same column, so each needs at most one horizontal piece.
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "supervisor/graph/graph_view.h"

/* The node of an item that is a lane. */
#define GRAPH_LANE SIZE_MAX

/* A box, or the lane of an output that continues to a lower rank. */
struct graph_item {
    size_t node; /* GRAPH_LANE for a lane */
    size_t net;  /* the output that a lane belongs to; unused for a box */
    size_t rank;
    int left;   /* first column */
    int width;  /* columns, with the sides of a box; a lane's line is at left or next to it */
    int column; /* the column of a lane's line; unused for a box */
};

/* A line from an item to one in the rank below. */
struct graph_link {
    size_t upper, lower, net;
    int port;     /* where it leaves, counted from the left of the upper item */
    int from, to; /* the columns of its upper and lower end */
};

struct graph_layout {
    const struct graph_view *view;
    struct graph_item *items;
    size_t item_count;
    struct graph_link *links; /* rank by rank */
    size_t link_count;
    size_t *order;      /* items, rank by rank, from left to right */
    size_t *first;      /* where each rank begins in order, and one entry more for the end */
    size_t *first_link; /* where the links that leave each rank begin in links, and the end */
    size_t rank_count;
    int columns; /* width of the whole picture */
};

/*
 * Lays out a view.
 *
 *   text_widths   the columns that the text of each node needs
 *   columns_max   the columns available
 *
 * Returns: whether it fits. If so, the caller frees *ret_layout with graph_layout_done().
 */
bool graph_layout_make(const struct graph_view *view, const int *text_widths, int columns_max,
                       struct graph_layout *ret_layout);
void graph_layout_done(struct graph_layout *layout);

#endif
