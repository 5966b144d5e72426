/* SPDX-License-Identifier: MIT */
/*
 * partition.h - which worker of a stage gets a record
 *
 * It depends only on the record, so that a sender makes the same choice after any restart. A keyed
 * stage has KEY_GROUPS groups of keys, and every worker has some of them. The group of a key does
 * not depend on the number of workers. Formulas: docs/protocol.md, "Workers".
 */
#ifndef BULKHEAD_TOPOLOGY_PARTITION_H
#define BULKHEAD_TOPOLOGY_PARTITION_H

#include "topology/graph.h"

/*
 * The key group of a record at a stage, from 0 to KEY_GROUPS - 1: the first byte of a hash of the
 * `by` fields, or the same group for all records if there are none. The hash is not secret: an
 * attacker who chooses keys can send them all to one worker.
 */
unsigned partition_group(const struct stage *to, const struct record *record);

/* The worker that has a key group. */
size_t partition_worker_of_group(unsigned group, size_t workers);

/* The worker of the stage that gets the record. */
size_t partition_worker(const struct stage *to, const struct record *record);

#endif
