/* SPDX-License-Identifier: MIT */
/*
 * journal.h - input that cannot be read twice, made safe before it is acted on
 *
 * A source whose input is gone once it is read takes it into a journal and reads it there. What is
 * given out was committed: with durability: host it was synced. No byte is ever in the memory of
 * the process alone: splice(2) moves bytes from a pipe into the file within one call, so a kill
 * leaves them in one or the other. What a killed process left in the file without a header is
 * completed by the next one. Under another boot it is cut off and kept aside: nobody acted on it,
 * and nobody can say whether it is whole.
 *
 * The bytes of all streams, one behind the other, have offsets. Segments wholly below the offset
 * that is acked are removed.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/journal/journal_segment.h"

struct journal;

/* A place between two records, as it stands in the cursor of the source. */
struct journal_place {
    seq_number seq; /* of the last record before */
    uint64_t line;  /* lines, blank ones too, or packed records before */
    uint64_t offset;
};

struct journal_config {
    int dir_fd; /* borrowed */
    uint64_t owner;
    bool packed; /* the records are values of msgpack, and not lines */
    uint8_t boot[JOURNAL_BOOT_BYTES];
    bool durable;
    uint64_t stream;  /* whose bytes are to come */
    bool stream_kept; /* those with the same low half may be a former life's of the same stream */
    struct journal_place acked;
    _Atomic uint64_t *beats; /* moved on while a journal is verified; or NULL */
    bool begins; /* the source has no position yet: a new journal begins behind `acked` */
};

/*
 * Opens the journal in a directory, or makes it, and prepares to read behind what is acked. A
 * record that another stream left unfinished is ended.
 *
 * Ownership: the caller frees *ret_journal with journal_free().
 * Returns:   0; ERR_CORRUPT (e names file and offset; nothing was changed); ERR_MISMATCH (of
 *            another stage, topology, version or format, or the cursor does not fit); ERR_IO, and what
 *            file_write_at() returns.
 */
int journal_open(const struct journal_config *config, struct journal **ret_journal, struct err *e);

/* Commits what was fetched ahead, if that works, and closes it; takes NULL. */
void journal_free(struct journal *j);

/*
 * Moves what a pipe holds into the journal, one block at the most, and commits it. May move more
 * bytes after that, for the next call to commit.
 * Requires: journal_read() has said ERR_AGAIN.
 * Returns:  0; ERR_AGAIN (the pipe is empty); ERR_END (and will stay so); ERR_MISMATCH (the file
 *           system cannot do it); or what file_write_at() returns.
 */
int journal_take(struct journal *j, int pipe_fd, struct err *e);

/* Commits what journal_take() has fetched ahead, without taking more. Returns as journal_take(). */
int journal_flush(struct journal *j, struct err *e);

/* Ends the unfinished record, if there is one: its stream is over. Returns 0 or as journal_take(). */
int journal_end(struct journal *j, struct err *e);

/*
 * Writes down that the input is at its end, with a seq of its own, if it had a record since it was
 * the last time. Requires: journal_end() was called. Returns 0 or as journal_take().
 */
int journal_mark_end(struct journal *j, struct err *e);

/*
 * Reads committed bytes; a record_fill. Offsets must rise without gaps from the acked one.
 * Returns: 0, ERR_AGAIN (all that is committed was read), ERR_END (an unfinished record ends here, or
 *          the input, see journal_marked(); there may be more behind), ERR_CORRUPT, ERR_IO.
 */
int journal_read(void *journal, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                 struct err *e);

/*
 * The seq of the end of the input at which journal_read() has said ERR_END; 0 if it was the end of
 * a record. After an open this may be one that is acked.
 */
seq_number journal_marked(const struct journal *j);

/*
 * Whether the first byte of a stream has this offset; a record_begins. Requires: it is not below the
 * acked one.
 */
bool journal_begins_stream(const void *journal, uint64_t offset);

/*
 * Removes the segments that lie wholly below the offset and have nothing above the seq. Returns 0
 * or ERR_IO.
 */
int journal_trim(struct journal *j, uint64_t offset, seq_number seq, struct err *e);

/* The last record that is in the journal. */
seq_number journal_last(const struct journal *j);

/* The offset behind its last byte. */
uint64_t journal_bytes(const struct journal *j);

/* How many bytes journal_open() has cut off; 0 is usual. */
uint64_t journal_cut_bytes(const struct journal *j);

/*
 * The stream whose bytes the journal in a directory has taken last. Returns 0, ERR_NOT_FOUND (there
 * is no journal), or as journal_segment_open().
 */
int journal_last_stream(int dir_fd, uint64_t *ret_stream, struct err *e);

/* The id of this boot of the kernel. Returns 0, ERR_IO, ERR_INVALID. */
int journal_boot_id(uint8_t ret_boot[JOURNAL_BOOT_BYTES], struct err *e);

#endif
