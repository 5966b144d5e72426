/* SPDX-License-Identifier: MIT */
/*
 * journal_segment.h - one file of a journal: its header, its blocks, and whether they verify
 *
 * A segment is a header and blocks; a block is a header and the bytes as they came. What was
 * counted up to a place (lines, records, the unfinished one) is a state; the header of the segment
 * has the state that it begins with, each block the one that it leads on from, and both are chained
 * by their CRCs. So no block can be moved, left out or taken from another journal. And each header
 * has the nonce that was drawn for its segment: a block is looked for among bytes that came from
 * outside, which may hold anything, whole blocks of ours too. Reads only what it is given; shared
 * by the journal and by `bulkhead journal`. Format: docs/protocol.md, "Journal".
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_SEGMENT_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bounds.h"
#include "common/err.h"
#include "stages/journal/journal_block.h"

#define JOURNAL_HEADER_BYTES 128u
#define JOURNAL_BOOT_BYTES 16u
#define JOURNAL_NAME_BYTES 32u

/* What is read of a segment in one call, for one who goes through all of it. */
struct journal_window {
    uint64_t from;
    size_t len;
    uint8_t bytes[256u << 10];
};

struct journal_segment {
    int fd;
    struct journal_window *window; /* borrowed; NULL: every read is a call */
    _Atomic uint64_t *beats;       /* borrowed, moved on while it is searched; or NULL */
    char name[JOURNAL_NAME_BYTES];
    uint64_t number;
    uint64_t owner; /* hash of topology and stage */
    uint8_t boot[JOURNAL_BOOT_BYTES];
    struct journal_state begin; /* its chain is the CRC of this header */
    uint32_t previous_chain;    /* of the state at the end of the segment before */
};

/* The numbers of the segments in a directory, rising; the caller frees *ret_numbers. */
int journal_segment_list(int dir_fd, uint64_t **ret_numbers, size_t *ret_count, struct err *e);

/*
 * Opens a segment and reads its header.
 *
 *   flags   O_RDONLY or O_RDWR
 *
 * Ownership: the caller closes ret_s->fd.
 * Returns:   0, ERR_NOT_FOUND, ERR_CORRUPT (file and offset are named), ERR_MISMATCH (another
 *            version), ERR_IO.
 */
int journal_segment_open(int dir_fd, uint64_t number, int flags, struct journal_segment *ret_s,
                         struct err *e);

/* Whether the segment goes on where the one before it has ended. */
bool journal_segment_follows(const struct journal_segment *s, const struct journal_state *end);

/*
 * Makes the file of a segment that is filled in but for fd, name, begin.nonce and begin.chain; safe
 * when it returns. Returns 0 or what file_write_at() returns; then there is no descriptor to close.
 */
int journal_segment_create(int dir_fd, struct journal_segment *s, bool durable, struct err *e);

/*
 * Reads the block at `at`, where `before` holds, and verifies all of it.
 *
 *   payload   takes its bytes; has room for JOURNAL_BLOCK_BYTES
 *
 * Returns: 0; ERR_END (the file ends here); ERR_AGAIN (bytes without a header lie here: a block
 *          that is not committed); ERR_CORRUPT (e names file and offset); ERR_IO.
 */
int journal_segment_read(const struct journal_segment *s, uint64_t at,
                         const struct journal_state *before, uint8_t *payload,
                         struct journal_block *ret_block, struct err *e);

/*
 * Writes a whole block again, its bytes and then its header, and syncs it. For one whose sync has
 * failed: what the kernel could not write it takes for clean, and some file systems drop it.
 *
 *   header   JOURNAL_BLOCK_HEADER_BYTES, as journal_block_make() gave it
 *   bytes    block->len of them
 *
 * Returns: 0, or the error of the write or of the sync, without the name of the segment.
 */
int journal_segment_renew(const struct journal_segment *s, const uint8_t *header,
                          const struct journal_block *block, const uint8_t *bytes, struct err *e);

/*
 * Removes what was torn off a segment long before this one, if anything was: people have had time
 * to look at it. Returns 0 or ERR_IO.
 */
int journal_segment_remove_torn(int dir_fd, uint64_t number, struct err *e);

/* The hash that keeps the journals of stages and topologies apart. */
uint64_t journal_owner(const char *topology, const char *stage);

#endif
