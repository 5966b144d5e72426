/* SPDX-License-Identifier: MIT */
#include "stages/kit/rotation_content.h"

#include <stdlib.h>
#include <string.h>

#include "common/beat.h"
#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/memory.h"

/* A gzip file begins with at least ten bytes of header and ends with eight bytes. */
#define GZIP_HEAD_BYTES 10u
#define GZIP_TAIL_BYTES 8u

/* Processes a piece of a file. Returns whether more is wanted. */
typedef bool take_piece(void *context, uint64_t offset, const uint8_t *bytes, size_t len);

/*
 * Passes the bytes in [offset, len) to a function. *ret_whole: all of them existed and were wanted.
 */
static int read_pieces(int fd, uint64_t offset, uint64_t len, _Atomic uint64_t *beats,
                       take_piece *take, void *context, bool *ret_whole, struct err *e)
{
    uint8_t *piece = memory_new(SOURCE_READ_BYTES, 1);
    bool goes_on = true;
    int rc = 0;
    while (rc == 0 && goes_on && offset < len) {
        size_t wanted =
            len - offset < SOURCE_READ_BYTES ? (size_t)(len - offset) : SOURCE_READ_BYTES;
        size_t got = 0;
        beat_once(beats);
        rc = file_read_at(fd, offset, piece, wanted, &got, e);
        goes_on = rc == 0 && got == wanted && take(context, offset, piece, got);
        offset += got;
    }
    free(piece);
    *ret_whole = goes_on;
    return rc;
}

static bool add_to_crc32c(void *context, uint64_t offset, const uint8_t *bytes, size_t len)
{
    (void)offset;
    uint32_t *crc = context;
    *crc = hash_crc32c(*crc, bytes, len);
    return true;
}

int content_begins_with(int fd, uint64_t len, uint32_t crc, _Atomic uint64_t *beats, bool *ret_same,
                        struct err *e)
{
    uint32_t found = 0;
    int rc = read_pieces(fd, 0, len, beats, add_to_crc32c, &found, ret_same, e);
    *ret_same = *ret_same && found == crc;
    return rc;
}

struct other {
    int fd;
    uint8_t *piece;
    int rc;
    struct err *e;
};

static bool is_in_other(void *context, uint64_t offset, const uint8_t *bytes, size_t len)
{
    struct other *other = context;
    size_t got = 0;
    other->rc = file_read_at(other->fd, offset, other->piece, len, &got, other->e);
    return other->rc == 0 && got == len && memcmp(bytes, other->piece, len) == 0;
}

int content_is_same(int fd, int than_fd, uint64_t from, uint64_t to, _Atomic uint64_t *beats,
                    bool *ret_same, struct err *e)
{
    struct other other = {.fd = than_fd, .piece = memory_new(SOURCE_READ_BYTES, 1), .e = e};
    int rc = read_pieces(fd, from, to, beats, is_in_other, &other, ret_same, e);
    free(other.piece);
    return rc == 0 ? other.rc : rc;
}

/* The CRC-32 of gzip and Ethernet. It is rarely needed, so its table has only 16 entries. */
static bool add_to_crc32(void *context, uint64_t offset, const uint8_t *bytes, size_t len)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    (void)offset;
    uint32_t crc = *(uint32_t *)context;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = table[crc & 15] ^ (crc >> 4);
        crc = table[crc & 15] ^ (crc >> 4);
    }
    *(uint32_t *)context = crc;
    return true;
}

/* Reads the end of a gzip file: CRC-32 and length of the original. *ret_is: it is a gzip file. */
static int read_gzip_tail(int fd, uint8_t ret_tail[GZIP_TAIL_BYTES], bool *ret_is, struct err *e)
{
    uint8_t head[2];
    uint64_t len;
    size_t head_got = 0, tail_got = 0;
    *ret_is = false;
    int rc = file_length(fd, &len, e);
    if (rc != 0 || len < GZIP_HEAD_BYTES + GZIP_TAIL_BYTES)
        return rc;
    rc = file_read_at(fd, 0, head, sizeof head, &head_got, e);
    if (rc == 0)
        rc = file_read_at(fd, len - GZIP_TAIL_BYTES, ret_tail, GZIP_TAIL_BYTES, &tail_got, e);
    *ret_is = rc == 0 && head_got == sizeof head && tail_got == GZIP_TAIL_BYTES &&
              head[0] == 0x1f && head[1] == 0x8b;
    return rc;
}

int content_packed_length(int gzip_fd, bool *ret_is_gzip, uint32_t *ret_len, struct err *e)
{
    uint8_t tail[GZIP_TAIL_BYTES] = {0};
    int rc = read_gzip_tail(gzip_fd, tail, ret_is_gzip, e);
    *ret_len = bytes_get_u32(tail + 4);
    return rc;
}

int content_is_packed(int gzip_fd, int fd, uint64_t len, _Atomic uint64_t *beats, bool *ret_same,
                      struct err *e)
{
    uint8_t tail[GZIP_TAIL_BYTES];
    bool is_gzip;
    *ret_same = false;
    int rc = read_gzip_tail(gzip_fd, tail, &is_gzip, e);
    if (rc != 0 || !is_gzip || bytes_get_u32(tail + 4) != (uint32_t)len)
        return rc;
    uint32_t crc = 0xffffffff;
    rc = read_pieces(fd, 0, len, beats, add_to_crc32, &crc, ret_same, e);
    *ret_same = *ret_same && (crc ^ 0xffffffff) == bytes_get_u32(tail);
    return rc;
}
