/* SPDX-License-Identifier: MIT */
/*
 * inline_host.h - the whole topology in one process and one thread
 *
 * Takes one seq at a time through all stages in the order of the flow, with nothing between the
 * steps. It is the oracle for the process host: same stages, same state directory, same bytes. It
 * commits from the sinks upwards, as acks would, so a kill costs it nothing but time.
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

/* How the stages reach the outside world. All of it outlives the host. */
struct inline_io {
    const struct stage_input *input; /* NULL if no stage takes_stdin */
    void (*note)(const char *text);  /* logs a note to the user */
};

/*
 * Opens all stages.
 *
 *   stages_fd     the directory "stages"; borrowed
 *   begins_after  an array by stage, see stage_env; NULL: every stage starts at the beginning
 *   ret_host      the caller frees it with inline_host_free()
 *
 * Returns: 0, ERR_MISMATCH, ERR_CORRUPT, ERR_IO.
 */
int inline_host_new(const struct topology *topology, int stages_fd, const seq_number *begins_after,
                    const struct inline_io *io, struct inline_host **ret_host, struct err *e);

/* Closes all stages; what was not committed will be processed again. Accepts NULL. */
void inline_host_free(struct inline_host *h);

/*
 * Takes at most `records` records from the source through the topology.
 *
 * Returns: 0               there may be more
 *          ERR_END         the input is at its end
 *          ERR_AGAIN       nothing can be read or written now: call inline_host_wait(), then this
 *          ERR_UNFINISHED  the source must read much before the next record: call this again
 *          another error
 */
int inline_host_run(struct inline_host *h, size_t records, struct err *e);

/*
 * Waits until the stage that returned ERR_AGAIN can be retried, or a signal arrives. `signals` is
 * the signal mask while it waits. Returns 0 or ERR_IO.
 */
int inline_host_wait(const struct inline_host *h, const sigset_t *signals, struct err *e);

/*
 * Makes everything that was processed safe. Returns 0, ERR_AGAIN (wait and call this again), or
 * another error.
 */
int inline_host_commit(struct inline_host *h, struct err *e);

/*
 * If the source has emitted all available input, removes from the outputs what earlier runs have
 * written and this one has not. Call it after a commit. Returns 0 or an error.
 */
int inline_host_settle(struct inline_host *h, struct err *e);

/* The counts of a stage since inline_host_new(). */
struct status_counts inline_host_counts(const struct inline_host *h, size_t stage);

/* How much of the input has been read, in bytes. */
void inline_host_progress(const struct inline_host *h, uint64_t *ret_done, uint64_t *ret_total);

#endif
