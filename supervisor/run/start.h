/* SPDX-License-Identifier: MIT */
/*
 * start.h - prepares the state directory before anything is started
 *
 * It finishes what an earlier start left unfinished, reads how far every stage is, has start_plan.h
 * judge that, writes down the decisions (manifest.h), and carries them out. It does the same for
 * both hosts. start_examine() does only the first half, and changes nothing: it is what
 * `bulkhead plan` prints. docs/decisions/0010-start-plan.md and 0031-change-of-state.md say why.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_H
#define BULKHEAD_SUPERVISOR_RUN_START_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/err.h"
#include "supervisor/run/start_view.h"
#include "supervisor/run/version.h"
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

/* What is to be started, and where. All of it is borrowed. */
struct start_request {
    int state_fd;     /* the directory; -1 for start_examine() if there is none */
    int stages_fd;    /* "stages" in it; -1 as well */
    const char *path; /* the directory's path, for messages */
    const char *file; /* that the topology was read from, for messages */
    const struct topology *topology;
    const struct version *version; /* of the topology */
    const struct start_options *options;
    void (*note)(const char *text); /* receives the notes of layout_prepare(); may be NULL */
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
 *   ret_begins_after  for each stage of the topology: begins_after of its process, see stage_env
 *   ret_timeline      the versions that may still decide a record; the caller frees it
 *   ret_report        zeroed by the caller, who frees the buffers
 *
 * Returns: 0; ERR_MISMATCH, ERR_CORRUPT: refused, and nothing was changed except for what an
 *          earlier start had already decided; ERR_IO, ERR_NO_SPACE: it can be called again.
 */
int start_prepare(const struct start_request *request, seq_number *ret_begins_after,
                  struct timeline *ret_timeline, struct start_report *ret_report);

/*
 * Finds out what start_prepare() would do, and changes nothing. The directory need not be locked.
 *
 *   running     a supervisor works in the directory: the stages are taken to be level, as they are
 *               after it was stopped in order
 *   ret_view    what becomes of the stages; the caller frees it with start_view_done()
 *   ret_report  as above
 *
 * Returns: as start_prepare(). After ERR_MISMATCH, *ret_view has what could be found out, or no
 *          stages.
 */
int start_examine(const struct start_request *request, bool running, struct start_view *ret_view,
                  struct start_report *ret_report);

#endif
