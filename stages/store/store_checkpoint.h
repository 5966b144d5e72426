/* SPDX-License-Identifier: MIT */
/*
 * store_checkpoint.h - the whole state in a file, written while the stage works on; private to the
 * store
 *
 * A checkpoint is a header, one block a key group, and an end. It is made block by block, each as
 * of its own moment; that is right because log k begins before the first block of checkpoint k is
 * written, and its entries say what a key became, not how it changed. Formats to the byte:
 * docs/protocol.md.
 */
#ifndef BULKHEAD_STAGES_STORE_STORE_CHECKPOINT_H
#define BULKHEAD_STAGES_STORE_STORE_CHECKPOINT_H

#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "stages/store/store_file.h"
#include "stages/store/store_image.h"

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
