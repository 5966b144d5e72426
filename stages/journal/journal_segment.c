/* SPDX-License-Identifier: MIT */
#include "stages/journal/journal_segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/file_replace.h"
#include "common/hash.h"
#include "common/memory.h"
#include "common/random.h"

#define SEGMENT_MAGIC 0x534a4842u /* "BHJS" */
#define JOURNAL_VERSION 2u        /* its records are lines */
#define JOURNAL_VERSION_PACKED 3u /* its records are msgpack values */
#define NAME_PREFIX "journal."
#define NAME_DIGITS 8
#define TORN_KEPT 64u /* for how many segments a torn piece is kept */

enum {
    SEGMENT_AT_MAGIC = 0,
    SEGMENT_AT_VERSION = 4,
    SEGMENT_AT_NUMBER = 8,
    SEGMENT_AT_OWNER = 16,
    SEGMENT_AT_NEXT_SEQ = 24,
    SEGMENT_AT_LINES = 32,
    SEGMENT_AT_OFFSET = 40,
    SEGMENT_AT_CARRY = 48,
    SEGMENT_AT_STREAM = 56,
    SEGMENT_AT_FLAGS = 64,
    SEGMENT_AT_CHAIN = 68,
    SEGMENT_AT_BOOT = 72,
    SEGMENT_AT_NONCE = 88,
    SEGMENT_AT_WALK = 96,
    SEGMENT_AT_CRC = 124,
};

enum {
    FLAG_CARRY_BLANK = 1u,
    FLAG_ENDED = 2u,
    FLAG_FIRST = 4u,
    FLAG_CARRY_MARK = 8u,
    FLAG_LOST = 16u,
};

_Static_assert(SEGMENT_AT_CRC + 4 == JOURNAL_HEADER_BYTES, "the CRC ends the header");
_Static_assert(SEGMENT_AT_WALK + PACKED_WALK_BYTES <= SEGMENT_AT_CRC, "there is room for it");

uint64_t journal_owner(const char *topology, const char *stage)
{
    char *text = memory_format("%s\n%s\n", topology, stage);
    uint64_t owner = hash_fnv1a(text, strlen(text));
    free(text);
    return owner;
}

/* The number in the name of a segment; 0 if it is not the name of one. */
static uint64_t number_of(const char *name)
{
    const size_t prefix_len = sizeof NAME_PREFIX - 1;
    if (strncmp(name, NAME_PREFIX, prefix_len) != 0)
        return 0;
    const char *digits = name + prefix_len;
    size_t len = strspn(digits, "0123456789");
    if (len < NAME_DIGITS || len > 18 || digits[len] != '\0' ||
        (len > NAME_DIGITS && *digits == '0'))
        return 0;
    return strtoull(digits, NULL, 10);
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y ? 1 : 0;
}

int journal_segment_list(int dir_fd, uint64_t **ret_numbers, size_t *ret_count, struct err *e)
{
    int fd;
    int rc = file_open(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, &fd, e);
    if (rc != 0)
        return rc;
    DIR *dir = fdopendir(fd);
    if (dir == NULL) {
        rc = err_set_errno(e, "cannot list the journal");
        (void)close(fd);
        return rc;
    }
    uint64_t *numbers = NULL;
    size_t count = 0, capacity = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        uint64_t number = number_of(entry->d_name);
        if (number == 0)
            continue;
        if (count == capacity) {
            capacity = capacity != 0 ? 2 * capacity : 16;
            numbers = memory_resize(numbers, capacity, sizeof *numbers);
        }
        numbers[count++] = number;
    }
    (void)closedir(dir);
    if (count != 0)
        qsort(numbers, count, sizeof *numbers, compare_numbers);
    *ret_numbers = numbers;
    *ret_count = count;
    return 0;
}

static void set_name(struct journal_segment *s)
{
    (void)snprintf(s->name, sizeof s->name, NAME_PREFIX "%0*" PRIu64, NAME_DIGITS, s->number);
}

static int corrupt(const struct journal_segment *s, uint64_t at, const char *what, struct err *e)
{
    return err_set(e, ERR_CORRUPT, "%s does not verify at offset %" PRIu64 ": %s", s->name, at,
                   what);
}

/* Whether these numbers are possible. Beyond them, counting on would wrap to 0. */
static bool can_be(const struct journal_state *state)
{
    return state->next_seq != 0 && state->next_seq <= SEQ_MAX && state->offset <= INT64_MAX &&
           state->lines <= state->offset && state->carry <= state->offset;
}

static int decode_header(struct journal_segment *s, const uint8_t *bytes, struct err *e)
{
    if (bytes_get_u32(bytes + SEGMENT_AT_MAGIC) != SEGMENT_MAGIC ||
        bytes_get_u32(bytes + SEGMENT_AT_CRC) != hash_crc32c(0, bytes, SEGMENT_AT_CRC))
        return corrupt(s, 0, "the header of the segment is damaged", e);
    uint32_t version = bytes_get_u32(bytes + SEGMENT_AT_VERSION);
    bool packed = version == JOURNAL_VERSION_PACKED;
    if (version != JOURNAL_VERSION && !packed)
        return err_set(e, ERR_MISMATCH,
                       "%s has format version %u; this bulkhead reads versions %u and %u; let the "
                       "one that wrote it finish the run, or start over with --fresh, which "
                       "removes all state and empties the outputs",
                       s->name, version, JOURNAL_VERSION, JOURNAL_VERSION_PACKED);
    if (bytes_get_u64(bytes + SEGMENT_AT_NUMBER) != s->number)
        return corrupt(s, 0, "it is another segment, renamed", e);
    uint32_t flags = bytes_get_u32(bytes + SEGMENT_AT_FLAGS);
    s->owner = bytes_get_u64(bytes + SEGMENT_AT_OWNER);
    s->begin = (struct journal_state){.next_seq = bytes_get_u64(bytes + SEGMENT_AT_NEXT_SEQ),
                                      .lines = bytes_get_u64(bytes + SEGMENT_AT_LINES),
                                      .offset = bytes_get_u64(bytes + SEGMENT_AT_OFFSET),
                                      .carry = bytes_get_u64(bytes + SEGMENT_AT_CARRY),
                                      .carry_blank = (flags & FLAG_CARRY_BLANK) != 0,
                                      .ended = (flags & FLAG_ENDED) != 0,
                                      .first = (flags & FLAG_FIRST) != 0,
                                      .carry_mark = (flags & FLAG_CARRY_MARK) != 0,
                                      .packed = packed,
                                      .lost = packed && (flags & FLAG_LOST) != 0,
                                      .stream = bytes_get_u64(bytes + SEGMENT_AT_STREAM),
                                      .nonce = bytes_get_u64(bytes + SEGMENT_AT_NONCE),
                                      .chain = bytes_get_u32(bytes + SEGMENT_AT_CRC)};
    if (packed)
        s->begin.walk = packed_walk_get(bytes + SEGMENT_AT_WALK);
    if (!can_be(&s->begin))
        return corrupt(s, SEGMENT_AT_NEXT_SEQ, "it begins at an impossible position", e);
    s->previous_chain = bytes_get_u32(bytes + SEGMENT_AT_CHAIN);
    memcpy(s->boot, bytes + SEGMENT_AT_BOOT, sizeof s->boot);
    return 0;
}

static void encode_header(struct journal_segment *s, uint8_t *bytes)
{
    memset(bytes, 0, JOURNAL_HEADER_BYTES);
    bytes_put_u32(bytes + SEGMENT_AT_MAGIC, SEGMENT_MAGIC);
    bytes_put_u32(bytes + SEGMENT_AT_VERSION,
                  s->begin.packed ? JOURNAL_VERSION_PACKED : JOURNAL_VERSION);
    bytes_put_u64(bytes + SEGMENT_AT_NUMBER, s->number);
    bytes_put_u64(bytes + SEGMENT_AT_OWNER, s->owner);
    bytes_put_u64(bytes + SEGMENT_AT_NEXT_SEQ, s->begin.next_seq);
    bytes_put_u64(bytes + SEGMENT_AT_LINES, s->begin.lines);
    bytes_put_u64(bytes + SEGMENT_AT_OFFSET, s->begin.offset);
    bytes_put_u64(bytes + SEGMENT_AT_CARRY, s->begin.carry);
    bytes_put_u64(bytes + SEGMENT_AT_STREAM, s->begin.stream);
    bytes_put_u32(bytes + SEGMENT_AT_FLAGS, (s->begin.carry_blank ? FLAG_CARRY_BLANK : 0) |
                                                (s->begin.ended ? FLAG_ENDED : 0) |
                                                (s->begin.first ? FLAG_FIRST : 0) |
                                                (s->begin.carry_mark ? FLAG_CARRY_MARK : 0) |
                                                (s->begin.lost ? FLAG_LOST : 0));
    if (s->begin.packed)
        packed_walk_put(&s->begin.walk, bytes + SEGMENT_AT_WALK);
    bytes_put_u32(bytes + SEGMENT_AT_CHAIN, s->previous_chain);
    memcpy(bytes + SEGMENT_AT_BOOT, s->boot, sizeof s->boot);
    bytes_put_u64(bytes + SEGMENT_AT_NONCE, s->begin.nonce);
    s->begin.chain = hash_crc32c(0, bytes, SEGMENT_AT_CRC);
    bytes_put_u32(bytes + SEGMENT_AT_CRC, s->begin.chain);
}

int journal_segment_open(int dir_fd, uint64_t number, int flags, struct journal_segment *ret_s,
                         struct err *e)
{
    struct journal_segment s = {.fd = -1, .number = number};
    set_name(&s);
    int rc = file_open(dir_fd, s.name, flags | O_NOFOLLOW, 0, &s.fd, e);
    if (rc != 0)
        return rc;
    uint8_t bytes[JOURNAL_HEADER_BYTES];
    size_t got = 0;
    rc = file_read_at(s.fd, 0, bytes, sizeof bytes, &got, e);
    if (rc == 0 && got < sizeof bytes)
        rc = corrupt(&s, got, "the header of the segment is cut off", e);
    if (rc == 0)
        rc = decode_header(&s, bytes, e);
    if (rc != 0) {
        (void)close(s.fd);
        return rc;
    }
    *ret_s = s;
    return 0;
}

bool journal_segment_follows(const struct journal_segment *s, const struct journal_state *end)
{
    return s->begin.packed == end->packed && s->begin.next_seq == end->next_seq &&
           s->begin.lines == end->lines && s->begin.offset == end->offset &&
           s->begin.carry == end->carry && s->begin.carry_blank == end->carry_blank &&
           s->begin.ended == end->ended && s->previous_chain == end->chain;
}

/* A segment always has its header. */
int journal_segment_create(int dir_fd, struct journal_segment *s, bool durable, struct err *e)
{
    set_name(s);
    uint8_t bytes[JOURNAL_HEADER_BYTES];
    int rc = random_nonce(&s->begin.nonce, e);
    if (rc != 0)
        return err_wrap(e, "%s", s->name);
    encode_header(s, bytes);
    int fd;
    rc = file_replace_begin(dir_fd, s->name, &fd, e);
    if (rc != 0)
        return rc;
    rc = file_write_at(fd, 0, bytes, sizeof bytes, e);
    if (rc == 0)
        rc = file_replace_finish(dir_fd, s->name, fd, sizeof bytes, durable, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "%s", s->name);
    }
    s->fd = fd;
    return 0;
}

int journal_segment_renew(const struct journal_segment *s, const uint8_t *header,
                          const struct journal_block *block, const uint8_t *bytes, struct err *e)
{
    int rc = file_write_at(s->fd, block->at + JOURNAL_BLOCK_HEADER_BYTES, bytes, block->len, e);
    if (rc == 0)
        rc = file_write_at(s->fd, block->at, header, JOURNAL_BLOCK_HEADER_BYTES, e);
    return rc == 0 ? file_sync(s->fd, e) : rc;
}

/* Reads bytes of a segment; fewer than asked for only at the end of the file. */
static int read_at(const struct journal_segment *s, uint64_t at, uint8_t *bytes, size_t len,
                   size_t *ret_got, struct err *e)
{
    struct journal_window *w = s->window;
    if (w == NULL || len > sizeof w->bytes)
        return file_read_at(s->fd, at, bytes, len, ret_got, e);
    if (at < w->from || at + len > w->from + w->len) {
        w->from = at;
        int rc = file_read_at(s->fd, at, w->bytes, sizeof w->bytes, &w->len, e);
        if (rc != 0) {
            w->len = 0;
            return rc;
        }
    }
    size_t have = (size_t)(w->from + w->len - at);
    *ret_got = have < len ? have : len;
    if (*ret_got != 0)
        memcpy(bytes, w->bytes + (at - w->from), *ret_got);
    return 0;
}

/* Reads the bytes after a header. Returns ERR_END if the file has fewer. */
static int read_payload(const struct journal_segment *s, uint64_t at, uint32_t len,
                        uint8_t *payload, struct err *e)
{
    size_t got;
    int rc = read_at(s, at + JOURNAL_BLOCK_HEADER_BYTES, payload, len, &got, e);
    return rc == 0 && got < len ? ERR_END : rc;
}

int journal_segment_read(const struct journal_segment *s, uint64_t at,
                         const struct journal_state *before, uint8_t *payload,
                         struct journal_block *ret_block, struct err *e)
{
    static const uint8_t zeros[JOURNAL_BLOCK_HEADER_BYTES];
    uint8_t found[JOURNAL_BLOCK_HEADER_BYTES];
    uint64_t file_len = 0;
    size_t got;
    int rc = read_at(s, at, found, sizeof found, &got, e);
    if (rc == 0 && got == 0)
        return ERR_END;
    bool without = rc == 0 && got == sizeof found && memcmp(found, zeros, sizeof found) == 0;
    if (without)
        rc = file_length(s->fd, &file_len, e);
    if (rc != 0)
        return err_wrap(e, "%s", s->name);
    if (without && file_len > at + JOURNAL_BLOCK_HEADER_BYTES)
        return ERR_AGAIN;
    if (got < sizeof found)
        return corrupt(s, at, "the header of a block is cut off", e);
    uint32_t len = bytes_get_u32(found + BLOCK_AT_LEN);
    if (bytes_get_u32(found + BLOCK_AT_MAGIC) != JOURNAL_BLOCK_MAGIC || len > JOURNAL_BLOCK_BYTES ||
        bytes_get_u32(found + BLOCK_AT_CRC) != hash_crc32c(before->chain, found, BLOCK_AT_CRC))
        return corrupt(s, at, "the header of a block is damaged, or belongs elsewhere", e);
    rc = read_payload(s, at, len, payload, e);
    if (rc == ERR_END)
        return corrupt(s, at, "a block is cut off", e);
    if (rc != 0)
        return err_wrap(e, "%s", s->name);
    /* The header must be the one that we would write here. */
    uint8_t wanted[JOURNAL_BLOCK_HEADER_BYTES];
    struct journal_block block;
    journal_block_make(at, before, payload, len, &block, wanted);
    if (memcmp(found, wanted, sizeof found) != 0)
        return corrupt(s, at, "the bytes of a block are damaged", e);
    *ret_block = block;
    return 0;
}

int journal_segment_remove_torn(int dir_fd, uint64_t number, struct err *e)
{
    if (number <= TORN_KEPT)
        return 0;
    struct journal_segment old = {.number = number - TORN_KEPT};
    char name[JOURNAL_NAME_BYTES + 8];
    set_name(&old);
    (void)snprintf(name, sizeof name, "%s.torn", old.name);
    return file_remove(dir_fd, name, e);
}
