/* SPDX-License-Identifier: MIT */
#include "stages/journal/journal_tail.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"

/*
 * Whether a header that does not verify was only partly written: it is the beginning of the header
 * for the bytes after it, followed by zeros. A process leaves this if it is killed between two
 * parts of a write, or if its write fails.
 *
 *   landed   the number of bytes after the place of the header; 0: the file may end before
 *   payload  room for a block
 *
 * Returns: 0, ERR_IO.
 */
static int is_unfinished(const struct journal_segment *s, uint64_t at,
                         const struct journal_state *before, uint64_t landed, uint8_t *payload,
                         bool *ret_unfinished, struct err *e)
{
    uint8_t found[JOURNAL_BLOCK_HEADER_BYTES] = {0}, wanted[JOURNAL_BLOCK_HEADER_BYTES];
    size_t got, written = sizeof found;
    int rc = file_read_at(s->fd, at, found, sizeof found, &got, e);
    while (written > 0 && found[written - 1] == 0)
        written--;
    /* If space ran out, more bytes may have landed after it before the next attempt. */
    uint32_t len = bytes_get_u32(found + BLOCK_AT_LEN);
    if (written < BLOCK_AT_OFFSET) /* its length is incomplete */
        len = (uint32_t)landed;
    *ret_unfinished = false;
    if (rc != 0 || len > landed || len > JOURNAL_BLOCK_BYTES)
        return rc == 0 ? 0 : err_wrap(e, "%s", s->name);
    rc = file_read_at(s->fd, at + JOURNAL_BLOCK_HEADER_BYTES, payload, len, &got, e);
    if (rc != 0)
        return err_wrap(e, "%s", s->name);
    struct journal_block block;
    journal_block_make(at, before, payload, len, &block, wanted);
    bool half_len = landed != 0 && written > BLOCK_AT_LEN && written < BLOCK_AT_OFFSET;
    size_t compared = half_len ? BLOCK_AT_LEN : written;
    *ret_unfinished = got == len && memcmp(found, wanted, compared) == 0;
    return 0;
}

/*
 * Whether the bytes are a header of this segment, at its own place. A block may contain anything,
 * even other blocks of ours. But nothing outside knows the nonce, and an earlier block of the same
 * segment that is fed to us again has the nonce of another place.
 */
static bool is_ours(const uint8_t *header, uint64_t at, const struct journal_state *before)
{
    return bytes_get_u64(header + BLOCK_AT_NONCE) == (before->nonce ^ at) &&
           bytes_get_u32(header + BLOCK_AT_MAGIC) == JOURNAL_BLOCK_MAGIC &&
           bytes_get_u32(header + BLOCK_AT_LEN) <= JOURNAL_BLOCK_BYTES &&
           bytes_get_u64(header + BLOCK_AT_OFFSET) >= before->offset;
}

/*
 * Whether there is a block of this segment, at its own place, anywhere after `at`. If so, what is
 * at `at` was not torn while it was written, but damaged later. Bytes that only look like a block
 * do not count. Uses payload as above.
 */
static int good_behind(const struct journal_segment *s, uint64_t at,
                       const struct journal_state *before, uint8_t *payload, bool *ret_good,
                       struct err *e)
{
    uint8_t piece[64 * JOURNAL_BLOCK_HEADER_BYTES];
    bool good = false;
    size_t got = 0;
    for (uint64_t from = at + JOURNAL_BLOCK_HEADER_BYTES; !good; from += got) {
        beat_once(s->beats);
        int rc = file_read_at(s->fd, from, piece, sizeof piece, &got, e);
        if (rc != 0)
            return err_wrap(e, "%s", s->name);
        for (size_t i = 0; i + JOURNAL_BLOCK_HEADER_BYTES <= got && !good;
             i += JOURNAL_BLOCK_HEADER_BYTES) {
            if (!is_ours(piece + i, from + i, before))
                continue;
            uint32_t len = bytes_get_u32(piece + i + BLOCK_AT_LEN);
            size_t payload_len;
            rc = file_read_at(s->fd, from + i + JOURNAL_BLOCK_HEADER_BYTES, payload, len,
                              &payload_len, e);
            if (rc != 0)
                return err_wrap(e, "%s", s->name);
            good = payload_len == len &&
                   hash_crc32c(0, payload, len) == bytes_get_u32(piece + i + BLOCK_AT_PAYLOAD_CRC);
        }
        if (got < sizeof piece)
            break;
    }
    *ret_good = good;
    return 0;
}

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
        behind = is_unfinished(s, at, before, landed, payload, &unfinished, &ignored);
    if (behind == 0 && rc == ERR_CORRUPT && same_boot && !unfinished)
        return rc;
    if (behind == 0)
        behind = good_behind(s, at, before, payload, &good, &ignored);
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
