/* SPDX-License-Identifier: MIT */
/*
 * journal_tail.h - what follows the last readable block of a journal
 *
 * A kill leaves bytes without a header, or with the beginning of one. A power failure may leave
 * anything. But a write was not torn if a good block follows it, or if it was made during this
 * boot: then what cannot be read is damage. Shared by the journal, which completes or cuts off a
 * tail that is not damaged, and `bulkhead journal`, which shows what the next start will do. Only
 * reads.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_TAIL_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_TAIL_H

#include "stages/journal/journal_segment.h"

enum journal_tail {
    JOURNAL_TAIL_CLEAN,  /* nothing that must be kept */
    JOURNAL_TAIL_LANDED, /* bytes written during this boot, to be completed */
    JOURNAL_TAIL_TORN,   /* bytes written before this boot, to be cut off */
};

/*
 * Judges the end of the last segment.
 *
 *   at, before   the end of its last readable block, and the state there
 *   same_boot    whether the segment was written during this boot
 *   rc, e        what journal_segment_read() returned for `at`
 *   payload      room for a block
 *   ret_landed   how many bytes must be completed
 *
 * Returns: 0
 *          ERR_CORRUPT  it is damaged; e names file and offset
 *          ERR_IO
 *          rc           if that is an error other than ERR_END, ERR_AGAIN and ERR_CORRUPT
 */
int journal_tail_judge(const struct journal_segment *s, uint64_t at,
                       const struct journal_state *before, bool same_boot, int rc, uint8_t *payload,
                       enum journal_tail *ret_tail, uint64_t *ret_landed, struct err *e);

#endif
