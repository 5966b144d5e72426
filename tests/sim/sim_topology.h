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

/* One of them, as its processes and as the inline host takes it. */
struct topology_pair {
    const struct topology *processes;
    const struct topology *logical;
};

/* Chooses by chance, and whether what is acked survives a power loss. */
struct topology_pair topologies_pick(bool *ret_durable, bool must_be_durable);

#endif
