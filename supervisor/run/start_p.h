/* SPDX-License-Identifier: MIT */
/*
 * start_p.h - the parts of a start; private to start*.c
 *
 * start.c          the order of the steps
 * start_facts.c    what the topology is and was, and what is on the disk
 * start_work.c     reads and writes the manifest, and does the work that it lists
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
    size_t done_len; /* bytes of plan.warnings about work already done; logged in any case */
};

/* --- start_facts.c --- */

/* Describes the topology in s->new; positions and work are added later. */
void start_describe(struct start *s);

/* The stage of s->new with this name. Requires: the topology has it. */
struct manifest_stage *start_new_stage(struct start *s, const char *name);

/*
 * Reads what is known of all stages into s->plan. Adds an error for each stage that cannot continue
 * whatever the positions are, and adds to s->new what is to be removed. Returns 0, or ERR_IO and
 * the like.
 */
int start_find_facts(struct start *s, struct err *e);

/*
 * Adds an error for each output that holds uncommitted records of an accepted gap: they would be
 * lost.
 */
int start_check_gaps(struct start *s, struct err *e);

/* With --fresh, in place of start_find_facts(): finds the outputs that are to be emptied. */
int start_find_outputs(struct start *s, struct err *e);

/* --- start_work.c --- */

/*
 * Reads the manifest and its text. *ret_found: whether there is one.
 * Returns: 0, ERR_IO, ERR_CORRUPT or ERR_MISMATCH.
 */
int start_read_manifest(const struct start *s, struct manifest *ret_manifest, bool *ret_found,
                        struct buf *text, struct err *e);

/* Creates the directories of a manifest's stages, and replaces the file. Both are then durable. */
int start_write_manifest(const struct start *s, const struct manifest *m, struct err *e);

/* Checks that what the new manifest removes is ours. ERR_MISMATCH: e names what is not. */
int start_check_removals(const struct start *s, struct err *e);

/* Does the work that a written manifest lists, and writes down that it is done. */
int start_finish_work(const struct start *s, struct manifest *m, struct err *e);

#endif
