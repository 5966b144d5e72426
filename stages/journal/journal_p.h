/* SPDX-License-Identifier: MIT */
/*
 * journal_p.h - what a journal has in hand; private to journal.c, journal_read.c and journal_open.c
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_P_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_P_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stages/journal/journal.h"

struct journal {
    struct journal_config config;
    struct journal_segment *segments; /* what their headers say; only the last one is open */
    size_t segment_count, segment_capacity;
    uint64_t at;                /* in the last one: where the next header comes */
    struct journal_state state; /* there */
    uint64_t landed;            /* bytes behind the place of the header that have none yet */
    uint64_t blocks;            /* in it before that */
    uint64_t cut_bytes;
    bool removed; /* a segment was, and that is not safe yet */
    bool usable;  /* it was opened, and no write to it has failed but for want of space */

    size_t reading;                /* index of the segment */
    struct journal_segment source; /* that one, opened for reading; its fd may be -1 */
    uint64_t read_at;              /* in it: the next header */
    struct journal_state read_state;
    struct journal_block block; /* whose bytes payload holds */
    bool block_read;            /* there is one */
    bool end_said;              /* that it ends a record or the input was said */
    uint64_t acked_at;          /* in the last segment: the last block that was acked at the open */
    struct journal_state acked_state;
    uint8_t *payload;
    uint8_t *fresh; /* bytes of the block that is being written */
};

static inline struct journal_segment *last_segment(const struct journal *j)
{
    return &j->segments[j->segment_count - 1];
}

/* Whether all that is committed was read. */
static inline bool reader_at_end(const struct journal *j)
{
    return j->reading == j->segment_count - 1 && j->read_at == j->at;
}

/* --- journal.c --- */

/* Adds a segment behind the others. */
void journal_add_segment(struct journal *j, const struct journal_segment *segment);

/* Whether what is to come goes on where the last segment ends, also in the middle of a record. */
bool journal_same_stream(const struct journal *j);

/* Begins the next segment, where the last one ends. Returns as journal_segment_create(). */
int journal_rotate(struct journal *j, struct err *e);

/* Makes the bytes that have landed a block. Returns 0, ERR_CORRUPT, or as journal_take(). */
int journal_commit_landed(struct journal *j, struct journal_block *ret_block, struct err *e);

/* --- journal_read.c --- */

/* Goes to the beginning of a segment. Returns as journal_segment_open(). */
int journal_reader_enter(struct journal *j, size_t index, struct err *e);

/* Reads the next block that is committed. Returns 0, ERR_AGAIN (there is none), ERR_CORRUPT,
 * ERR_IO.
 */
int journal_read_block(struct journal *j, struct err *e);

/*
 * Goes on in the block that was just written, whose bytes are in `fresh`. Requires: the reader was
 * at the end before.
 */
void journal_adopt(struct journal *j, const struct journal_block *block);

#endif
