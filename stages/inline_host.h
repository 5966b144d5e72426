/* SPDX-License-Identifier: MIT */
/*
 * inline_host.h - the whole topology in one process and one thread
 *
 * Takes one seq at a time through all stages in the order of the flow, with nothing between the
 * steps. It is the oracle for the process host: same stages, same state directory, same bytes.
 * It commits from the sinks up, as acks would, so a kill costs it nothing but time either.
 */
#ifndef BULKHEAD_STAGES_INLINE_HOST_H
#define BULKHEAD_STAGES_INLINE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "ipc/status_page.h"
#include "topology/graph.h"

struct inline_host;

/*
 * Opens all stages.
 *
 *   stages_fd   directory of the stages' state; borrowed
 *   fresh       what an earlier run left in the outputs may be overwritten
 *   ret_host    the caller frees it
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO.
 */
int inline_host_new(const struct topology *topology, int stages_fd, bool fresh,
                    struct inline_host **ret_host, struct err *e);

/* Closes all stages; what was not committed will be done again. Takes NULL. */
void inline_host_free(struct inline_host *h);

/*
 * Takes at most `records` records from the source through the topology.
 * Returns: 0 (there may be more), ERR_END (the input is at its end), or an error.
 */
int inline_host_run(struct inline_host *h, size_t records, struct err *e);

/* Makes everything that was done safe. Returns 0 or an error. */
int inline_host_commit(struct inline_host *h, struct err *e);

/* What a stage has counted since inline_host_new(). */
struct status_counts inline_host_counts(const struct inline_host *h, size_t stage);

/* How much of the input is read, in bytes. */
void inline_host_progress(const struct inline_host *h, uint64_t *ret_done, uint64_t *ret_total);

#endif
