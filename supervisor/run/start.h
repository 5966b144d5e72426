/* SPDX-License-Identifier: MIT */
/*
 * start.h - what is done in the state directory before anything is started
 *
 * Finishes what a former start was killed in, reads how far every stage is, has start_plan.h judge
 * it, writes down what follows (manifest.h), and carries it out. The same for both hosts. Why:
 * docs/decisions/0010-start-plan.md.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_H
#define BULKHEAD_SUPERVISOR_RUN_START_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "topology/graph.h"

/* More names than this cannot be given to --discard. */
#define START_DISCARDS_MAX 64u

/* What the user has said. */
struct start_options {
    bool fresh;                               /* forget all, and empty the outputs that are ours */
    bool accept_gap;                          /* stages that lack records do without them */
    const char *discards[START_DISCARDS_MAX]; /* stages of which nothing is to be kept; borrowed */
    size_t discard_count;
};

/* What is said: lines, each with its newline. */
struct start_report {
    struct buf notes;    /* what is new or other than before */
    struct buf warnings; /* what is forgotten, emptied or never comes */
    struct buf errors;   /* why nothing starts */
};

/*
 * Prepares the state directory, under its lock.
 *
 *   state_fd          the directory; borrowed
 *   stages_fd         "stages" in it; borrowed
 *   path              how messages name it
 *   note              is told what layout_prepare() has to say; may be NULL
 *   ret_begins_after  by stage of the topology: what its process is opened with, see stage_env
 *   ret_report        zeroed by the caller, who frees the buffers
 *
 * Returns: 0; ERR_MISMATCH, ERR_CORRUPT: refused, and but for what a former start had decided
 *          nothing was changed; ERR_IO, ERR_NO_SPACE: to be called again.
 */
int start_prepare(int state_fd, int stages_fd, const char *path, const struct topology *topology,
                  const struct start_options *options, void (*note)(const char *text),
                  seq_number *ret_begins_after, struct start_report *ret_report);

#endif
