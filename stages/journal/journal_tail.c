/* SPDX-License-Identifier: MIT */
#include "stages/journal/journal_tail.h"

#include <inttypes.h>

#include "common/file.h"

int journal_tail_judge(const struct journal_segment *s, uint64_t at,
                       const struct journal_state *before, bool same_boot, int rc, uint8_t *payload,
                       enum journal_tail *ret_tail, uint64_t *ret_landed, struct err *e)
{
    *ret_tail = JOURNAL_TAIL_CLEAN;
    *ret_landed = 0;
    if (rc == ERR_END)
        return 0;
    if (rc != ERR_AGAIN && rc != ERR_CORRUPT)
        return rc;
    uint64_t file_len = 0, landed = 0;
    bool good = false, unfinished = false;
    struct err ignored;
    int behind = file_length(s->fd, &file_len, &ignored);
    if (behind == 0 && file_len > at + JOURNAL_BLOCK_HEADER_BYTES)
        landed = file_len - at - JOURNAL_BLOCK_HEADER_BYTES;
    if (behind == 0 && rc == ERR_CORRUPT && same_boot)
        behind =
            journal_segment_is_unfinished(s, at, before, landed, payload, &unfinished, &ignored);
    if (behind == 0 && rc == ERR_CORRUPT && same_boot && !unfinished)
        return rc;
    if (behind == 0)
        behind = journal_segment_good_behind(s, at, before, payload, &good, &ignored);
    if (behind != 0)
        return err_set(e, behind, "%s: %s", s->name, ignored.text);
    if ((rc == ERR_AGAIN || unfinished) && (good || (same_boot && landed > JOURNAL_BLOCK_BYTES)))
        return err_set(e, ERR_CORRUPT,
                       "%s does not verify at offset %" PRIu64 ": the header of a block is gone",
                       s->name, at);
    if (good)
        return rc;
    if (!same_boot)
        *ret_tail = JOURNAL_TAIL_TORN;
    else if (landed != 0)
        *ret_tail = JOURNAL_TAIL_LANDED;
    *ret_landed = same_boot ? landed : 0;
    return 0;
}
