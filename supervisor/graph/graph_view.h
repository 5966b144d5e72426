/* SPDX-License-Identifier: MIT */
/*
 * graph_view.h - what a picture of a topology shows: stages, and for every output all it feeds
 *
 * Made from the logical form of a topology, where a stage with workers is one. The sink of the dead
 * letters is fed by every stage; it and these edges are left out unless all is wanted.
 */
#ifndef BULKHEAD_SUPERVISOR_GRAPH_GRAPH_VIEW_H
#define BULKHEAD_SUPERVISOR_GRAPH_GRAPH_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "topology/graph.h"

struct graph_node {
    const char *name, *kind; /* borrowed from the topology */
    bool source;
    size_t workers;
};

/* One output of a stage. */
struct graph_net {
    size_t from;                    /* node */
    port_number port;               /* of that node */
    char label[NAME_BYTES_MAX + 2]; /* ".vip"; "" for the main output */
    size_t *to;                     /* nodes; one that takes it twice is in here twice */
    size_t to_count;
};

struct graph_view {
    const char *name; /* of the topology; borrowed */
    int64_t version;
    struct graph_node nodes[STAGES_MAX]; /* in the order of the flow */
    size_t node_count;
    struct graph_net *nets; /* by node, then by port */
    size_t net_count;
    size_t dead_left_out; /* stages whose edge to the dead letters is not shown */
};

/*
 * What one look at a running topology told of a node, its workers taken together.
 */
struct graph_numbers {
    bool running;  /* all its processes are there */
    uint64_t rate; /* records a second: taken in; put out by a source */
    uint64_t lag;  /* records that its source has given out and it has not done */
};

/* How a picture is drawn. */
struct graph_style {
    bool ascii;
    int columns;                         /* that a line may have */
    const struct graph_numbers *numbers; /* of each node; NULL: without */
};

/*
 * Requires: topology is in its logical form and lives as long as the view.
 * Ownership: free with graph_view_done().
 */
void graph_view_init(struct graph_view *view, const struct topology *topology, bool all);
void graph_view_done(struct graph_view *view);

/* Appends the language of Graphviz, that of Mermaid. */
void graph_write_dot(const struct graph_view *view, struct buf *out);
void graph_write_mermaid(const struct graph_view *view, struct buf *out);

/* Appends a list of the stages, under each what it feeds, one a line. */
void graph_write_list(const struct graph_view *view, const struct graph_style *style,
                      struct buf *out);

/*
 * Appends the picture: boxes with lines between them if style->columns are enough, the list
 * otherwise; and a line about the dead letters if they were left out.
 */
void graph_write_picture(const struct graph_view *view, const struct graph_style *style,
                         struct buf *out);

#endif
