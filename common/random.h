/* SPDX-License-Identifier: MIT */
/*
 * random.h - bytes that nobody can guess, for secrets and nonces
 *
 * What is drawn here must never reach an output: outputs follow from the input alone.
 */
#ifndef BULKHEAD_COMMON_RANDOM_H
#define BULKHEAD_COMMON_RANDOM_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* Fills len bytes, 256 at most, from the kernel. Returns 0 or ERR_IO; then bytes are undefined. */
int random_bytes(void *bytes, size_t len, struct err *e);

/*
 * Draws the nonce of a file: it stands in the first header of the file and, XORed with its place,
 * in each header behind that. So bytes that came from outside are not taken for a header of ours,
 * were they copied from another file of ours, or from another place of this one.
 */
int random_nonce(uint64_t *ret_nonce, struct err *e);

#endif
