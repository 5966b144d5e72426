/* SPDX-License-Identifier: MIT */
/*
 * journal_p.h - the inside of a journal; private to journal.c, journal_read.c and journal_open.c
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_P_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_P_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stages/journal/journal.h"

struct journal {
    struct journal_config config;
    struct journal_segment *segments; /* as in their headers; only the last one is open */
    size_t segment_count, segment_capacity;

    /* The writer, in the last segment. */
    uint64_t at;                /* where the next header goes */
    struct journal_state state; /* the state at that place */
    uint64_t landed;            /* how many bytes after that place have no header yet */
    uint64_t blocks;            /* how many blocks come before that place */
    uint64_t cut_bytes;
    bool removed; /* a segment was removed, and that is not safe yet */
    bool usable;  /* the journal is open, and no write has failed except for lack of space */

    /* The reader. */
    size_t reading;                  /* the index of its segment */
    struct journal_segment source;   /* its segment, opened for reading; the fd may be -1 */
    uint64_t read_at;                /* where the next header is in its segment */
    struct journal_state read_state; /* the state at that place */
    struct journal_block block;      /* the block whose bytes are in payload */
    bool block_read;                 /* there is such a block */
    bool end_said;                   /* it was reported that the block ends a record or the input */
    uint64_t acked_at; /* the last block of the last segment that was acked at the open */
    struct journal_state acked_state; /* the state before that block */
    uint8_t *payload;
    uint8_t *fresh; /* the bytes of the block being written */
};

static inline struct journal_segment *last_segment(const struct journal *j)
{
    return &j->segments[j->segment_count - 1];
}

/* Whether everything committed has been read. */
static inline bool reader_at_end(const struct journal *j)
{
    return j->reading == j->segment_count - 1 && j->read_at == j->at;
}

/* --- journal.c --- */

/* Adds a segment after the others. */
void journal_add_segment(struct journal *j, const struct journal_segment *segment);

/* Whether new input continues where the last segment ends, perhaps in the middle of a record. */
bool journal_same_stream(const struct journal *j);

/* Begins the next segment, where the last one ends. Returns as journal_segment_create(). */
int journal_rotate(struct journal *j, struct err *e);

/* Commits the bytes that have landed as a block. Returns 0, ERR_CORRUPT, or as journal_take(). */
int journal_commit_landed(struct journal *j, struct journal_block *ret_block, struct err *e);

/* --- journal_read.c --- */

/* Moves the reader to the beginning of a segment. Returns as journal_segment_open(). */
int journal_reader_enter(struct journal *j, size_t index, struct err *e);

/* Reads the next committed block. Returns 0, ERR_AGAIN (there is none), ERR_CORRUPT, ERR_IO. */
int journal_read_block(struct journal *j, struct err *e);

/*
 * Moves the reader to the block that was just written, whose bytes are in `fresh`.
 * Requires: the reader was at the end before.
 */
void journal_adopt(struct journal *j, const struct journal_block *block);

#endif
