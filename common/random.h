/* SPDX-License-Identifier: MIT */
/*
 * random.h - unpredictable bytes for secrets and nonces
 *
 * They must never influence an output: outputs depend only on the input.
 */
#ifndef BULKHEAD_COMMON_RANDOM_H
#define BULKHEAD_COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Fills len bytes from the kernel, at most 256. Returns 0, or ERR_IO: the bytes are undefined. */
int random_bytes(void *bytes, size_t len, struct err *e);

/*
 * Draws the nonce of a file. It is in the first header of the file and, XORed with the offset, in
 * every later one. So bytes from outside are never mistaken for one of our headers, even if they
 * were copied from another of our files or from another offset of the same file.
 */
int random_nonce(uint64_t *ret_nonce, struct err *e);

#endif
