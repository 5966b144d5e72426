/* SPDX-License-Identifier: MIT */
/*
 * sim_topology.h - the topologies of the simulation
 */
#ifndef BULKHEAD_TESTS_SIM_TOPOLOGY_H
#define BULKHEAD_TESTS_SIM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "topology/graph.h"

/* Loads and checks all of them. */
void topologies_init(void);
void topologies_done(void);

/* From now on every topology is random. */
void topologies_random_only(void);

#define TOPOLOGY_VARIANTS 3u

/* One topology: with some numbers of workers, and in the form for the inline host. */
struct topology_forms {
    struct topology *variants[TOPOLOGY_VARIANTS];
    struct topology *logical;
};

/* How the input comes. */
enum topology_source {
    SOURCE_FILE,
    SOURCE_PIPE,     /* through standard input */
    SOURCE_FOLLOWED, /* in files that are appended to and rotated */
    SOURCES
};

/* Chooses one by chance, and its durability, and how the input comes. */
const struct topology_forms *topologies_pick(bool *ret_durable, enum topology_source *ret_source,
                                             bool must_be_durable);

#endif
