/* SPDX-License-Identifier: MIT */
#include "common/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/md.h>

#include "common/check.h"

#define DIGEST_BYTES (DIGEST_DIGITS / 2)
#define PIECE_BYTES 65536u

static void write_text(const unsigned char bytes[DIGEST_BYTES], struct digest *ret_digest)
{
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        (void)snprintf(ret_digest->text + 2 * i, 3, "%02x", bytes[i]);
}

static const mbedtls_md_info_t *sha256(void)
{
    const mbedtls_md_info_t *info = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    INVARIANT(info != NULL);
    return info;
}

struct digest digest_of(const void *bytes, size_t len)
{
    unsigned char out[DIGEST_BYTES];
    struct digest digest;
    int rc = mbedtls_md(sha256(), bytes, len, out);
    INVARIANT(rc == 0); /* it fails only for an unknown algorithm */
    write_text(out, &digest);
    return digest;
}

int digest_of_file(int fd, struct digest *ret_digest, struct err *e)
{
    unsigned char piece[PIECE_BYTES], out[DIGEST_BYTES];
    mbedtls_md_context_t context;
    mbedtls_md_init(&context);
    int rc = mbedtls_md_setup(&context, sha256(), 0);
    if (rc == 0)
        rc = mbedtls_md_starts(&context);
    if (rc != 0) {
        mbedtls_md_free(&context);
        return err_set(e, ERR_IO, "there is no memory for a digest");
    }
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0 || (n < 0 && errno == EINTR)) {
        if (n > 0)
            (void)mbedtls_md_update(&context, piece, (size_t)n);
    }
    int cause = errno;
    (void)mbedtls_md_finish(&context, out);
    mbedtls_md_free(&context);
    errno = cause;
    if (n < 0)
        return err_set_errno(e, "cannot read it");
    write_text(out, ret_digest);
    return 0;
}

bool digest_is_one(const char *text)
{
    size_t len = strlen(text);
    return len == DIGEST_DIGITS && strspn(text, "0123456789abcdef") == len;
}
