/* SPDX-License-Identifier: MIT */
/*
 * random_graph.h - a random topology from a seed
 *
 * Up to RANDOM_GRAPH_STAGES_MAX stages behind one file source with the path "in", whose lines are
 * loads (as of scripts/generate-loads): branches, routes, merges, filters that drop some or all,
 * keyed stages, windows, wired dead letters, and 1 to 5 workers wherever a kind takes them. The
 * outputs are the files out0, out1 … The same seed is the same text everywhere.
 */
#ifndef BULKHEAD_TESTS_GRAPHS_RANDOM_GRAPH_H
#define BULKHEAD_TESTS_GRAPHS_RANDOM_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RANDOM_GRAPH_STAGES_MAX 12u
#define RANDOM_GRAPH_BYTES_MAX 8192u

struct random_graph {
    char text[RANDOM_GRAPH_BYTES_MAX];
    size_t len;
    size_t outputs;
};

/* Makes a topology. durable: durability: host. workers_max: of a stage, 1 to 5. */
void random_graph_make(uint64_t seed, bool durable, unsigned workers_max,
                       struct random_graph *ret_graph);

#endif
