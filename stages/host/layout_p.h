/* SPDX-License-Identifier: MIT */
/*
 * layout_p.h - the file "workers" and the directories next to it; private to layout*.c
 */
#ifndef BULKHEAD_STAGES_HOST_LAYOUT_P_H
#define BULKHEAD_STAGES_HOST_LAYOUT_P_H

#include <stddef.h>
#include <stdint.h>

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
 * Makes another directory part of the state that this one is part of; does not sync it. Returns 0,
 * ERR_NO_SPACE or ERR_IO.
 */
int layout_copy_claims(int from_fd, int to_fd, struct err *e);

#endif
