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

/*
 * Chooses by chance, and whether what is acked survives a power loss, and whether the source reads
 * standard input.
 */
const struct topology_forms *topologies_pick(bool *ret_durable, bool *ret_by_pipe,
                                             bool must_be_durable);

#endif
