/* SPDX-License-Identifier: MIT */
/*
 * store_log.h - the files of a store: logs of committed changes and checkpoints; private to it
 *
 * A log is a header and then groups, one a commit, each with its range of seqs and a CRC32C. Values
 * may hold bytes as they came from outside, whole groups of ours too, so each group has the nonce
 * of its file and place. A checkpoint is a header, one block a key group, and an end. File number k
 * of either kind belongs together: what the checkpoint holds plus the groups of log k gives the
 * state. A checkpoint is made while the stage works on, block by block, each as of its own moment;
 * that is right because log k begins before the first block is dumped and its entries say what a
 * key became, not how it changed. Formats to the byte: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_LOG_H
#define BULKHEAD_STAGES_STORE_STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "stages/store/store_image.h"

#define STORE_HEADER_BYTES 328u
#define STORE_GROUP_HEADER_BYTES 40u
/* Places in the header of which messages tell. */
#define STORE_HEADER_START_SEQ_OFFSET 16u
#define STORE_HEADER_SECRET_OFFSET 284u
#define STORE_FILE_NAME_BYTES_MAX 64u

struct store_file_header {
    uint64_t number;
    uint64_t start_seq;
    int64_t clock; /* of a checkpoint, when it was begun */
    uint32_t value_len;
    bool expires;
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    uint8_t secret[STORE_SECRET_BYTES];
    uint64_t nonce; /* of this file alone; drawn when it is made */
};

/* The newest checkpoint and log in a directory; 0 where there is none. */
struct store_files {
    uint64_t checkpoint;
    uint64_t log_first; /* lowest number of a log that is not below the checkpoint */
    uint64_t log_last;
};

/* Lists the directory. Returns 0 or ERR_IO. */
int store_files_find(int dir_fd, struct store_files *ret_files, struct err *e);

/*
 * Removes files with numbers below `number`, unfinished ones, and torn pieces that are much older.
 * Returns 0 or ERR_IO.
 */
int store_files_remove_below(int dir_fd, uint64_t number, struct err *e);

/* The name of a file: "store.7.log" or "store.7.checkpoint". */
const char *store_log_name(uint64_t number, char ret_name[STORE_FILE_NAME_BYTES_MAX]);
const char *store_checkpoint_name(uint64_t number, char ret_name[STORE_FILE_NAME_BYTES_MAX]);

/*
 * Makes a new log, complete with its header, whose nonce is drawn here, and opens it. The caller
 * closes ret_fd.
 */
int store_log_create(int dir_fd, struct store_file_header *header, bool durable, int *ret_fd,
                     struct err *e);

/* Opens a log and reads its header. Returns 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int store_log_open(int dir_fd, uint64_t number, int *ret_fd, struct store_file_header *ret_header,
                   struct err *e);

/* Puts the entries of one change behind a group that is being made. */
void store_log_add_put(struct buf *body, const struct store_spec *spec, struct hash128 key,
                       int64_t expires_at, const void *value);
void store_log_add_clock(struct buf *body, int64_t clock);

/*
 * Writes one group at the offset of the log with this nonce; beats, which may be NULL, while it is
 * a large one. Returns 0 or ERR_IO.
 */
int store_log_write(int fd, uint64_t nonce, uint64_t offset, seq_number first, seq_number last,
                    const uint8_t *body, size_t body_len, struct buf *scratch,
                    _Atomic uint64_t *beats, struct err *e);

/* Makes safe what was written there, and beats while it is much. Returns as file_sync(). */
int store_log_sync(int fd, uint64_t offset, uint64_t len, _Atomic uint64_t *beats, struct err *e);

/*
 * Applies the groups of a log to the image; with NULL for it, only looks whether they verify.
 *
 *   ret_len   where the next group goes: behind the last good one
 *   ret_last  the last seq that the log holds
 *   ret_tail  where its last group begins, the only one whose sync may not have happened
 *   torn_ok   whether the log may end in a piece of a group, as the newest one may after a kill
 *
 * Returns: 0, ERR_CORRUPT (e names file and offset; image is to be thrown away), ERR_IO.
 */
int store_log_replay(int fd, const struct store_file_header *header, bool torn_ok,
                     struct image *image, _Atomic uint64_t *beats, uint64_t *ret_len,
                     seq_number *ret_last, uint64_t *ret_tail, struct err *e);

/* A checkpoint that is being written. fd < 0: none. */
struct store_checkpoint {
    int fd;
    unsigned next_group;
    uint32_t
        seed; /* of the CRCs, by the nonce: no block of another file is taken for one of this */
    uint64_t len;
    uint64_t entries;
};

/* Begins the checkpoint file with its header, whose nonce is drawn here. Returns 0 or ERR_IO. */
int store_checkpoint_begin(struct store_checkpoint *c, int dir_fd, struct store_file_header *header,
                           struct err *e);

/*
 * Writes the next key group, with its entries in an image (NULL: it has none) and its position.
 * Requires: next_group < KEY_GROUPS. Returns 0 or ERR_IO.
 */
int store_checkpoint_write_group(struct store_checkpoint *c, const struct image *image,
                                 seq_number position, struct buf *scratch, struct err *e);

/* Ends the file and gives it its name. Returns 0 or ERR_IO. */
int store_checkpoint_finish(struct store_checkpoint *c, int dir_fd, uint64_t number, bool durable,
                            _Atomic uint64_t *beats, struct err *e);

/* Drops an unfinished checkpoint. */
void store_checkpoint_abandon(struct store_checkpoint *c);

/* Reads a checkpoint into an image that was formatted with header's secret. */
int store_checkpoint_load(int fd, const struct store_file_header *header, struct image *image,
                          _Atomic uint64_t *beats, struct err *e);

/*
 * Raises *most to the greatest position of a key group, if that is more. Leaves it to
 * store_checkpoint_load() to say what does not verify. Returns 0 or ERR_IO.
 */
int store_checkpoint_raise(int fd, const struct store_file_header *header, seq_number *most,
                           struct err *e);

/* Opens a checkpoint and reads its header. Returns 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int store_checkpoint_open(int dir_fd, uint64_t number, int *ret_fd,
                          struct store_file_header *ret_header, struct err *e);

#endif
