/* SPDX-License-Identifier: MIT */
/*
 * graph_view.h - what a picture of a topology shows: stages, and for every output all it feeds
 *
 * It is made from the logical form of a topology, in which a stage with several workers is one
 * stage. The sink of the dead letters is fed by every stage; it and those edges are left out unless
 * everything is asked for.
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
    size_t from;                    /* the node that it leaves */
    port_number port;               /* its port at that node */
    char label[NAME_BYTES_MAX + 2]; /* such as ".vip"; "" for the main output */
    size_t *to;                     /* the nodes it feeds; one that reads it twice is here twice */
    size_t to_count;
};

struct graph_view {
    const char *name;                    /* name of the topology; borrowed */
    struct graph_node nodes[STAGES_MAX]; /* in the order of the flow */
    size_t node_count;
    struct graph_net *nets; /* by node, then by port */
    size_t net_count;
    size_t dead_left_out; /* number of stages whose edge to the dead letters is not shown */
};

/* What a running topology shows of a node, all its workers together. */
struct graph_numbers {
    bool running;  /* none of its processes is missing */
    uint64_t rate; /* records per second: those it reads, or, for a source, those it emits */
    uint64_t lag;  /* records that its source has emitted and it has not processed yet */
};

/* How a picture is drawn. */
struct graph_style {
    bool ascii;
    int columns;                         /* the width available */
    const struct graph_numbers *numbers; /* the numbers of each node; NULL: show none */
};

/*
 * Requires: topology is in its logical form and lives as long as the view.
 * Ownership: free with graph_view_done().
 */
void graph_view_init(struct graph_view *view, const struct topology *topology, bool all);
void graph_view_done(struct graph_view *view);

/* Appends the graph in the language of Graphviz, or of Mermaid. */
void graph_write_dot(const struct graph_view *view, struct buf *out);
void graph_write_mermaid(const struct graph_view *view, struct buf *out);

/* Appends a list of the stages, one a line, and below each, one a line, the stages it feeds. */
void graph_write_list(const struct graph_view *view, const struct graph_style *style,
                      struct buf *out);

/*
 * Appends the picture: boxes joined by lines if style->columns are enough, otherwise the list. A
 * line about the dead letters follows if they were left out.
 */
void graph_write_picture(const struct graph_view *view, const struct graph_style *style,
                         struct buf *out);

#endif
