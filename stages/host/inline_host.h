/* SPDX-License-Identifier: MIT */
/*
 * inline_host.h - the whole topology in one process and one thread
 *
 * Takes one seq at a time through all stages in the order of the flow, with nothing between the
 * steps. It is the oracle for the process host: same stages, same state directory, same bytes.
 * It commits from the sinks up, as acks would, so a kill costs it nothing but time either.
 */
#ifndef BULKHEAD_STAGES_HOST_INLINE_HOST_H
#define BULKHEAD_STAGES_HOST_INLINE_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include <signal.h>

#include "common/err.h"
#include "ipc/status_page.h"
#include "topology/graph.h"

struct inline_host;

/* What the stages at the edges get from outside. All of it outlives the host. */
struct inline_io {
    const struct stage_input *input; /* NULL if no stage takes_stdin */
    void (*note)(const char *text);  /* says something to a person */
};

/*
 * Opens all stages.
 *
 *   stages_fd   directory of the stages' state; borrowed
 *   begins_after   by stage, see stage_env; NULL: all of them at the beginning
 *   ret_host    the caller frees it
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO.
 */
int inline_host_new(const struct topology *topology, int stages_fd, const seq_number *begins_after,
                    const struct inline_io *io, struct inline_host **ret_host, struct err *e);

/* Closes all stages; what was not committed will be done again. Takes NULL. */
void inline_host_free(struct inline_host *h);

/*
 * Takes at most `records` records from the source through the topology.
 * Returns: 0 (there may be more), ERR_END (the input is at its end), ERR_AGAIN (nothing can be read
 *          or written now; wait and call it again), ERR_UNFINISHED (there is much to go through
 *          before the next record; call it again), or an error.
 */
int inline_host_run(struct inline_host *h, size_t records, struct err *e);

/*
 * Waits until the stage that returned ERR_AGAIN can be tried again, or a signal has come; `signals`
 * is the mask while it waits. Returns 0 or ERR_IO.
 */
int inline_host_wait(const struct inline_host *h, const sigset_t *signals, struct err *e);

/* Makes everything that was done safe. Returns 0, ERR_AGAIN (wait and call it again), an error. */
int inline_host_commit(struct inline_host *h, struct err *e);

/*
 * When all was made safe: if the source has given out all there is, takes away what former lives
 * have shown and did not come again. Returns 0 or an error.
 */
int inline_host_settle(struct inline_host *h, struct err *e);

/* What a stage has counted since inline_host_new(). */
struct status_counts inline_host_counts(const struct inline_host *h, size_t stage);

/* How much of the input is read, in bytes. */
void inline_host_progress(const struct inline_host *h, uint64_t *ret_done, uint64_t *ret_total);

#endif
