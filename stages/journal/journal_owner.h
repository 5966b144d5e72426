/* SPDX-License-Identifier: MIT */
/*
 * journal_owner.h - whose a journal is, when its stage was renamed
 *
 * Every segment has the hash of its topology and stage in its header, and all headers are chained,
 * so a name cannot be changed in them. An empty file "journal.was.HASH" beside the segments says
 * that those of a former name belong there as well.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_OWNER_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

/* Whether a segment with this owner belongs into the directory of a stage with that owner. */
bool journal_is_owned(int dir_fd, uint64_t of_segment, uint64_t of_stage);

/*
 * Lets the segments of a former owner belong into a directory, if there are any. The change is safe
 * when this returns, and may be repeated.
 * Returns: 0, ERR_CORRUPT or ERR_MISMATCH (a segment does not verify), ERR_NO_SPACE, ERR_IO.
 */
int journal_rename(int dir_fd, uint64_t former, struct err *e);

#endif
