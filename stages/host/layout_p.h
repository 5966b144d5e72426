/* SPDX-License-Identifier: MIT */
/*
 * layout_p.h - the directory of a stage from inside; private to layout*.c
 */
#ifndef BULKHEAD_STAGES_HOST_LAYOUT_P_H
#define BULKHEAD_STAGES_HOST_LAYOUT_P_H

#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/err.h"
#include "stages/host/layout.h"

#define LAYOUT_FILE "workers"

/* The workers that the directory of a stage is laid out for. */
struct layout_file {
    size_t workers; /* 1 if there is no file */
    uint8_t secret[STORE_SECRET_BYTES];
};

/* Returns 0, ERR_CORRUPT or ERR_MISMATCH (e names the file and the offset), ERR_IO. */
int layout_file_read(int base_fd, struct layout_file *ret_file, struct err *e);

/* Creates the file and syncs it. Requires: several workers. Returns 0, ERR_NO_SPACE or ERR_IO. */
int layout_file_write(int base_fd, const struct layout_file *file, struct err *e);

/* Opens the directory of one of several workers. Returns 0, ERR_CORRUPT (it is missing), ERR_IO. */
int layout_open_worker(int base_fd, size_t worker, int *ret_fd, struct err *e);

/* The prefix of the name of the file that says which state a stage's directory is part of. */
#define LAYOUT_CLAIM_PREFIX "state."

bool layout_is_claim(const char *name);

/*
 * The prefix of the name of an empty file beside a store whose schema may have a former name of its
 * stage: it was renamed, and has not been written again since.
 */
#define LAYOUT_FORMER_PREFIX "store.was."

/* Appends the owner of a store: "TOPOLOGY/STAGE", or "TOPOLOGY/STAGE.WORKER/WORKERS" of several. */
void layout_add_owner(const char *topology, const char *base, size_t worker, size_t workers,
                      struct buf *out);

/*
 * Describes the store of one of the workers that a stage is laid out for, as it was written. If
 * there is none, as the topology has it.
 * Returns: 0, ERR_MISMATCH (it is of another stage), ERR_CORRUPT, ERR_IO.
 */
int layout_read_spec(const struct topology *topology, const struct stage *stage, int dir_fd,
                     const struct layout_file *layout, size_t worker, struct store_spec *ret_spec,
                     bool *ret_found, struct err *e);

/* What the stores of the workers that a stage is laid out for were written for. */
struct layout_specs {
    struct store_spec of[WORKERS_MAX];
    const struct store_spec *found; /* of the first store that there is; NULL: there is none */
};

/*
 * Does what layout_read_change() says, for a directory that is open. ret_change must be empty, and
 * the caller ends it with state_change_done(), even after an error.
 * Requires: the kind has a store_spec.
 */
int layout_find_change(const struct topology *topology, const struct stage *stage, int base_fd,
                       const struct layout_file *layout, const char *left,
                       struct layout_specs *ret_specs, struct state_change *ret_change,
                       struct err *e);

/* Whether entries change, and not just the name of the stage. */
bool layout_is_conversion(const struct state_change *change);

/* Refuses a conversion because key groups would be ahead of others: ERR_MISMATCH. */
int layout_refuse_unlevel(const struct stage *stage, size_t workers, struct err *e);

/*
 * Makes another directory part of the state that this one is part of; does not sync it. Returns 0,
 * ERR_NO_SPACE or ERR_IO.
 */
int layout_copy_claims(int from_fd, int to_fd, struct err *e);

/* The names of a new directory of a stage, and of an old one, while one replaces the other. */
struct layout_names {
    char built[NAME_BYTES_MAX + 5];
    char replaced[NAME_BYTES_MAX + 5];
};
struct layout_names layout_names_of(const char *base);

/*
 * Builds a new directory for a stage beside the old one, and makes it safe, if the stage needs one:
 * for another number of workers, or another form of its state.
 *
 *   left       what earlier changes left of the state
 *   note       see layout_prepare()
 *   ret_built  set to true once there may be a new directory, even after an error
 *
 * Returns: as layout_prepare().
 */
int layout_build(int stages_fd, const struct topology *topology, const struct stage *stage,
                 const char *left, void (*note)(const char *text), bool *ret_built, struct err *e);

#endif
