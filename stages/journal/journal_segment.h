/* SPDX-License-Identifier: MIT */
/*
 * journal_segment.h - one file of a journal: its header, its blocks, and whether they verify
 *
 * A segment is a header and blocks; a block is a header and the bytes as they came. What was
 * counted up to a place (lines, records, the unfinished line) is a state; the header of the segment
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
#include "common/value.h"

#define JOURNAL_HEADER_BYTES 128u
#define JOURNAL_BLOCK_HEADER_BYTES 64u
#define JOURNAL_BOOT_BYTES 16u
#define JOURNAL_NAME_BYTES 32u

/* What is known at a place between two blocks. */
struct journal_state {
    seq_number next_seq; /* of the next record that is completed */
    uint64_t lines;      /* completed before */
    uint64_t offset;     /* bytes of all streams before */
    uint64_t carry;      /* of these, bytes of a line that is not complete */
    bool carry_blank;    /* they are white space */
    bool first;          /* no line of the stream is complete; a mark may stand before this one */
    bool carry_mark;     /* the carry is the beginning of that mark, and not all of it */
    bool ended;          /* the seq before the next one is the end of an input */
    uint64_t stream;     /* whose bytes they are; one segment has those of one stream */
    uint64_t nonce; /* of the segment: what tells its headers from bytes that came from outside */
    uint32_t chain; /* CRC of the last header before */
};

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

/* A block as it was read or is to be written; before and after are the states around it. */
struct journal_block {
    uint64_t at; /* of its header in the file */
    uint32_t len;
    bool ends;  /* no bytes: the line that is not complete ends here, and with it its stream */
    bool marks; /* no bytes: an input is at its end, which has a seq of its own */
    struct journal_state before, after;
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

/* Where the block behind this one begins: a header lies in one page, so that it is never torn. */
uint64_t journal_block_end(const struct journal_block *block);

/*
 * Makes the block of len bytes; of none, the one that ends the unfinished line, or, if there is no
 * such line, marks the end of the input.
 *
 *   ret_header   JOURNAL_BLOCK_HEADER_BYTES, to be written at `at`
 */
void journal_block_make(uint64_t at, const struct journal_state *before, const uint8_t *payload,
                        uint32_t len, struct journal_block *ret_block, uint8_t *ret_header);

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

/* Moves a state behind more bytes; the chain stays. */
void journal_state_count(struct journal_state *state, const uint8_t *bytes, size_t len);

/*
 * Whether what stands at a place where no header verifies is one whose writing broke off: the
 * beginning of what would have been written for the bytes behind it, and nothing behind that. So a
 * process leaves it that is killed between two parts of a write, or whose write failed.
 *
 *   landed   bytes behind the place of the header; 0: the file may end before
 *   payload  room for a block
 *
 * Returns: 0, ERR_IO.
 */
int journal_segment_is_unfinished(const struct journal_segment *s, uint64_t at,
                                  const struct journal_state *before, uint64_t landed,
                                  uint8_t *payload, bool *ret_unfinished, struct err *e);

/*
 * Whether a block of this segment, in its place, lies anywhere behind `at`: then what is there was
 * not torn in being written, but damaged later. What only looks like one is none. Reads through
 * payload, as above.
 */
int journal_segment_good_behind(const struct journal_segment *s, uint64_t at,
                                const struct journal_state *before, uint8_t *payload,
                                bool *ret_good, struct err *e);

/*
 * Removes what was torn off a segment long before this one, if anything was: people have had time
 * to look at it. Returns 0 or ERR_IO.
 */
int journal_segment_remove_torn(int dir_fd, uint64_t number, struct err *e);

/* The hash that keeps the journals of stages and topologies apart. */
uint64_t journal_owner(const char *topology, const char *stage);

#endif
