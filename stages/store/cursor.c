/* SPDX-License-Identifier: MIT */
#include "stages/store/cursor.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"

#define CURSOR_FILE "cursor"
#define CURSOR_VERSION 3u
/* The version without what version 3 added. A payload whose added part is zero is written so. */
#define CURSOR_VERSION_SHORT 2u
/* The slots are in different pages, so that no torn page or sector damages both. */
#define SLOT_DISTANCE 4096u

enum {
    SLOT_AT_MAGIC = 0,
    SLOT_AT_VERSION = 4,
    SLOT_AT_COUNTER = 8,
    SLOT_AT_PAYLOAD = 16,
    SHORT_PAYLOAD_BYTES = 120,
    MORE_PAYLOAD_BYTES = CURSOR_PAYLOAD_BYTES - SHORT_PAYLOAD_BYTES,
    SLOT_AT_CRC = 16 + SHORT_PAYLOAD_BYTES,
    SLOT_BYTES_SHORT = SLOT_AT_CRC + 4,
    SLOT_AT_MORE = SLOT_BYTES_SHORT,
    SLOT_AT_MORE_CRC = SLOT_AT_MORE + MORE_PAYLOAD_BYTES,
    SLOT_BYTES = SLOT_AT_MORE_CRC + 4,
};

struct slot {
    bool whole;
    uint32_t magic;
    uint32_t version;
    uint64_t counter;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
};

static const uint8_t zeros[SLOT_BYTES];

/* The CRC of the added part. It continues that of the first part, so the two belong together. */
static uint32_t more_crc(const uint8_t bytes[SLOT_BYTES])
{
    return hash_crc32c(bytes_get_u32(bytes + SLOT_AT_CRC), bytes + SLOT_AT_MORE,
                       MORE_PAYLOAD_BYTES);
}

static int slot_read(int fd, unsigned index, struct slot *slot, bool *ret_empty, struct err *e)
{
    uint8_t bytes[SLOT_BYTES];
    size_t got;
    if (file_read_at(fd, (uint64_t)index * SLOT_DISTANCE, bytes, sizeof bytes, &got, e) != 0)
        return err_wrap(e, CURSOR_FILE);
    *ret_empty = got == 0 || memcmp(bytes, zeros, got) == 0;
    slot->whole = got >= SLOT_BYTES_SHORT &&
                  bytes_get_u32(bytes + SLOT_AT_CRC) == hash_crc32c(0, bytes, SLOT_AT_CRC);
    if (!slot->whole)
        return 0;
    slot->magic = bytes_get_u32(bytes + SLOT_AT_MAGIC);
    slot->version = bytes_get_u32(bytes + SLOT_AT_VERSION);
    slot->counter = bytes_get_u64(bytes + SLOT_AT_COUNTER);
    memcpy(slot->payload, bytes + SLOT_AT_PAYLOAD, SHORT_PAYLOAD_BYTES);
    if (slot->version != CURSOR_VERSION)
        return 0;
    slot->whole = got == SLOT_BYTES && bytes_get_u32(bytes + SLOT_AT_MORE_CRC) == more_crc(bytes);
    memcpy(slot->payload + SHORT_PAYLOAD_BYTES, bytes + SLOT_AT_MORE, MORE_PAYLOAD_BYTES);
    return 0;
}

static int refuse_version(uint32_t version, struct err *e)
{
    return err_set(e, ERR_MISMATCH,
                   CURSOR_FILE ": format version %u; this bulkhead reads versions %u and %u; use "
                               "the one that wrote it, or start over with --fresh, which removes "
                               "all state and empties the outputs",
                   version, CURSOR_VERSION_SHORT, CURSOR_VERSION);
}

/* Beyond these numbers, counting on would wrap to 0, and old would be taken for new. */
static int check_numbers(const struct slot *slot, uint64_t offset, struct err *e)
{
    uint64_t seq = bytes_get_u64(slot->payload);
    if (seq <= SEQ_MAX && slot->counter != 0 && slot->counter <= INT64_MAX)
        return 0;
    return err_set(e, ERR_CORRUPT,
                   CURSOR_FILE ": has seq %" PRIu64 " and counter %" PRIu64 " (offset %" PRIu64
                               "), which are impossible",
                   seq, slot->counter, offset);
}

static int choose_slot(struct cursor *c, uint32_t magic, uint8_t ret_payload[CURSOR_PAYLOAD_BYTES],
                       bool *ret_found, struct err *e)
{
    struct slot slots[2] = {0};
    bool empty[2];
    for (unsigned i = 0; i < 2; i++) {
        int rc = slot_read(c->fd, i, &slots[i], &empty[i], e);
        if (rc != 0)
            return rc;
    }
    if (!slots[0].whole && !slots[1].whole) {
        /* Nothing relied on a first write that was torn. */
        if (!empty[1])
            return err_set(e, ERR_CORRUPT, CURSOR_FILE ": neither slot verifies (offsets 0, %u)",
                           SLOT_DISTANCE);
        *ret_found = false;
        return 0;
    }
    bool second = slots[1].whole && (!slots[0].whole || slots[1].counter > slots[0].counter);
    const struct slot *newest = &slots[second ? 1 : 0];
    if (newest->magic != magic)
        return err_set(e, ERR_MISMATCH, CURSOR_FILE " was written by another kind of stage");
    if (newest->version != CURSOR_VERSION && newest->version != CURSOR_VERSION_SHORT)
        return refuse_version(newest->version, e);
    int rc = check_numbers(newest, second ? SLOT_DISTANCE : 0, e);
    if (rc != 0)
        return rc;
    c->counter = newest->counter;
    memcpy(ret_payload, newest->payload, CURSOR_PAYLOAD_BYTES);
    *ret_found = true;
    return 0;
}

static int write_slot(struct cursor *c, uint64_t counter, uint32_t magic,
                      const uint8_t payload[CURSOR_PAYLOAD_BYTES], struct err *e)
{
    uint8_t bytes[SLOT_BYTES];
    bool more = memcmp(payload + SHORT_PAYLOAD_BYTES, zeros, MORE_PAYLOAD_BYTES) != 0;
    bytes_put_u32(bytes + SLOT_AT_MAGIC, magic);
    bytes_put_u32(bytes + SLOT_AT_VERSION, more ? CURSOR_VERSION : CURSOR_VERSION_SHORT);
    bytes_put_u64(bytes + SLOT_AT_COUNTER, counter);
    memcpy(bytes + SLOT_AT_PAYLOAD, payload, SHORT_PAYLOAD_BYTES);
    bytes_put_u32(bytes + SLOT_AT_CRC, hash_crc32c(0, bytes, SLOT_AT_CRC));
    memcpy(bytes + SLOT_AT_MORE, payload + SHORT_PAYLOAD_BYTES, MORE_PAYLOAD_BYTES);
    bytes_put_u32(bytes + SLOT_AT_MORE_CRC, more_crc(bytes));
    /* The first write goes to slot 0, so if slot 1 is empty, a torn slot 0 was the first write. */
    uint64_t offset = ((counter - 1) & 1) * SLOT_DISTANCE;
    int rc = file_write_at(c->fd, offset, bytes, more ? SLOT_BYTES : SLOT_BYTES_SHORT, e);
    return rc == 0 && c->durable ? file_sync(c->fd, e) : rc;
}

int cursor_open(struct cursor *c, int dir_fd, uint32_t magic, bool durable,
                uint8_t ret_payload[CURSOR_PAYLOAD_BYTES], bool *ret_found, struct err *e)
{
    *c = (struct cursor){.dir_fd = dir_fd, .fd = -1, .durable = durable};
    int rc = file_open(dir_fd, CURSOR_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &c->fd, e);
    if (rc == 0)
        rc = choose_slot(c, magic, ret_payload, ret_found, e);
    if (rc == 0 && durable && !*ret_found)
        rc = file_sync_dir(dir_fd, e);
    /*
     * The process that wrote this may have been killed before it synced, or its sync may have
     * failed, after which the kernel regards the page as clean. So it is written again before we
     * act on it.
     */
    if (rc == 0 && durable && *ret_found && write_slot(c, c->counter, magic, ret_payload, e) != 0)
        rc = err_wrap(e, CURSOR_FILE);
    if (rc != 0)
        cursor_close(c);
    return rc;
}

int cursor_read(int dir_fd, uint32_t magic, uint8_t ret_payload[CURSOR_PAYLOAD_BYTES],
                bool *ret_found, struct err *e)
{
    struct cursor c = {.fd = -1};
    *ret_found = false;
    int rc = file_open(dir_fd, CURSOR_FILE, O_RDWR | O_NOFOLLOW, 0, &c.fd, e);
    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc == 0)
        rc = choose_slot(&c, magic, ret_payload, ret_found, e);
    cursor_close(&c);
    return rc;
}

int cursor_write(struct cursor *c, uint32_t magic, const uint8_t payload[CURSOR_PAYLOAD_BYTES],
                 struct err *e)
{
    /* Writing repairs a file that was truncated, but would be lost in one that was removed. */
    int rc = file_check_in_place(c->dir_fd, CURSOR_FILE, c->fd, 0, e);
    if (rc != 0)
        return rc;
    rc = write_slot(c, c->counter + 1, magic, payload, e);
    if (rc != 0)
        return err_wrap(e, CURSOR_FILE);
    c->counter++;
    return 0;
}

void cursor_close(struct cursor *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
}
