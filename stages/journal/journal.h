/* SPDX-License-Identifier: MIT */
/*
 * journal.h - input that cannot be read twice, made safe before it is processed
 *
 * A source whose input is gone once it has been read moves it into a journal, and reads it from
 * there. Whatever is read from the journal was committed; with durability: host it was synced. No
 * byte is ever only in the memory of the process: splice(2) moves bytes from a pipe into the file
 * within one call, so a kill leaves them in one or the other. What a killed process left in the
 * file without a header is completed by the next one. After a reboot it is cut off and a copy is
 * kept: nothing was done with it, and it may not be complete.
 *
 * Offsets count the bytes of all streams, one after the other. Segments that are entirely below the
 * acked offset are removed.
 */
#ifndef BULKHEAD_STAGES_JOURNAL_JOURNAL_H
#define BULKHEAD_STAGES_JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/journal/journal_segment.h"

struct journal;

/* A place between two records, as stored in the cursor of the source. */
struct journal_place {
    seq_number seq; /* of the last record before it */
    uint64_t line;  /* the number of lines, including blank ones, or packed records before it */
    uint64_t offset;
};

struct journal_config {
    int dir_fd; /* borrowed */
    uint64_t owner;
    bool packed; /* the records are msgpack values, not lines */
    uint8_t boot[JOURNAL_BOOT_BYTES];
    bool durable;
    uint64_t stream; /* identifies the stream that is going to be read */
    /* If the low half of the last stream's id is the same, the input continues that stream. */
    bool stream_kept;
    struct journal_place acked;
    _Atomic uint64_t *beats; /* incremented while the journal is verified; may be NULL */
    bool begins; /* the source has no position yet: a new journal begins after `acked` */
};

/*
 * Opens the journal in a directory, or creates it, and prepares to read after the acked place. A
 * record that another stream left unfinished is ended.
 *
 * Ownership: the caller frees *ret_journal with journal_free().
 * Returns:   0
 *            ERR_CORRUPT   e names file and offset; nothing was changed
 *            ERR_MISMATCH  it belongs to another stage or topology, has another version or format,
 *                          or does not fit the cursor
 *            ERR_IO        or another error of file_write_at()
 */
int journal_open(const struct journal_config *config, struct journal **ret_journal, struct err *e);

/* Tries to commit what was fetched ahead, and closes the journal. Accepts NULL. */
void journal_free(struct journal *j);

/*
 * Moves what a pipe holds into the journal, at most one block, and commits it. May then move more
 * bytes, which the next call commits.
 * Requires: journal_read() has returned ERR_AGAIN.
 * Returns:  0
 *           ERR_AGAIN     the pipe is empty
 *           ERR_END       the pipe is empty and has no writer
 *           ERR_MISMATCH  the file system does not support this, or the segment is not in its place
 *           or an error of file_write_at()
 */
int journal_take(struct journal *j, int pipe_fd, struct err *e);

/*
 * Commits what journal_take() has fetched ahead, without fetching more. Returns as journal_take();
 * ERR_AGAIN if there is nothing to commit.
 */
int journal_flush(struct journal *j, struct err *e);

/* Ends the unfinished record, if any, because its stream is over. Returns as journal_take(). */
int journal_end(struct journal *j, struct err *e);

/*
 * Marks the end of the input, with a seq of its own, if there was a record since the last mark.
 * Requires: journal_end() was called.
 * Returns:  as journal_take().
 */
int journal_mark_end(struct journal *j, struct err *e);

/*
 * Reads committed bytes; a record_fill.
 * Requires: offsets rise without gaps from the acked one.
 * Returns:  0
 *           ERR_AGAIN  everything committed has been read
 *           ERR_END    an unfinished record ends here, or the input does; see journal_marked().
 *                      There may be more after it
 *           ERR_CORRUPT, ERR_IO
 */
int journal_read(void *journal, uint64_t offset, uint8_t *bytes, size_t len, size_t *ret_len,
                 struct err *e);

/*
 * The seq of the end of the input, if that is why journal_read() returned ERR_END; 0 if it was the
 * end of a record. After an open this may be an end that is acked already.
 */
seq_number journal_marked(const struct journal *j);

/*
 * Whether a stream begins at this offset; a record_begins.
 * Requires: the offset is not below the acked one.
 */
bool journal_begins_stream(const void *journal, uint64_t offset);

/*
 * Removes the segments that are entirely below the offset and have nothing above the seq. Returns 0
 * or ERR_IO.
 */
int journal_trim(struct journal *j, uint64_t offset, seq_number seq, struct err *e);

/* The seq of the last record in the journal. */
seq_number journal_last(const struct journal *j);

/* The offset after the last byte of the journal. */
uint64_t journal_bytes(const struct journal *j);

/* How many bytes journal_open() has cut off; usually 0. */
uint64_t journal_cut_bytes(const struct journal *j);

/*
 * The id of the stream that the journal in a directory has last read from. Returns 0, ERR_NOT_FOUND
 * (there is no journal), or as journal_segment_open().
 */
int journal_last_stream(int dir_fd, uint64_t *ret_stream, struct err *e);

/* The boot id of the kernel. Returns 0, ERR_IO, ERR_INVALID. */
int journal_boot_id(uint8_t ret_boot[JOURNAL_BOOT_BYTES], struct err *e);

#endif
