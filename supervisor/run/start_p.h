/* SPDX-License-Identifier: MIT */
/*
 * start_p.h - the parts of a start; private to start*.c
 *
 * start.c            the order of the steps
 * start_describe.c   what the topology is, as the manifest has it
 * start_facts.c      what was there, and what is on the disk
 * start_known.c      what is known of a stage that has run before
 * start_version.c    which version holds from which seq on
 * start_work.c       reads and writes the manifest, and does the work that it lists
 * start_view_make.c  what was found, for people
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_START_P_H
#define BULKHEAD_SUPERVISOR_RUN_START_P_H

#include "supervisor/run/manifest.h"
#include "supervisor/run/start.h"
#include "supervisor/run/start_plan.h"

/* What is known of a stage apart from its position. */
struct start_facts {
    const char *was;       /* its name in the manifest, if that is another one; NULL: it is not */
    struct buf changes;    /* which of its options have changed, and how */
    struct buf conversion; /* what becomes of its state */
    bool converted;        /* its state is to be written again in another form */
    bool lost;             /* its state cannot continue */
};

struct start {
    int state_fd, stages_fd;
    const char *path;
    const char *file;
    const struct topology *topology;
    const struct version *version;
    const struct start_options *options;
    bool only_looks;     /* nothing may be changed */
    bool running;        /* the stages are taken to be level */
    bool found;          /* there is a manifest */
    bool examined;       /* it is the state of this topology, and the stages were looked at */
    struct manifest old; /* empty if there is none */
    struct manifest new;
    struct start_plan plan;
    struct start_facts *facts; /* indexed as topology->stages; only those of workers 0 are used */
    seq_number first;          /* the first record that the new version decides */
    const struct manifest_version *last; /* of s->old: the last that has decided any; or NULL */
    size_t done_len; /* bytes of plan.warnings about work already done; logged in any case */
};

/* --- start_describe.c --- */

/* Describes the topology in s->new; positions, versions and work are added later. */
void start_describe(struct start *s);

/* The stage of s->new with this name. Requires: the topology has it. */
struct manifest_stage *start_new_stage(struct start *s, const char *name);

/* --- start_facts.c --- */

/*
 * Reads what is known of all stages into s->plan. Adds an error for each stage that cannot continue
 * whatever the positions are, and adds to s->new what is to be removed or renamed. Returns 0, or
 * ERR_IO and the like.
 */
int start_find_facts(struct start *s, struct err *e);

/*
 * Adds an error for each output that holds uncommitted records of an accepted gap: they would be
 * lost.
 */
int start_check_gaps(struct start *s, struct err *e);

/* With --fresh, in place of start_find_facts(): finds the outputs that are to be emptied. */
int start_find_outputs(struct start *s, struct err *e);

/* The file that a stage writes; NULL if it writes none. Dead letters: in the state directory. */
const char *start_output(struct start *s, const struct stage *stage);

/* --- start_known.c --- */

/* Whether --discard names a stage. */
bool start_is_discarded(const struct start *s, const char *name);

/* Lets the kind check that its files and its state belong together. */
int start_check_files(struct start *s, const struct stage *stage, bool is_new, struct err *e);

/*
 * The name in the manifest of a stage that is called otherwise now and goes on from its state;
 * NULL: there is none.
 */
const char *start_former_name(const struct start *s, const struct stage *stage);

/*
 * Finds out what is known of a stage that the manifest has as *was, and adds an error if it cannot
 * continue. Returns 0, or ERR_IO and the like.
 */
int start_find_known(struct start *s, const struct stage *stage, const struct manifest_stage *was,
                     struct start_stage *verdict, struct err *e);

/* --- start_version.c --- */

/*
 * Decides from which seq on the version of the topology holds, after the plan was judged, and adds
 * the versions to s->new. Adds an error if there is no such seq, or if the number of the version
 * stands for something else.
 */
void start_choose_version(struct start *s);

/* Adds the versions of s->new that may still decide a record. */
void start_fill_timeline(const struct start *s, struct timeline *timeline);

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

/* --- start_view_make.c --- */

/* Makes the view of what was found. */
void start_make_view(struct start *s, struct start_view *ret_view);

#endif
