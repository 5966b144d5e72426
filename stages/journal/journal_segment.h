/* SPDX-License-Identifier: MIT */
/*
 * journal_segment.h - one file of a journal: its header, its blocks, and whether they verify
 *
 * A segment is a header followed by blocks. A block is a header followed by the bytes as they came.
 * The header of the segment has the state (journal_block.h) that it begins with, and each block has
 * the state that it continues from. All headers are chained by their CRCs, so no block can be
 * moved, left out or taken from another journal. Each header also has the nonce that was drawn for
 * its segment, because blocks are searched for among bytes from outside, which may contain
 * anything, even whole blocks of ours. Reads only what it is given; shared by the journal and by
 * `bulkhead journal`. Format: docs/protocol.md, "Journal".
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

/* A read buffer, for a caller that goes through a whole segment. */
struct journal_window {
    uint64_t from;
    size_t len;
    uint8_t bytes[256u << 10];
};

struct journal_segment {
    int fd;
    struct journal_window *window; /* borrowed; NULL: reads are not buffered */
    _Atomic uint64_t *beats;       /* borrowed; incremented during a search; may be NULL */
    char name[JOURNAL_NAME_BYTES];
    uint64_t number;
    uint64_t owner; /* hash of topology and stage */
    uint8_t boot[JOURNAL_BOOT_BYTES];
    struct journal_state begin; /* its chain is the CRC of this header */
    uint32_t previous_chain;    /* the chain at the end of the previous segment */
};

/*
 * Gets the numbers of the segments in a directory, in ascending order. The caller frees
 * *ret_numbers. Returns 0 or ERR_IO.
 */
int journal_segment_list(int dir_fd, uint64_t **ret_numbers, size_t *ret_count, struct err *e);

/*
 * Opens a segment and reads its header.
 *
 *   flags   O_RDONLY or O_RDWR
 *
 * Ownership: the caller closes ret_s->fd.
 * Returns:   0, ERR_NOT_FOUND, ERR_CORRUPT (e names file and offset), ERR_MISMATCH (another
 *            version), ERR_IO.
 */
int journal_segment_open(int dir_fd, uint64_t number, int flags, struct journal_segment *ret_s,
                         struct err *e);

/* Whether the segment continues where the previous one has ended. */
bool journal_segment_follows(const struct journal_segment *s, const struct journal_state *end);

/*
 * Creates the file of a segment, safe when this returns. The caller has filled in *s; this sets fd,
 * name, begin.nonce and begin.chain.
 * Returns: 0 or an error as file_write_at(), after which there is no descriptor to close.
 */
int journal_segment_create(int dir_fd, struct journal_segment *s, bool durable, struct err *e);

/*
 * Reads the block at `at`, and verifies all of it.
 *
 *   before    the state before the block
 *   payload   receives its bytes; has room for JOURNAL_BLOCK_BYTES
 *
 * Returns: 0
 *          ERR_END      the file ends here
 *          ERR_AGAIN    there are bytes without a header: a block that was not committed
 *          ERR_CORRUPT  e names file and offset
 *          ERR_IO
 */
int journal_segment_read(const struct journal_segment *s, uint64_t at,
                         const struct journal_state *before, uint8_t *payload,
                         struct journal_block *ret_block, struct err *e);

/*
 * Writes a whole block again, its bytes and then its header, and syncs it. Needed after a failed
 * sync: the kernel regards what it could not write as clean, and some file systems drop it.
 *
 *   header   JOURNAL_BLOCK_HEADER_BYTES, made by journal_block_make()
 *   bytes    block->len of them
 *
 * Returns: 0, or the error of the write or of the sync, without the name of the segment.
 */
int journal_segment_renew(const struct journal_segment *s, const uint8_t *header,
                          const struct journal_block *block, const uint8_t *bytes, struct err *e);

/*
 * Removes the torn piece of a segment long before this one, if there is one: people have had time
 * to look at it. Returns 0 or ERR_IO.
 */
int journal_segment_remove_torn(int dir_fd, uint64_t number, struct err *e);

/* The hash that tells the journals of different stages and topologies apart. */
uint64_t journal_owner(const char *topology, const char *stage);

#endif
