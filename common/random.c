/* SPDX-License-Identifier: MIT */
#include "common/random.h"

#include <sys/random.h>

#include "common/check.h"

/* A call for up to this many bytes is never interrupted by a signal (getrandom(2)). */
#define BYTES_MAX 256u

int random_bytes(void *bytes, size_t len, struct err *e)
{
    REQUIRE(len <= BYTES_MAX);
    if (getrandom(bytes, len, 0) != (ssize_t)len)
        return err_set_errno(e, "cannot get random bytes");
    return 0;
}

int random_nonce(uint64_t *ret_nonce, struct err *e)
{
    uint64_t nonce;
    int rc = random_bytes(&nonce, sizeof nonce, e);
    if (rc == 0)
        *ret_nonce = nonce;
    return rc;
}
