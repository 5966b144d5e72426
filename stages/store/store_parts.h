/* SPDX-License-Identifier: MIT */
/*
 * store_parts.h - the state of a stage, in the stores of its workers, dealt out to others
 *
 * Every worker has the key groups that partition_worker_of_group() gives it. When the number of
 * workers changes, the entries of a group move as they are to the store of its new owner. The old
 * workers may have been killed at different seqs; a new store begins at the least of these, with
 * the clock of then, and keeps with every group how far it is: see store_is_ahead().
 *
 * Reads and writes only; nothing that was there is changed. Formats: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_PARTS_H
#define BULKHEAD_STAGES_STORE_STORE_PARTS_H

#include <stddef.h>

#include "common/err.h"
#include "stages/store/store.h"
#include "stages/store/store_file.h"

struct store_parts;

/* One worker's store: its directory, open during the call, and what it must be. */
struct store_part {
    int dir_fd;
    const char *name; /* of the directory, for messages */
    struct store_spec spec;
};

/*
 * Reads the stores of all workers there were; a directory without files is a store that was never
 * used. All must have been made with one secret: several parts say in their specs which.
 *
 * Ownership: the caller frees *ret_parts with store_parts_free().
 * Returns: as store_open(); e names the part as well.
 */
int store_parts_load(const struct store_part *parts, size_t count, struct store_parts **ret_parts,
                     struct err *e);
void store_parts_free(struct store_parts *p);

/* The key that their fingerprints were made with; STORE_SECRET_BYTES, dead with the parts. */
const uint8_t *store_parts_secret(const struct store_parts *p);

/*
 * The name of the log of a part that ends in a piece of a group, which was left out: in ret_name,
 * which is returned; NULL if there is none.
 */
const char *store_parts_torn_log(const struct store_parts *p, size_t part,
                                 char ret_name[STORE_FILE_NAME_BYTES_MAX]);

/*
 * Makes the store of one worker of so many in an empty directory, and syncs its files. Where there
 * is no state at all it makes none, and the worker begins with an empty store.
 *
 *   spec  what the new store is; must have the secret of the parts if several workers will be
 *
 * Returns: 0, ERR_NO_SPACE, ERR_NO_SPACE_LOST, ERR_IO.
 */
int store_parts_write(const struct store_parts *p, size_t worker, size_t workers, int dir_fd,
                      const struct store_spec *spec, struct err *e);

#endif
