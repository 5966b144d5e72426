/* SPDX-License-Identifier: MIT */
/*
 * journal_tail.h - what stands behind the last block of a journal that can be read
 *
 * A kill leaves bytes without a header, or with the beginning of one, and a loss of power anything.
 * But what is followed by a good block was not torn in being written, and neither was what this
 * boot has written: that is damage. Shared by the journal, which takes in or cuts off what is none,
 * and `bulkhead journal`, which says what the next start will do. Only reads.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_TAIL_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_TAIL_H

#include "stages/journal/journal_segment.h"

enum journal_tail {
    JOURNAL_TAIL_CLEAN,  /* nothing that is to be kept */
    JOURNAL_TAIL_LANDED, /* bytes of this boot, to be completed */
    JOURNAL_TAIL_TORN,   /* of another one, to be cut off */
};

/*
 * Judges the end of the last segment.
 *
 *   at, before   behind its last block that can be read
 *   same_boot    whether this boot has written the segment
 *   rc, e        what journal_segment_read() has said at `at`
 *   payload      room for a block
 *   ret_landed   how many bytes there are to be completed
 *
 * Returns: 0; rc, if it is another error than ERR_END, ERR_AGAIN and ERR_CORRUPT; ERR_CORRUPT: it
 *          is damaged, e names file and offset; ERR_IO.
 */
int journal_tail_judge(const struct journal_segment *s, uint64_t at,
                       const struct journal_state *before, bool same_boot, int rc, uint8_t *payload,
                       enum journal_tail *ret_tail, uint64_t *ret_landed, struct err *e);

#endif
