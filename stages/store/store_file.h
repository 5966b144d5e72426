/* SPDX-License-Identifier: MIT */
/*
 * store_file.h - what logs and checkpoints share: their directory and their header; private to the
 * store
 *
 * Checkpoint k and log k belong together: the entries of the checkpoint plus the groups of the log
 * are the state. Formats, to the byte: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_FILE_H
#define BULKHEAD_STAGES_STORE_STORE_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/store/store_spec.h"

#define STORE_HEADER_BYTES 328u
/* Offsets in the header that messages name. */
#define STORE_HEADER_START_SEQ_OFFSET 16u
#define STORE_HEADER_SECRET_OFFSET 284u
#define STORE_FILE_NAME_BYTES_MAX 64u

struct store_file_header {
    uint64_t number;
    uint64_t start_seq;
    int64_t clock; /* of the store, when the checkpoint was begun */
    uint32_t value_len;
    bool expires;
    char schema[STORE_SCHEMA_BYTES_MAX + 1];
    uint8_t secret[STORE_SECRET_BYTES];
    uint64_t nonce; /* unique to this file; drawn when it is created */
};

/* The numbers of the newest checkpoint and the logs in a directory; 0 if there is none. */
struct store_files {
    uint64_t checkpoint;
    uint64_t log_first; /* the lowest number of a log that is not below the checkpoint */
    uint64_t log_last;
};

/* Lists the directory. Returns 0 or ERR_IO. */
int store_files_find(int dir_fd, struct store_files *ret_files, struct err *e);

/*
 * Removes files with numbers below `number`, unfinished files, and torn pieces that are much older.
 * Returns 0 or ERR_IO.
 */
int store_files_remove_below(int dir_fd, uint64_t number, struct err *e);

/*
 * Opens a file and checks its header.
 * Returns: 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_MISMATCH (another format version), ERR_IO.
 */
int store_file_open(int dir_fd, const char *name, uint32_t magic, uint64_t number, int *ret_fd,
                    struct store_file_header *ret_header, struct err *e);

/*
 * Begins a file to which file_replace_finish() gives its name: draws the nonce and writes the
 * header. The caller closes *ret_fd. Returns as file_replace_begin() and file_write_at().
 */
int store_file_begin(int dir_fd, const char *name, uint32_t magic, struct store_file_header *header,
                     int *ret_fd, struct err *e);

/* The initial value for the CRCs after a header, which binds what they cover to this file. */
uint32_t store_file_seed(const struct store_file_header *header);

#endif
