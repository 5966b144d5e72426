/* SPDX-License-Identifier: MIT */
#include "stages/host/quarantine.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/buf.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/file_replace.h"
#include "common/hash.h"
#include "common/memory.h"
#include "common/text.h"

#define QUARANTINE_MAGIC 0x55514842u /* "BHQU" */
#define QUARANTINE_VERSION 1u

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_OWNER = 8,
    AT_COUNT = 16,
    AT_CRC = 20, /* of all other bytes of the file */
    HEADER_BYTES = 24,
};

/* Fixed places, and texts padded with zeros: easy to check, at the cost of a few bytes. */
enum {
    ENTRY_AT_SEQ = 0,
    ENTRY_AT_CAUSE = 8,
    ENTRY_AT_WORDS = ENTRY_AT_CAUSE + QUARANTINE_CAUSE_BYTES_MAX + 1,
    ENTRY_BYTES = ENTRY_AT_WORDS + QUARANTINE_WORDS_BYTES_MAX + 1,
};
/* A worker adds up to QUARANTINE_ENTRIES_MAX, and may then inherit the lists of all others. */
#define FILE_ENTRIES_MAX ((size_t)QUARANTINE_ENTRIES_MAX * WORKERS_MAX)
#define FILE_BYTES_MAX (HEADER_BYTES + FILE_ENTRIES_MAX * ENTRY_BYTES)

static uint32_t crc_of(const uint8_t *bytes, size_t len)
{
    uint32_t crc = hash_crc32c(0, bytes, AT_CRC);
    return hash_crc32c(crc, bytes + HEADER_BYTES, len - HEADER_BYTES);
}

/*
 * Reads a text of at most bytes_max bytes that is padded with zeros. It ends up in a dead letter,
 * so it must be valid there. Returns whether it is a text that quarantine_write() could have made.
 */
static bool read_text(const uint8_t *at, size_t bytes_max, char *ret_text)
{
    memcpy(ret_text, at, bytes_max + 1);
    size_t len = strnlen(ret_text, bytes_max + 1);
    for (size_t i = len; i <= bytes_max; i++) {
        if (at[i] != 0)
            return false;
    }
    return len <= bytes_max && text_not_plain(ret_text) == NULL;
}

static int decode(const uint8_t *bytes, size_t len, const char *owner, struct quarantine *ret,
                  struct err *e)
{
    if (len < HEADER_BYTES)
        return err_set(e, ERR_CORRUPT, QUARANTINE_FILE ": cut off (offset %zu)", len);
    size_t count = bytes_get_u32(bytes + AT_COUNT);
    if (bytes_get_u32(bytes + AT_MAGIC) != QUARANTINE_MAGIC || count > FILE_ENTRIES_MAX ||
        len != HEADER_BYTES + count * ENTRY_BYTES ||
        bytes_get_u32(bytes + AT_CRC) != crc_of(bytes, len))
        return err_set(e, ERR_CORRUPT, QUARANTINE_FILE ": does not verify (offset 0)");
    if (bytes_get_u32(bytes + AT_VERSION) != QUARANTINE_VERSION)
        return err_set(e, ERR_MISMATCH,
                       QUARANTINE_FILE ": format version %u; this bulkhead reads version %u; use "
                                       "the one that wrote it, or start over with --fresh, which "
                                       "removes all state and empties the outputs",
                       bytes_get_u32(bytes + AT_VERSION), QUARANTINE_VERSION);
    if (bytes_get_u64(bytes + AT_OWNER) != hash_fnv1a(owner, strlen(owner)))
        return err_set(e, ERR_MISMATCH, QUARANTINE_FILE ": was written for another stage");
    ret->entries = memory_new(count, sizeof *ret->entries);
    ret->count = count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = bytes + HEADER_BYTES + i * ENTRY_BYTES;
        struct quarantine_entry *entry = &ret->entries[i];
        entry->seq = bytes_get_u64(at + ENTRY_AT_SEQ);
        if (!read_text(at + ENTRY_AT_CAUSE, QUARANTINE_CAUSE_BYTES_MAX, entry->cause) ||
            !read_text(at + ENTRY_AT_WORDS, QUARANTINE_WORDS_BYTES_MAX, entry->words))
            return err_set(e, ERR_CORRUPT, QUARANTINE_FILE ": has an invalid text (offset %zu)",
                           (size_t)(at - bytes));
        seq_number before = i == 0 ? 0 : ret->entries[i - 1].seq;
        if (entry->seq <= before || entry->seq > SEQ_MAX)
            return err_set(e, ERR_CORRUPT,
                           QUARANTINE_FILE ": seq %" PRIu64 " is out of order or too large "
                                           "(offset %zu)",
                           entry->seq, (size_t)(at - bytes));
    }
    return 0;
}

int quarantine_load(int dir_fd, const char *owner, struct quarantine *ret_quarantine, struct err *e)
{
    struct quarantine loaded = {0};
    int fd;
    int rc = file_open(dir_fd, QUARANTINE_FILE, O_RDONLY | O_NOFOLLOW, 0, &fd, e);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        return rc;
    if (rc == 0) {
        struct buf bytes = {0};
        rc = file_read_whole(fd, FILE_BYTES_MAX, &bytes, e);
        if (rc == ERR_RANGE)
            rc = err_set(e, ERR_CORRUPT, QUARANTINE_FILE ": is too long (offset %zu)",
                         FILE_BYTES_MAX);
        if (rc == 0)
            rc = decode(bytes.data, bytes.len, owner, &loaded, e);
        buf_done(&bytes);
        /* Its writer may have been killed before it synced: make it safe before acting on it. */
        if (rc == 0)
            rc = file_sync(fd, e);
        if (rc == 0)
            rc = file_sync_dir(dir_fd, e);
        (void)close(fd);
        if (rc != 0) {
            quarantine_done(&loaded);
            return rc;
        }
    }
    *ret_quarantine = loaded;
    return 0;
}

void quarantine_done(struct quarantine *quarantine)
{
    free(quarantine->entries);
    *quarantine = (struct quarantine){0};
}

const struct quarantine_entry *quarantine_find(const struct quarantine *quarantine, seq_number seq)
{
    size_t low = 0, high = quarantine->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (quarantine->entries[middle].seq < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low < quarantine->count && quarantine->entries[low].seq == seq
               ? &quarantine->entries[low]
               : NULL;
}

static void insert(struct quarantine *quarantine, const struct quarantine_entry *entry)
{
    quarantine->entries =
        memory_resize(quarantine->entries, quarantine->count + 1, sizeof *quarantine->entries);
    size_t at = quarantine->count++;
    for (; at > 0 && quarantine->entries[at - 1].seq > entry->seq; at--)
        quarantine->entries[at] = quarantine->entries[at - 1];
    quarantine->entries[at] = *entry;
}

void quarantine_merge(struct quarantine *quarantine, const struct quarantine *other)
{
    for (size_t i = 0; i < other->count; i++) {
        if (quarantine_find(quarantine, other->entries[i].seq) == NULL)
            insert(quarantine, &other->entries[i]);
    }
}

int quarantine_write(int dir_fd, const char *owner, const struct quarantine *quarantine,
                     struct err *e)
{
    size_t len = HEADER_BYTES + quarantine->count * ENTRY_BYTES;
    uint8_t *bytes = memory_new(len, 1);
    bytes_put_u32(bytes + AT_MAGIC, QUARANTINE_MAGIC);
    bytes_put_u32(bytes + AT_VERSION, QUARANTINE_VERSION);
    bytes_put_u64(bytes + AT_OWNER, hash_fnv1a(owner, strlen(owner)));
    bytes_put_u32(bytes + AT_COUNT, (uint32_t)quarantine->count);
    for (size_t i = 0; i < quarantine->count; i++) {
        const struct quarantine_entry *entry = &quarantine->entries[i];
        uint8_t *at = bytes + HEADER_BYTES + i * ENTRY_BYTES;
        bytes_put_u64(at + ENTRY_AT_SEQ, entry->seq);
        memcpy(at + ENTRY_AT_CAUSE, entry->cause, strlen(entry->cause));
        memcpy(at + ENTRY_AT_WORDS, entry->words, strlen(entry->words));
    }
    bytes_put_u32(bytes + AT_CRC, crc_of(bytes, len));
    int rc = file_replace(dir_fd, QUARANTINE_FILE, bytes, len, true, e);
    free(bytes);
    return rc;
}

int quarantine_rename(int dir_fd, const char *from, const char *to, struct err *e)
{
    struct quarantine quarantine = {0};
    int rc = quarantine_load(dir_fd, to, &quarantine, e);
    quarantine_done(&quarantine);
    if (rc != ERR_MISMATCH)
        return rc;
    rc = quarantine_load(dir_fd, from, &quarantine, e);
    if (rc == 0)
        rc = quarantine_write(dir_fd, to, &quarantine, e);
    quarantine_done(&quarantine);
    return rc;
}

int quarantine_add(int dir_fd, const char *owner, const struct quarantine_entry *entry,
                   struct err *e)
{
    struct quarantine quarantine;
    int rc = quarantine_load(dir_fd, owner, &quarantine, e);
    if (rc != 0)
        return rc;
    if (quarantine_find(&quarantine, entry->seq) != NULL) {
        rc = err_set(
            e, ERR_RANGE,
            "it is there already, but the stage died again while only making a dead letter of it; "
            "see its last words and its memory_max");
    } else if (quarantine.count >= QUARANTINE_ENTRIES_MAX) {
        rc = err_set(e, ERR_RANGE,
                     "%u records are in quarantine already; it is the stage that is broken, "
                     "not the records",
                     QUARANTINE_ENTRIES_MAX);
    } else {
        insert(&quarantine, entry);
        rc = quarantine_write(dir_fd, owner, &quarantine, e);
    }
    quarantine_done(&quarantine);
    return rc;
}
