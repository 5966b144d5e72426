/* SPDX-License-Identifier: MIT */
/*
 * sim_topology.h - the topologies of the simulation
 */
#ifndef BULKHEAD_TESTS_SIM_TOPOLOGY_H
#define BULKHEAD_TESTS_SIM_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>

#include "topology/graph.h"

/* Loads and checks them all. */
void topologies_init(void);
void topologies_done(void);

/* From now on, every topology is a random one. */
void topologies_random_only(void);

#define TOPOLOGY_VARIANTS 3u

/* One of them: with some numbers of workers, and as the inline host takes it. */
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

/* Chooses by chance, and whether what is acked survives a power loss, and how the input comes. */
const struct topology_forms *topologies_pick(bool *ret_durable, enum topology_source *ret_source,
                                             bool must_be_durable);

#endif
