/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - how many open files the processes of a topology need
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_DESCRIPTORS_H
#define BULKHEAD_SUPERVISOR_RUN_DESCRIPTORS_H

#include <stdint.h>

#include "common/err.h"
#include "topology/graph.h"

/*
 * Compares what the busiest process of a topology may need with what one is allowed.
 *
 *   open_count  descriptors that are open in the supervisor by now
 *   allowed     as of RLIMIT_NOFILE
 *
 * Returns: 0, or ERR_MISMATCH with the process, its need and what to raise.
 */
int descriptors_check(const struct topology *topology, uint64_t open_count, uint64_t allowed,
                      struct err *e);

/* How many descriptors this process has open; 0 if that cannot be seen. */
uint64_t descriptors_open(void);

/* How many it is allowed to have. */
uint64_t descriptors_allowed(void);

#endif
