/* SPDX-License-Identifier: MIT */
/*
 * store_log.h - the logs of committed changes; private to the store
 *
 * A log is a header followed by groups, one for each commit, each with its range of seqs and a
 * CRC32C. Values may contain any bytes from outside, even whole groups of ours, so each group also
 * has the nonce of its file, combined with its offset. Formats, to the byte: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_LOG_H
#define BULKHEAD_STAGES_STORE_STORE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "stages/store/store_file.h"
#include "stages/store/store_image.h"

#define STORE_GROUP_HEADER_BYTES 40u

/* The name of a log: "store.7.log". */
const char *store_log_name(uint64_t number, char ret_name[STORE_FILE_NAME_BYTES_MAX]);

/*
 * Creates a new log, complete with its header, whose nonce is drawn here, and opens it. The caller
 * closes *ret_fd. Returns as store_file_begin() and file_replace_finish().
 */
int store_log_create(int dir_fd, struct store_file_header *header, bool durable, int *ret_fd,
                     struct err *e);

/* Opens a log and reads its header. Returns 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int store_log_open(int dir_fd, uint64_t number, int *ret_fd, struct store_file_header *ret_header,
                   struct err *e);

/* Appends a change to the body of a group. */
void store_log_add_put(struct buf *body, const struct store_spec *spec, struct hash128 key,
                       int64_t expires_at, const void *value);
void store_log_add_clock(struct buf *body, int64_t clock);

/*
 * Writes one group at the offset of the log with this nonce. Increments beats, which may be NULL,
 * while it writes a large one. Returns 0 or as file_write_at().
 */
int store_log_write(int fd, uint64_t nonce, uint64_t offset, seq_number first, seq_number last,
                    const uint8_t *body, size_t body_len, struct buf *scratch,
                    _Atomic uint64_t *beats, struct err *e);

/* Makes what was written there safe; beats as above. Returns as file_sync(). */
int store_log_sync(int fd, uint64_t offset, uint64_t len, _Atomic uint64_t *beats, struct err *e);

/*
 * Applies the groups of a log to an image. If image is NULL, only checks whether they verify.
 *
 *   torn_ok   whether the log may end in a piece of a group, as the newest one may after a kill
 *   ret_len   where the next group goes: after the last good one
 *   ret_last  the last seq in the log
 *   ret_tail  where the last group begins, the only one that may not have been synced
 *
 * Returns: 0, ERR_CORRUPT (e names file and offset; the image must be discarded), ERR_IO.
 */
int store_log_replay(int fd, const struct store_file_header *header, bool torn_ok,
                     struct image *image, _Atomic uint64_t *beats, uint64_t *ret_len,
                     seq_number *ret_last, uint64_t *ret_tail, struct err *e);

#endif
