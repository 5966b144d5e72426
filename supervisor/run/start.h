/* SPDX-License-Identifier: MIT */
/*
 * start.h - prepares the state directory before anything is started
 *
 * It finishes what an earlier start left unfinished, reads how far every stage is, has start_plan.h
 * judge that, writes down the decisions (manifest.h), and carries them out. It does the same for
 * both hosts. docs/decisions/0010-start-plan.md says why.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_H
#define BULKHEAD_SUPERVISOR_RUN_START_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "topology/graph.h"

/* How often --discard can be given. */
#define START_DISCARDS_MAX 64u

/* What the user asked for. */
struct start_options {
    bool fresh;      /* discard all state, and empty the outputs we wrote */
    bool accept_gap; /* stages that lack records continue without them */
    const char *discards[START_DISCARDS_MAX]; /* stages whose state is to be discarded; borrowed */
    size_t discard_count;
};

/* Messages for the user: lines, each with its newline. */
struct start_report {
    struct buf notes;    /* what is new or has changed */
    struct buf warnings; /* what is discarded, emptied or never given to a stage */
    struct buf errors;   /* why nothing is started */
};

/*
 * Prepares the state directory, which must be locked.
 *
 *   state_fd          the directory; borrowed
 *   stages_fd         "stages" in it; borrowed
 *   path              the directory's path, for messages
 *   note              receives the notes of layout_prepare(); may be NULL
 *   ret_begins_after  for each stage of the topology: begins_after of its process, see stage_env
 *   ret_report        zeroed by the caller, who frees the buffers
 *
 * Returns: 0; ERR_MISMATCH, ERR_CORRUPT: refused, and nothing was changed except for what an
 *          earlier start had already decided; ERR_IO, ERR_NO_SPACE: it can be called again.
 */
int start_prepare(int state_fd, int stages_fd, const char *path, const struct topology *topology,
                  const struct start_options *options, void (*note)(const char *text),
                  seq_number *ret_begins_after, struct start_report *ret_report);

#endif
