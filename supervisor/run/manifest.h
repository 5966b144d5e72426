/* SPDX-License-Identifier: MIT */
/*
 * manifest.h - what a state directory is the state of, and what is still to be done in it
 *
 * It is one text file, "manifest". It is replaced as a whole and synced before anything that
 * follows from it is done. Whatever is killed after that, the next start finds what was decided and
 * finishes it. docs/decisions/0010-start-plan.md says why; docs/protocol.md, "Manifest", has the
 * format.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_MANIFEST_H
#define BULKHEAD_SUPERVISOR_RUN_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/digest.h"
#include "common/err.h"
#include "common/value.h"

#define MANIFEST_FILE "manifest"

struct manifest_option {
    char *name;
    char *text;
};

/* Records that a stage has not seen and never will, which a user has accepted. */
struct manifest_gap {
    seq_number first, last;
};

struct manifest_stage {
    char name[NAME_BYTES_MAX + 1]; /* without the number of a worker */
    char *kind;
    bool keeps;              /* the kind keeps a position */
    seq_number begins_after; /* the stage is not given any record up to here */
    struct manifest_option *options;
    size_t option_count;
    struct manifest_gap *gaps;
    size_t gap_count;
    /* What its state still holds of options that are gone, see kind.change_state; or NULL */
    char *left;
};

/* A version of the topology, which holds until the next one begins. */
struct manifest_version {
    seq_number first;          /* the first seq for which it holds */
    struct digest id, written; /* see version.h */
    int64_t number;            /* 0: it has none */
};

/* A stage whose state is to get another name. */
struct manifest_rename {
    char *from, *to;
};

/* An output that is to be emptied, if it is still the same file and has not been written to. */
struct manifest_empty {
    char *path;
    uint64_t device, inode;
    uint64_t length; /* bytes */
};

struct manifest {
    char topology[NAME_BYTES_MAX + 1];
    uint64_t state;                    /* a number that no other state has; 0: it has none yet */
    struct manifest_version *versions; /* in ascending order of seqs; older builds wrote none */
    size_t version_count;
    struct manifest_stage *stages;
    size_t stage_count;
    char **removes; /* stages whose state is to be removed */
    size_t remove_count;
    struct manifest_rename *renames;
    size_t rename_count;
    struct manifest_empty *empties;
    size_t empty_count;
    bool removes_all;     /* the state of all stages and the dead letters are to be removed */
    bool claims;          /* the directories of all stages are to be marked as part of this state */
    bool has_plain_lists; /* written by an earlier build: options are as in options_text_plain() */
};

/* Frees what it holds; *m is then empty. */
void manifest_done(struct manifest *m);

/* The text of an option of a stage, or NULL if the stage does not have it. */
const char *manifest_option_text(const struct manifest_stage *stage, const char *name);

/* Adds a stage without options and gaps. The pointer is valid until the next call. */
struct manifest_stage *manifest_add_stage(struct manifest *m, const char *name, const char *kind);
void manifest_add_option(struct manifest_stage *stage, const char *name, const char *text);
void manifest_add_gap(struct manifest_stage *stage, seq_number first, seq_number last);
/* Sets what a state still holds; NULL or "": nothing. */
void manifest_set_left(struct manifest_stage *stage, const char *left);
/* Requires: its seq is above that of the last one. */
void manifest_add_version(struct manifest *m, const struct manifest_version *version);
void manifest_add_rename(struct manifest *m, const char *from, const char *to);
void manifest_add_remove(struct manifest *m, const char *name);
void manifest_add_empty(struct manifest *m, const char *path, uint64_t device, uint64_t inode,
                        uint64_t length);

/* The stage with this name, or NULL. */
const struct manifest_stage *manifest_find(const struct manifest *m, const char *name);

/* Whether there is still something to be done. */
bool manifest_has_work(const struct manifest *m);

/* Appends the text of the file. */
void manifest_write(const struct manifest *m, struct buf *out);

/*
 * Reads the text of the file, which may hold any bytes.
 * Ownership: the caller frees *ret_manifest with manifest_done().
 * Returns:   0, ERR_CORRUPT, or ERR_MISMATCH (another format version); e names the line.
 */
int manifest_read(const uint8_t *text, size_t len, struct manifest *ret_manifest, struct err *e);

#endif
