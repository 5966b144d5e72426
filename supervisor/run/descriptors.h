/* SPDX-License-Identifier: MIT */
/*
 * descriptors.h - how many descriptors the processes of a topology need
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_DESCRIPTORS_H
#define BULKHEAD_SUPERVISOR_RUN_DESCRIPTORS_H

#include <stdint.h>

#include "common/err.h"
#include "topology/graph.h"

/*
 * Compares the number of descriptors that the busiest process of a topology may need with the
 * number that a process may have.
 *
 *   open_count  descriptors that are open in the supervisor now
 *   allowed     the limit, see RLIMIT_NOFILE
 *
 * Returns: 0, or ERR_MISMATCH; e names the process, what it needs, and what to raise.
 */
int descriptors_check(const struct topology *topology, uint64_t open_count, uint64_t allowed,
                      struct err *e);

/* How many descriptors this process has open; 0 if that cannot be found out. */
uint64_t descriptors_open(void);

/* How many descriptors this process may have. */
uint64_t descriptors_allowed(void);

#endif
