/* SPDX-License-Identifier: MIT */
/*
 * mapped_file.h - a file of any length read through a piece of memory
 *
 * What is asked for is read with what lies behind it, so that reading forwards costs few calls and
 * memory of the largest piece that was asked for. The file must not change meanwhile.
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
    uint64_t start;  /* where in it the bytes lie */
    struct buf bytes;
    int rc; /* of the first failure; 0: none */
    struct err *e;
    _Atomic uint64_t *beats; /* moved on by every read; or NULL */
};

/*
 * Looks at the file's length. fd, beats and e are borrowed; failures are noted in w->rc and e.
 * Ownership: the caller ends it with mapped_file_done().
 */
void mapped_file_init(struct mapped_file *w, int fd, _Atomic uint64_t *beats, struct err *e);
void mapped_file_done(struct mapped_file *w);

/*
 * The bytes [offset, offset + len) of the file, dead with the next call; NULL if the file does not
 * reach so far, or after a failure.
 */
const uint8_t *mapped_file_at(struct mapped_file *w, uint64_t offset, uint64_t len);

#endif
