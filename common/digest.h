/* SPDX-License-Identifier: MIT */
/*
 * digest.h - SHA-256 (FIPS 180-4), to name contents in a way that can be proved
 *
 * Unlike the checksums of hash.h, it cannot be forged. It is written as 64 hexadecimal digits, as
 * sha256sum prints it.
 */
#ifndef BULKHEAD_COMMON_DIGEST_H
#define BULKHEAD_COMMON_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define DIGEST_DIGITS 64u
/* How many of them are shown to people. */
#define DIGEST_DIGITS_SHOWN 8u

struct digest {
    char text[DIGEST_DIGITS + 1]; /* "": there is none */
};

/* The digest of len bytes. */
struct digest digest_of(const void *bytes, size_t len);

/*
 * The digest of all that can be read from a file, from where its descriptor stands. Returns 0 or
 * ERR_IO.
 */
int digest_of_file(int fd, struct digest *ret_digest, struct err *e);

/* Whether a text is a digest: 64 hexadecimal digits, in lower case. */
bool digest_is_one(const char *text);

#endif
