/* SPDX-License-Identifier: MIT */
/*
 * store_checkpoint.h - the whole state in a file, written while the stage works; private to the
 * store
 *
 * A checkpoint is a header, one block for each key group, and an end. It is written block by block,
 * and each block has the state at its own moment. That is correct because log k begins before the
 * first block of checkpoint k is written, and its entries say what a key became, not how it
 * changed. Formats, to the byte: docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_CHECKPOINT_H
#define BULKHEAD_STAGES_STORE_STORE_CHECKPOINT_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "stages/store/store_dump.h"
#include "stages/store/store_file.h"
#include "stages/store/store_image.h"

/* A checkpoint that is being written. */
struct store_checkpoint {
    int fd; /* below 0: there is none */
    unsigned next_group;
    /* Of the CRCs, made from the nonce, so that no block of another file passes for one of this. */
    uint32_t seed;
    uint64_t len;
    uint64_t entries;
    const struct image_form
        *form; /* what entries become in this file; NULL: they stay as they are */
};

/*
 * Begins the file with its header, whose nonce is drawn here. form: NULL, or one that fits the
 * header, valid as long as the file is written. Returns 0 or ERR_IO.
 */
int store_checkpoint_begin(struct store_checkpoint *c, int dir_fd, struct store_file_header *header,
                           const struct image_form *form, struct err *e);

/*
 * Writes the block of the next key group.
 *
 *   image     where the entries of the group are; NULL: it has none
 *   position  of the group; see store_is_ahead()
 *
 * Requires: next_group < KEY_GROUPS.
 * Returns:  0 or ERR_IO.
 */
int store_checkpoint_write_group(struct store_checkpoint *c, const struct image *image,
                                 seq_number position, struct buf *scratch, struct err *e);

/* Writes the end and gives the file its name. Returns 0 or ERR_IO. */
int store_checkpoint_finish(struct store_checkpoint *c, int dir_fd, uint64_t number, bool durable,
                            _Atomic uint64_t *beats, struct err *e);

/* Drops an unfinished checkpoint. */
void store_checkpoint_abandon(struct store_checkpoint *c);

/*
 * Reads a checkpoint into an image that was formatted with the header's secret. Returns 0,
 * ERR_CORRUPT, ERR_IO.
 */
int store_checkpoint_load(int fd, const struct store_file_header *header, struct image *image,
                          _Atomic uint64_t *beats, struct err *e);

/*
 * Raises *most to the highest position of a key group, if that is higher. Does not report blocks
 * that do not verify; store_checkpoint_load() does. Returns 0 or ERR_IO.
 */
int store_checkpoint_raise(int fd, const struct store_file_header *header, seq_number *most,
                           struct err *e);

/* Opens a checkpoint and reads its header. Returns 0, ERR_NOT_FOUND, ERR_CORRUPT, ERR_IO. */
int store_checkpoint_open(int dir_fd, uint64_t number, int *ret_fd,
                          struct store_file_header *ret_header, struct err *e);

#endif
