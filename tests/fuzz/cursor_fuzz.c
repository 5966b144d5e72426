/* SPDX-License-Identifier: MIT */
/*
 * The cursor file of a source or a sink: two slots, of which a kill, a loss of power or a bad disk
 * has left anything. Whatever it is, both ways to open it say the same; what they give is a payload
 * that verifies, the newest; what is written then is read back; and damage to that slot gives the
 * other one, or is refused, but is never taken for content.
 */
#include "tests/fuzz/binary.h"

#include "common/hash.h"
#include "stages/store/cursor.h"

#define MAGIC 0x12345678u
#define ASKED_BYTES_MAX (64u << 10)

/* The parts of an input: choices, and the two slots. */
enum {
    CHOICE_UNFIT, /* two bits for each slot */
    CHOICE_DURABLE,
    CHOICE_FLIP, /* 8 bytes */
    CHOICES = CHOICE_FLIP + 8,
};

enum { PART_SLOT = 1 };

enum {
    UNFIT_CRC = 1u,
    UNFIT_MORE_CRC = 2u,
};

/* Places in a slot, as docs/protocol.md has them. */
enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_COUNTER = 8,
    AT_PAYLOAD = 16,
    AT_CRC = 136,
    AT_MORE = 140,
    AT_MORE_CRC = 260,
    SLOT_BYTES = 264,
    SHORT_BYTES = 140,
    SLOT_DISTANCE = 4096,
};

static void add_seed(unsigned writes, bool is_long)
{
    int dir_fd = fuzz_directory();
    struct cursor c;
    struct err e;
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0}, choices[CHOICES] = {0};
    bool found;
    ALWAYS(cursor_open(&c, dir_fd, MAGIC, false, payload, &found, &e) == 0 && !found);
    for (unsigned i = 0; i < writes; i++) {
        bytes_put_u64(payload, 1000 + i);
        payload[20] = (uint8_t)(i + 1);
        payload[200] = is_long ? (uint8_t)(i + 1) : 0;
        ALWAYS(cursor_write(&c, MAGIC, payload, &e) == 0);
    }
    cursor_close(&c);
    struct buf file = {0}, seed = {0};
    ALWAYS(fuzz_get_file(dir_fd, "cursor", &file));
    size_t second = file.len > SLOT_DISTANCE ? file.len - SLOT_DISTANCE : 0;
    fuzz_add_part(&seed, choices, sizeof choices);
    fuzz_add_part(&seed, file.data, file.len < SLOT_BYTES ? file.len : SLOT_BYTES);
    fuzz_add_part(&seed, second != 0 ? file.data + SLOT_DISTANCE : NULL, second);
    fuzz_seed(&seed);
    buf_done(&file);
    buf_done(&seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    for (unsigned writes = 0; writes < 4; writes++) {
        add_seed(writes, false);
        add_seed(writes, true);
    }
    return 0;
}

struct read {
    int rc;
    bool found;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
};

static void expect_reason(int rc, const struct err *e)
{
    if (rc == 0)
        return;
    ALWAYS_REASON(rc, e);
    ALWAYS((rc == ERR_CORRUPT || rc == ERR_MISMATCH) && strstr(e->text, "cursor") != NULL);
}

static struct read read_it(int dir_fd)
{
    struct read r = {.found = false};
    struct err e = {0};
    fuzz_memory_begin();
    r.rc = cursor_read(dir_fd, MAGIC, r.payload, &r.found, &e);
    fuzz_memory_end(ASKED_BYTES_MAX);
    expect_reason(r.rc, &e);
    return r;
}

static bool same(const struct read *a, const struct read *b)
{
    return a->rc == b->rc && (a->rc != 0 || a->found == b->found) &&
           (a->rc != 0 || !a->found || memcmp(a->payload, b->payload, sizeof a->payload) == 0);
}

/* Opens it, and writes one more payload into it. */
static void write_on(int dir_fd, bool durable, const struct read *before)
{
    struct cursor c;
    struct err e = {0};
    struct read opened = {.found = false};
    opened.rc = cursor_open(&c, dir_fd, MAGIC, durable, opened.payload, &opened.found, &e);
    expect_reason(opened.rc, &e);
    ALWAYS(same(before, &opened));
    if (opened.rc != 0)
        return;
    struct read again = read_it(dir_fd); /* a durable one was written anew */
    ALWAYS(same(before, &again));
    for (unsigned i = 0; i < 3; i++) {
        bytes_put_u64(opened.payload, 77 + i);
        opened.payload[230] = (uint8_t)i;
        opened.found = true;
        ALWAYS(cursor_write(&c, MAGIC, opened.payload, &e) == 0);
        again = read_it(dir_fd);
        ALWAYS(same(&opened, &again));
    }
    cursor_close(&c);
}

static void fit(uint8_t *slot, size_t len, uint8_t unfit)
{
    if (len >= SHORT_BYTES && (unfit & UNFIT_CRC) == 0)
        bytes_put_u32(slot + AT_CRC, hash_crc32c(0, slot, AT_CRC));
    if (len >= SLOT_BYTES && (unfit & UNFIT_MORE_CRC) == 0)
        bytes_put_u32(slot + AT_MORE_CRC, hash_crc32c(bytes_get_u32(slot + AT_CRC), slot + AT_MORE,
                                                      AT_MORE_CRC - AT_MORE));
}

/* Writes both slots into the file, and makes their checksums fit. */
static void put_slots(int dir_fd, const struct fuzz_parts *parts, struct buf *file)
{
    struct fuzz_part choices = fuzz_part(parts, 0);
    buf_reset(file);
    for (unsigned i = 0; i < 2; i++) {
        struct fuzz_part slot = fuzz_part(parts, PART_SLOT + i);
        if (slot.len == 0)
            continue;
        size_t at = i * SLOT_DISTANCE, len = slot.len < SLOT_BYTES ? slot.len : SLOT_BYTES;
        uint8_t *bytes = buf_reserve(file, 2 * SLOT_DISTANCE);
        if (at > file->len)
            memset(bytes, 0, at - file->len);
        file->len = at + len;
        memcpy(file->data + at, slot.bytes, len);
        fit(file->data + at, len, (uint8_t)(fuzz_u8(choices, CHOICE_UNFIT) >> (2 * i)));
    }
    fuzz_put_file(dir_fd, "cursor", file->data, file->len);
}

static bool is_long(const struct buf *file, size_t slot)
{
    return file->len >= slot + SLOT_BYTES && bytes_get_u32(file->data + slot + AT_VERSION) == 3;
}

/* Whether a slot says what was read. */
static bool says(const struct buf *file, size_t slot, const struct read *read)
{
    static const uint8_t zeros[AT_MORE_CRC - AT_MORE];
    const size_t part = AT_CRC - AT_PAYLOAD;
    return file->len >= slot + SHORT_BYTES &&
           memcmp(file->data + slot + AT_PAYLOAD, read->payload, part) == 0 &&
           memcmp(is_long(file, slot) ? file->data + slot + AT_MORE : zeros, read->payload + part,
                  sizeof zeros) == 0;
}

/* The slot that gave what was read. */
static size_t newest_slot(const struct buf *file, const struct read *read)
{
    bool first = says(file, 0, read), second = says(file, SLOT_DISTANCE, read);
    ALWAYS(first || second);
    return second && (!first || bytes_get_u64(file->data + SLOT_DISTANCE + AT_COUNTER) >
                                    bytes_get_u64(file->data + AT_COUNTER))
               ? SLOT_DISTANCE
               : 0;
}

/* A bit of what was read flips on the disk. */
static void damage(int dir_fd, const struct buf *file, const struct read *before, uint64_t flip)
{
    size_t slot = newest_slot(file, before), other = slot == 0 ? SLOT_DISTANCE : 0;
    size_t place = slot + flip / 8 % (is_long(file, slot) ? SLOT_BYTES : SHORT_BYTES);
    uint8_t *bytes = malloc(file->len);
    memcpy(bytes, file->data, file->len);
    bytes[place] ^= (uint8_t)(1u << flip % 8);
    fuzz_put_file(dir_fd, "cursor", bytes, file->len);
    free(bytes);
    struct read after = read_it(dir_fd);
    /* Then it is what the other slot says; and of a cursor with one slot, the first write, nothing. */
    ALWAYS(after.rc != 0 || (after.found ? says(file, other, &after) : slot == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part choices = fuzz_part(&parts, 0);
    struct buf file = {0};
    int dir_fd = fuzz_directory();
    put_slots(dir_fd, &parts, &file);
    struct read first = read_it(dir_fd);
    if (first.rc == 0 && first.found)
        damage(dir_fd, &file, &first, fuzz_u64(choices, CHOICE_FLIP));
    put_slots(dir_fd, &parts, &file);
    write_on(dir_fd, fuzz_u8(choices, CHOICE_DURABLE) % 2 != 0, &first);
    buf_done(&file);
    return 0;
}
