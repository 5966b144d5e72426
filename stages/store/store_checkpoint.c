/* SPDX-License-Identifier: MIT */
#include "stages/store/store_checkpoint.h"

#include <fcntl.h>
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

#define CHECKPOINT_MAGIC 0x4b434842u /* "BHCK" */
#define BLOCK_MAGIC 0x4b4c4842u      /* "BHLK" */
#define END_MAGIC 0x444e4842u        /* "BHND" */

enum {
    BLOCK_AT_MAGIC = 0,
    BLOCK_AT_GROUP = 4,
    BLOCK_AT_COUNT = 8,
    BLOCK_AT_POSITION = 12,
    BLOCK_AT_CRC = 20,
    BLOCK_HEADER_BYTES = 24,
};

enum {
    END_AT_MAGIC = 0,
    END_AT_ENTRIES = 4,
    END_AT_CRC = 12,
    END_BYTES = 16,
};

/*
 * How much of a block is in memory at a time, and is written or read between two beats: a group may
 * have any number of entries.
 */
#define BLOCK_PIECE_BYTES (1u << 20)
/* How much to wait for at a time, before the rest is synced in one call. */
#define WRITTEN_PIECE_BYTES (UINT64_C(16) << 20)

static const char *name_of(uint64_t number, char ret_name[STORE_FILE_NAME_BYTES_MAX])
{
    (void)snprintf(ret_name, STORE_FILE_NAME_BYTES_MAX, "store.%" PRIu64 ".checkpoint", number);
    return ret_name;
}

int store_checkpoint_begin(struct store_checkpoint *c, int dir_fd, struct store_file_header *header,
                           const struct image_form *form, struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    *c = (struct store_checkpoint){.fd = -1, .len = STORE_HEADER_BYTES, .form = form};
    int rc = store_file_begin(dir_fd, name_of(header->number, name), CHECKPOINT_MAGIC, header,
                              &c->fd, e);
    c->seed = rc == 0 ? store_file_seed(header) : 0;
    return rc;
}

static int write_piece(const struct store_checkpoint *c, uint64_t at, const struct buf *piece,
                       struct err *e)
{
    int rc = file_write_at(c->fd, at, piece->data, piece->len, e);
    if (rc == 0)
        file_begin_write_out(c->fd, at, piece->len);
    return rc;
}

/*
 * Writes the pieces of a block after the first one, whose checksum is crc. Then writes the checksum
 * of the whole block into its head. *at is then the end of the block.
 */
static int write_rest(const struct store_checkpoint *c, struct image_dump *dump, uint32_t crc,
                      uint64_t *at, struct buf *scratch, struct err *e)
{
    uint8_t crc_bytes[4];
    int rc = 0;
    while (rc == 0 && !image_dump_is_at_end(dump)) {
        beat_once(dump->image->beats);
        buf_reset(scratch);
        (void)image_dump_next(dump, BLOCK_PIECE_BYTES, scratch);
        crc = hash_crc32c(crc, scratch->data, scratch->len);
        rc = write_piece(c, *at, scratch, e);
        *at += scratch->len;
    }
    bytes_put_u32(crc_bytes, crc);
    return rc == 0 ? file_write_at(c->fd, c->len + BLOCK_AT_CRC, crc_bytes, sizeof crc_bytes, e)
                   : rc;
}

/*
 * Writes a block with the entries of a walk (NULL: none). *ret_end is then the end of the block. A
 * block that could not be written is written again from its beginning.
 */
static int write_block(const struct store_checkpoint *c, struct image_dump *dump,
                       seq_number position, struct buf *scratch, uint64_t *ret_end,
                       uint32_t *ret_count, struct err *e)
{
    buf_reset(scratch);
    (void)buf_reserve(scratch, BLOCK_HEADER_BYTES);
    scratch->len = BLOCK_HEADER_BYTES;
    uint32_t count = dump != NULL ? image_dump_next(dump, BLOCK_PIECE_BYTES, scratch) : 0;
    bool is_whole = dump == NULL || image_dump_is_at_end(dump);
    count += is_whole ? 0 : image_dump_left(dump);
    uint8_t *block = scratch->data;
    bytes_put_u32(block + BLOCK_AT_MAGIC, BLOCK_MAGIC);
    bytes_put_u32(block + BLOCK_AT_GROUP, c->next_group);
    bytes_put_u32(block + BLOCK_AT_COUNT, count);
    bytes_put_u64(block + BLOCK_AT_POSITION, position);
    uint32_t crc = hash_crc32c(c->seed, block, BLOCK_AT_CRC);
    crc = hash_crc32c(crc, block + BLOCK_HEADER_BYTES, scratch->len - BLOCK_HEADER_BYTES);
    bytes_put_u32(block + BLOCK_AT_CRC, crc);
    *ret_end = c->len + scratch->len;
    *ret_count = count;
    int rc = write_piece(c, c->len, scratch, e);
    return rc == 0 && !is_whole ? write_rest(c, dump, crc, ret_end, scratch, e) : rc;
}

int store_checkpoint_write_group(struct store_checkpoint *c, const struct image *image,
                                 seq_number position, struct buf *scratch, struct err *e)
{
    REQUIRE(c->fd >= 0 && c->next_group < KEY_GROUPS);
    struct image_dump dump;
    uint64_t end = 0;
    uint32_t count = 0;
    if (image != NULL)
        image_dump_init(&dump, image, c->next_group, c->form);
    int rc = write_block(c, image != NULL ? &dump : NULL, position, scratch, &end, &count, e);
    if (image != NULL)
        image_dump_done(&dump);
    if (rc != 0)
        return err_wrap(e, "checkpoint");
    c->len = end;
    c->entries += count;
    c->next_group++;
    return 0;
}

/* A slow disk may need minutes for the whole file. A single sync would look like a hung stage. */
static int wait_in_pieces(const struct store_checkpoint *c, _Atomic uint64_t *beats, struct err *e)
{
    int rc = 0;
    for (uint64_t at = 0; rc == 0 && at < c->len; at += WRITTEN_PIECE_BYTES) {
        beat_once(beats);
        rc = file_wait_written(c->fd, at, WRITTEN_PIECE_BYTES, e);
    }
    return rc;
}

int store_checkpoint_finish(struct store_checkpoint *c, int dir_fd, uint64_t number, bool durable,
                            _Atomic uint64_t *beats, struct err *e)
{
    uint8_t end[END_BYTES];
    bytes_put_u32(end + END_AT_MAGIC, END_MAGIC);
    bytes_put_u64(end + END_AT_ENTRIES, c->entries);
    bytes_put_u32(end + END_AT_CRC, hash_crc32c(c->seed, end, END_AT_CRC));
    int rc = file_write_at(c->fd, c->len, end, sizeof end, e);
    /* A block that was only partly written, because space ran out, may have been longer. */
    if (rc == 0)
        rc = file_truncate(c->fd, c->len + sizeof end, e);
    if (rc == 0 && durable)
        rc = wait_in_pieces(c, beats, e);
    char name[STORE_FILE_NAME_BYTES_MAX];
    if (rc == 0)
        rc = file_replace_finish(dir_fd, name_of(number, name), c->fd, c->len + sizeof end, durable,
                                 e);
    store_checkpoint_abandon(c);
    return rc == 0 ? 0 : err_wrap(e, "checkpoint");
}

void store_checkpoint_abandon(struct store_checkpoint *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    *c = (struct store_checkpoint){.fd = -1};
}

int store_checkpoint_open(int dir_fd, uint64_t number, int *ret_fd,
                          struct store_file_header *ret_header, struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    return store_file_open(dir_fd, name_of(number, name), CHECKPOINT_MAGIC, number, ret_fd,
                           ret_header, e);
}

static size_t slot_bytes(const struct store_file_header *header)
{
    return (header->expires ? 24 : 16) + (size_t)header->value_len;
}

static bool is_block(const uint8_t *block, unsigned group)
{
    return bytes_get_u32(block + BLOCK_AT_MAGIC) == BLOCK_MAGIC &&
           bytes_get_u32(block + BLOCK_AT_GROUP) == group;
}

/* Puts the entries of a piece of a block into an image. False: an entry is of another group. */
static bool put_entries(const uint8_t *slots, size_t len, unsigned group,
                        const struct store_file_header *header, struct image *image)
{
    size_t slot_size = slot_bytes(header), value_at = header->expires ? 24 : 16;
    for (size_t at = 0; at < len; at += slot_size) {
        const uint8_t *slot = slots + at;
        struct hash128 key = {bytes_get_u64(slot), bytes_get_u64(slot + 8)};
        if (image_group(key) != group)
            return false;
        int64_t expires_at = header->expires ? (int64_t)bytes_get_u64(slot + 16) : STORE_NEVER;
        image_put(image, 0, key, expires_at, slot + value_at);
    }
    return true;
}

/*
 * Reads the block at the offset, piece by piece, and puts its entries into the image, unless that
 * is NULL. Copies its head. Returns whether it verifies; if not, the image must be discarded.
 */
static bool read_block(struct mapped_file *file, uint64_t offset, unsigned group,
                       const struct store_file_header *header, struct image *image,
                       uint8_t ret_head[BLOCK_HEADER_BYTES])
{
    const uint8_t *bytes = mapped_file_at(file, offset, BLOCK_HEADER_BYTES);
    if (bytes == NULL || !is_block(bytes, group))
        return false;
    memcpy(ret_head, bytes, BLOCK_HEADER_BYTES);
    uint64_t count = bytes_get_u32(ret_head + BLOCK_AT_COUNT), left = count * slot_bytes(header);
    offset += BLOCK_HEADER_BYTES;
    if (left > file->length - offset)
        return false;
    if (image != NULL)
        image_expect(image, group, count);
    uint32_t crc = hash_crc32c(store_file_seed(header), ret_head, BLOCK_AT_CRC);
    const size_t piece_bytes = BLOCK_PIECE_BYTES / slot_bytes(header) * slot_bytes(header);
    while (left > 0) {
        size_t len = left < piece_bytes ? (size_t)left : piece_bytes;
        bytes = mapped_file_at(file, offset, len);
        if (bytes == NULL || (image != NULL && !put_entries(bytes, len, group, header, image)))
            return false;
        crc = hash_crc32c(crc, bytes, len);
        offset += len;
        left -= len;
    }
    return crc == bytes_get_u32(ret_head + BLOCK_AT_CRC);
}

/* Reads the block at the offset into the image, and moves *offset to its end. */
static bool load_block(struct mapped_file *file, uint64_t *offset, unsigned group,
                       const struct store_file_header *header, struct image *image,
                       uint64_t *entries)
{
    uint8_t head[BLOCK_HEADER_BYTES];
    if (!read_block(file, *offset, group, header, image, head))
        return false;
    uint64_t count = bytes_get_u32(head + BLOCK_AT_COUNT);
    image_set_position(image, group, bytes_get_u64(head + BLOCK_AT_POSITION));
    *offset += BLOCK_HEADER_BYTES + count * slot_bytes(header);
    *entries += count;
    return true;
}

static bool is_end(struct mapped_file *file, uint64_t offset,
                   const struct store_file_header *header, uint64_t entries)
{
    const uint8_t *end = mapped_file_at(file, offset, END_BYTES);
    return end != NULL && file->length - offset == END_BYTES &&
           bytes_get_u32(end + END_AT_MAGIC) == END_MAGIC &&
           bytes_get_u64(end + END_AT_ENTRIES) == entries &&
           bytes_get_u32(end + END_AT_CRC) == hash_crc32c(store_file_seed(header), end, END_AT_CRC);
}

int store_checkpoint_load(int fd, const struct store_file_header *header, struct image *image,
                          _Atomic uint64_t *beats, struct err *e)
{
    char name[STORE_FILE_NAME_BYTES_MAX];
    (void)name_of(header->number, name);
    struct mapped_file file;
    mapped_file_init(&file, fd, beats, e);
    int rc = 0;
    uint64_t offset = STORE_HEADER_BYTES;
    uint64_t entries = 0;
    for (unsigned group = 0; rc == 0 && group < KEY_GROUPS; group++) {
        if (!load_block(&file, &offset, group, header, image, &entries) && file.rc == 0)
            rc = err_set(e, ERR_CORRUPT, "%s: a block does not verify (offset %" PRIu64 ")", name,
                         offset);
        rc = file.rc != 0 ? err_wrap(e, "%s", name) : rc;
    }
    if (rc == 0 && !is_end(&file, offset, header, entries))
        rc = file.rc != 0
                 ? err_wrap(e, "%s", name)
                 : err_set(e, ERR_CORRUPT, "%s: the end does not verify (offset %" PRIu64 ")", name,
                           offset);
    if (rc == 0)
        image_set_clock(image, 0, header->clock);
    mapped_file_done(&file);
    return rc;
}

/*
 * Reads only the heads of the blocks: the file may be large, and it is verified when it is loaded.
 * But a position that raises *most must be from a block that verifies.
 */
int store_checkpoint_raise(int fd, const struct store_file_header *header, seq_number *most,
                           struct err *e)
{
    struct mapped_file file;
    mapped_file_init(&file, fd, NULL, e);
    int rc = 0;
    uint64_t offset = STORE_HEADER_BYTES;
    for (unsigned group = 0; rc == 0 && group < KEY_GROUPS; group++) {
        uint8_t head[BLOCK_HEADER_BYTES];
        size_t len;
        rc = file_read_at(fd, offset, head, sizeof head, &len, e);
        if (rc != 0 || len < sizeof head || !is_block(head, group))
            break;
        seq_number position = bytes_get_u64(head + BLOCK_AT_POSITION);
        uint8_t again[BLOCK_HEADER_BYTES];
        if (position > *most && read_block(&file, offset, group, header, NULL, again))
            *most = position;
        rc = file.rc;
        offset += sizeof head + bytes_get_u32(head + BLOCK_AT_COUNT) * (uint64_t)slot_bytes(header);
    }
    mapped_file_done(&file);
    return rc;
}
