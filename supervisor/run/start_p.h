/* SPDX-License-Identifier: MIT */
/*
 * start_p.h - the parts of a start; private to start*.c
 *
 * start.c          what is done in which order
 * start_facts.c    what the topology is and was, and what is on the disk
 * start_work.c     the file of the manifest, and what it has left to do
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_P_H
#define BULKHEAD_SUPERVISOR_RUN_START_P_H

#include "supervisor/run/manifest.h"
#include "supervisor/run/start.h"
#include "supervisor/run/start_plan.h"

struct start {
    int state_fd, stages_fd;
    const char *path;
    const struct topology *topology;
    const struct start_options *options;
    struct manifest old; /* empty if there is none */
    struct manifest new;
    struct start_plan plan;
    size_t done_len; /* so much of the plan's warnings is of what was done, whatever follows */
};

/* --- start_facts.c --- */

/* Describes in s->new what the topology is; positions and work come later. */
void start_describe(struct start *s);

/* The stage of s->new with this name. Requires: the topology has it. */
struct manifest_stage *start_new_stage(struct start *s, const char *name);

/*
 * Reads what is known of all stages into s->plan, adds to its errors what cannot go on whatever the
 * positions are, and to s->new what is to be removed. Returns 0, or ERR_IO and the like.
 */
int start_find_facts(struct start *s, struct err *e);

/* Adds to the errors the outputs that hold what lies in a gap that was accepted: it would be lost.
 */
int start_check_gaps(struct start *s, struct err *e);

/* With --fresh: the same for the outputs that are to be emptied. */
int start_find_outputs(struct start *s, struct err *e);

/* --- start_work.c --- */

/* Reads the manifest, and its text; *ret_found: whether there is one. ERR_CORRUPT, ERR_MISMATCH. */
int start_read_manifest(const struct start *s, struct manifest *ret_manifest, bool *ret_found,
                        struct buf *text, struct err *e);

/* Makes the directories of its stages, and replaces the manifest; both are safe when this returns.
 */
int start_write_manifest(const struct start *s, const struct manifest *m, struct err *e);

/* Whether what the new manifest is to remove is ours. ERR_MISMATCH: e names what is not. */
int start_check_removals(const struct start *s, struct err *e);

/* Does what a manifest that was written has left to do, and notes that it is done. */
int start_finish_work(const struct start *s, struct manifest *m, struct err *e);

#endif
