/* SPDX-License-Identifier: MIT */
/*
 * mapped_file.h - reads a file of any length through a buffer
 *
 * Each read fetches more than was asked for, so reading forwards takes few calls, and no more
 * memory than the largest piece that was asked for. The file must not change meanwhile.
 */
#ifndef BULKHEAD_STAGES_STORE_MAPPED_FILE_H
#define BULKHEAD_STAGES_STORE_MAPPED_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"

struct mapped_file {
    int fd;
    uint64_t length; /* of the file */
    uint64_t start;  /* the offset of the buffered bytes in the file */
    struct buf bytes;
    int rc; /* the first error; 0: none */
    struct err *e;
    _Atomic uint64_t *beats; /* incremented by every read; may be NULL */
};

/*
 * Begins to read a file, and gets its length. Errors are stored in w->rc and e.
 * Ownership: borrows fd, beats and e; the caller ends it with mapped_file_done().
 */
void mapped_file_init(struct mapped_file *w, int fd, _Atomic uint64_t *beats, struct err *e);
void mapped_file_done(struct mapped_file *w);

/*
 * The bytes [offset, offset + len) of the file, valid until the next call. NULL if the file is too
 * short, or after an error.
 */
const uint8_t *mapped_file_at(struct mapped_file *w, uint64_t offset, uint64_t len);

#endif
