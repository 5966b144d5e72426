/* SPDX-License-Identifier: MIT */
/*
 * store_parts.h - redistributes the state of a stage from the stores of its workers to others, or
 * gives it another form
 *
 * Every worker has the key groups that partition_worker_of_group() assigns to it. When the number
 * of workers changes, the entries of a group move unchanged to the store of its new owner. The old
 * workers may have been killed at different seqs. The new stores begin at the lowest of these, with
 * the clock of that seq, and record for every group how far it is; see store_is_ahead().
 *
 * The old stores are only read, and never changed. Formats: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_PARTS_H
#define BULKHEAD_STAGES_STORE_STORE_PARTS_H

#include <stddef.h>

#include "common/err.h"
#include "stages/store/store.h"
#include "stages/store/store_conversion.h"
#include "stages/store/store_file.h"

struct store_parts;

/* The store of one worker. */
struct store_part {
    int dir_fd;       /* its directory, open during the call */
    const char *name; /* of the directory, for messages */
    struct store_spec spec;
};

/*
 * Reads the stores of all old workers. A directory without files is a store that was never used.
 * Requires:  all stores have the same secret; if there are several parts, their specs have it.
 * Ownership: the caller frees *ret_parts with store_parts_free().
 * Returns:   as store_open(); e names the part as well.
 */
int store_parts_load(const struct store_part *parts, size_t count, struct store_parts **ret_parts,
                     struct err *e);
void store_parts_free(struct store_parts *p);

/* The secret of the stores, STORE_SECRET_BYTES long; valid as long as the parts. */
const uint8_t *store_parts_secret(const struct store_parts *p);

/*
 * If the newest log of a part ends in a piece of a group, which was left out, writes the name of
 * the log to ret_name and returns that. Otherwise returns NULL.
 */
const char *store_parts_torn_log(const struct store_parts *p, size_t part,
                                 char ret_name[STORE_FILE_NAME_BYTES_MAX]);

/* Whether no key group would be ahead of others in the stores of this many workers. */
bool store_parts_are_level(const struct store_parts *p, size_t workers);

/*
 * Creates the store of one of the new workers in an empty directory, and syncs its files. If there
 * is no state at all, creates none; the worker then begins with an empty store.
 *
 *   spec        describes the new store, whose values are as long as those of the parts; if there
 *               are several new workers, it has the secret of the parts
 *   conversion  NULL: the entries stay as they are
 *
 * Requires: with a conversion, the stores are level.
 * Returns:  0, ERR_MISMATCH (the clock would be moved beyond the first or last moment of time),
 *           ERR_NO_SPACE, ERR_NO_SPACE_LOST, ERR_IO.
 */
int store_parts_write(const struct store_parts *p, size_t worker, size_t workers, int dir_fd,
                      const struct store_spec *spec, const struct store_conversion *conversion,
                      struct err *e);

#endif
