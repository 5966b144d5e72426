/* SPDX-License-Identifier: MIT */
#include "stages/store/store_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/beat.h"
#include "common/bytes.h"
#include "common/check.h"
#include "common/file.h"
#include "common/file_replace.h"
#include "stages/store/mapped_file.h"

#define LOG_MAGIC 0x474c4842u   /* "BHLG" */
#define GROUP_MAGIC 0x52474842u /* "BHGR" */
enum {
    GROUP_AT_MAGIC = 0,
    GROUP_AT_BODY_LEN = 4,
    GROUP_AT_FIRST = 8,
    GROUP_AT_LAST = 16,
    GROUP_AT_NONCE = 24, /* XOR the offset of the group in the file */
    GROUP_AT_SPARE = 32,
    GROUP_AT_CRC = 36,
};
_Static_assert(GROUP_AT_CRC + 4 == STORE_GROUP_HEADER_BYTES, "the CRC ends the header");

enum log_op {
    LOG_PUT = 1,
    LOG_CLOCK = 2,
};

const char *store_log_name(uint64_t number, char ret_name[STORE_FILE_NAME_BYTES_MAX])
{
    (void)snprintf(ret_name, STORE_FILE_NAME_BYTES_MAX, "store.%" PRIu64 ".log", number);
    return ret_name;
}

int store_log_create(int dir_fd, struct store_file_header *header, bool durable, int *ret_fd,
                     struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    int fd;
    int rc =
        store_file_begin(dir_fd, store_log_name(header->number, name), LOG_MAGIC, header, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_replace_finish(dir_fd, name, fd, STORE_HEADER_BYTES, durable, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "%s", name);
    }
    *ret_fd = fd;
    return 0;
}

int store_log_open(int dir_fd, uint64_t number, int *ret_fd, struct store_file_header *ret_header,
                   struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    return store_file_open(dir_fd, store_log_name(number, name), LOG_MAGIC, number, ret_fd,
                           ret_header, e);
}

void store_log_add_put(struct buf *body, const struct store_spec *spec, struct hash128 key,
                       int64_t expires_at, const void *value)
{
    size_t value_at = spec->expires ? 25 : 17;
    uint8_t *at = buf_reserve(body, value_at + spec->value_len);
    at[0] = LOG_PUT;
    bytes_put_u64(at + 1, key.low);
    bytes_put_u64(at + 9, key.high);
    if (spec->expires)
        bytes_put_u64(at + 17, (uint64_t)expires_at);
    if (spec->value_len != 0)
        memcpy(at + value_at, value, spec->value_len);
    body->len += value_at + spec->value_len;
}

void store_log_add_clock(struct buf *body, int64_t clock)
{
    uint8_t *at = buf_reserve(body, 9);
    at[0] = LOG_CLOCK;
    bytes_put_u64(at + 1, (uint64_t)clock);
    body->len += 9;
}

/*
 * One record may change gigabytes. A disk may need minutes to write that, and without beats the
 * stage would be taken for hung.
 */
static int write_in_pieces(int fd, uint64_t offset, const uint8_t *bytes, size_t len,
                           _Atomic uint64_t *beats, struct err *e)
{
    if (len <= STORE_WRITE_PIECE_BYTES)
        return file_write_at(fd, offset, bytes, len, e);
    int rc = 0;
    for (size_t at = 0; rc == 0 && at < len; at += STORE_WRITE_PIECE_BYTES) {
        size_t piece = len - at < STORE_WRITE_PIECE_BYTES ? len - at : STORE_WRITE_PIECE_BYTES;
        beat_once(beats);
        rc = file_write_at(fd, offset + at, bytes + at, piece, e);
        if (rc == 0)
            file_begin_write_out(fd, offset + at, piece);
    }
    return rc;
}

int store_log_sync(int fd, uint64_t offset, uint64_t len, _Atomic uint64_t *beats, struct err *e)
{
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && len > STORE_WRITE_PIECE_BYTES && at < len;
         at += STORE_WRITE_PIECE_BYTES) {
        beat_once(beats);
        rc = file_wait_written(fd, offset + at, STORE_WRITE_PIECE_BYTES, e);
    }
    return rc == 0 ? file_sync(fd, e) : rc;
}

int store_log_write(int fd, uint64_t nonce, uint64_t offset, seq_number first, seq_number last,
                    const uint8_t *body, size_t body_len, struct buf *scratch,
                    _Atomic uint64_t *beats, struct err *e)
{
    REQUIRE(body_len <= STORE_GROUP_BODY_BYTES_MAX && first <= last);
    buf_reset(scratch);
    uint8_t *group = buf_reserve(scratch, STORE_GROUP_HEADER_BYTES + body_len);
    bytes_put_u32(group + GROUP_AT_MAGIC, GROUP_MAGIC);
    bytes_put_u32(group + GROUP_AT_BODY_LEN, (uint32_t)body_len);
    bytes_put_u64(group + GROUP_AT_FIRST, first);
    bytes_put_u64(group + GROUP_AT_LAST, last);
    bytes_put_u64(group + GROUP_AT_NONCE, nonce ^ offset);
    bytes_put_u32(group + GROUP_AT_SPARE, 0);
    if (body_len != 0)
        memcpy(group + STORE_GROUP_HEADER_BYTES, body, body_len);
    uint32_t crc = hash_crc32c(0, group, GROUP_AT_CRC);
    crc = hash_crc32c(crc, group + STORE_GROUP_HEADER_BYTES, body_len);
    bytes_put_u32(group + GROUP_AT_CRC, crc);
    return write_in_pieces(fd, offset, group, STORE_GROUP_HEADER_BYTES + body_len, beats, e);
}

/*
 * The good group at an offset, valid until the next access to the log; NULL if there is none. A
 * group that was written for another place, or without knowledge of the nonce, does not count.
 */
static const uint8_t *group_at(struct mapped_file *log, uint64_t nonce, uint64_t offset,
                               size_t *ret_body_len)
{
    const uint8_t *group = mapped_file_at(log, offset, STORE_GROUP_HEADER_BYTES);
    if (group == NULL || bytes_get_u32(group + GROUP_AT_MAGIC) != GROUP_MAGIC ||
        bytes_get_u64(group + GROUP_AT_NONCE) != (nonce ^ offset) ||
        bytes_get_u32(group + GROUP_AT_SPARE) != 0)
        return NULL;
    size_t body_len = bytes_get_u32(group + GROUP_AT_BODY_LEN);
    group = mapped_file_at(log, offset, STORE_GROUP_HEADER_BYTES + (uint64_t)body_len);
    if (group == NULL)
        return NULL;
    uint32_t crc = hash_crc32c(0, group, GROUP_AT_CRC);
    crc = hash_crc32c(crc, group + STORE_GROUP_HEADER_BYTES, body_len);
    *ret_body_len = body_len;
    return crc == bytes_get_u32(group + GROUP_AT_CRC) ? group : NULL;
}

/* Whether there is a good group anywhere after an offset. If so, a bad one there is not torn. */
static bool group_behind(struct mapped_file *log, uint64_t nonce, uint64_t offset)
{
    for (uint64_t at = offset + 1; at + STORE_GROUP_HEADER_BYTES <= log->length; at++) {
        const uint8_t *magic = mapped_file_at(log, at, sizeof(uint32_t));
        size_t body_len;
        if (magic == NULL)
            return false; /* the error is in log->rc */
        if (bytes_get_u32(magic) == GROUP_MAGIC && group_at(log, nonce, at, &body_len) != NULL)
            return true;
    }
    return false;
}

static bool apply_body(struct image *image, const uint8_t *at, const uint8_t *end,
                       const struct store_file_header *header)
{
    size_t value_at = header->expires ? 25 : 17;
    size_t put_len = value_at + header->value_len;
    while (at < end) {
        size_t left = (size_t)(end - at);
        if (*at == LOG_CLOCK && left >= 9) {
            image_set_clock(image, 0, (int64_t)bytes_get_u64(at + 1));
            at += 9;
        } else if (*at == LOG_PUT && left >= put_len) {
            struct hash128 key = {bytes_get_u64(at + 1), bytes_get_u64(at + 9)};
            int64_t expires_at = header->expires ? (int64_t)bytes_get_u64(at + 17) : STORE_NEVER;
            image_put(image, 0, key, expires_at, at + value_at);
            at += put_len;
        } else {
            return false;
        }
    }
    return true;
}

int store_log_replay(int fd, const struct store_file_header *header, bool torn_ok,
                     struct image *image, _Atomic uint64_t *beats, uint64_t *ret_len,
                     seq_number *ret_last, uint64_t *ret_tail, struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    (void)store_log_name(header->number, name);
    struct mapped_file log;
    mapped_file_init(&log, fd, beats, e);
    int rc = 0;
    uint64_t offset = STORE_HEADER_BYTES;
    uint64_t tail = offset;
    seq_number last = header->start_seq;
    while (rc == 0 && log.rc == 0 && offset < log.length) {
        size_t body_len = 0;
        const uint8_t *group = group_at(&log, header->nonce, offset, &body_len);
        if (group == NULL) {
            if (!torn_ok || group_behind(&log, header->nonce, offset))
                rc = err_set(e, ERR_CORRUPT, "%s: a group does not verify (offset %" PRIu64 ")",
                             name, offset);
            break;
        }
        beat_once(beats);
        const uint8_t *body = group + STORE_GROUP_HEADER_BYTES;
        seq_number group_first = bytes_get_u64(group + GROUP_AT_FIRST);
        seq_number group_last = bytes_get_u64(group + GROUP_AT_LAST);
        if (group_first != last + 1 || group_last < group_first ||
            (image != NULL && !apply_body(image, body, body + body_len, header))) {
            rc = err_set(e, ERR_CORRUPT,
                         "%s: a group does not follow from the one before it (offset %" PRIu64 ")",
                         name, offset);
            break;
        }
        last = group_last;
        tail = offset;
        offset += STORE_GROUP_HEADER_BYTES + body_len;
    }
    if (log.rc != 0)
        rc = err_wrap(e, "%s", name);
    mapped_file_done(&log);
    if (rc == 0) {
        *ret_len = offset;
        *ret_last = last;
        *ret_tail = tail;
    }
    return rc;
}
