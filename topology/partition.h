/* SPDX-License-Identifier: MIT */
/*
 * partition.h - which worker of a stage gets a record
 *
 * A function of the record alone, so that the sender, after any restart, deals out as before. A
 * keyed stage has KEY_GROUPS groups of keys, and every worker has some of them; which one a key
 * belongs to does not depend on how many workers there are. Formulas: docs/protocol.md, "Workers".
 */
#ifndef BULKHEAD_TOPOLOGY_PARTITION_H
#define BULKHEAD_TOPOLOGY_PARTITION_H

#include "topology/graph.h"

/*
 * The key group of a record at a stage that has `by` fields, from 0 to KEY_GROUPS - 1: the first
 * byte of a hash of these fields; one group for all if it has none. It is no secret: who chooses
 * keys can load one worker with them.
 */
unsigned partition_group(const struct stage *to, const struct record *record);

/* The worker who has a key group. */
size_t partition_worker_of_group(unsigned group, size_t workers);

/* The worker of the stage that gets the record. */
size_t partition_worker(const struct stage *to, const struct record *record);

#endif
