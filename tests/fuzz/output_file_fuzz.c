/* SPDX-License-Identifier: MIT */
/*
 * The cursor of an output and the file that it tells of, one of which somebody has exchanged, cut,
 * made longer or changed. What is refused has a reason and changes neither; whoever only looks hears
 * the same; what is opened goes on behind what was committed, and leaves that alone; and a bit that
 * flips in the last of it is noticed.
 */
#include "tests/fuzz/binary.h"

#include "common/hash.h"
#include "stages/kit/file_tail.h"
#include "stages/kit/output_file.h"
#include "stages/kit/rotation.h"
#include "stages/store/cursor.h"

#define LINE "a line that is new\n"

/* The parts of an input: choices, the payload of the cursor, and the file. */
enum {
    CHOICE_UNFIT,
    CHOICE_FLIP, /* 8 bytes */
    CHOICES = CHOICE_FLIP + 8,
};

enum { PART_PAYLOAD = 1, PART_FILE };

enum {
    UNFIT_LENGTH = 1u,
    UNFIT_IDENTITY = 2u,
    UNFIT_CRC = 4u,
    UNFIT_FILE = 8u,     /* there is none */
    UNFIT_PAYLOAD = 16u, /* likewise */
};

/* Places in the payload, as docs/protocol.md has them. */
enum {
    AT_SEQ = 0,
    AT_LENGTH = 8,
    AT_TAIL_CRC = 16,
    AT_ENDED = 20,
    AT_DEVICE = 24,
    AT_INODE = 32,
    AT_BIRTH = 40,
};

static void be_silent(const char *text)
{
    (void)text;
}

static void fit(uint8_t *payload, int dir_fd, struct fuzz_part file, uint8_t unfit)
{
    struct file_identity identity = {.inode = 0};
    struct err e;
    int fd = openat(dir_fd, "out", O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        ALWAYS(rotation_identify(fd, &identity, &e) == 0 && close(fd) == 0);
    if ((unfit & UNFIT_LENGTH) == 0)
        bytes_put_u64(payload + AT_LENGTH, bytes_get_u64(payload + AT_LENGTH) % (file.len + 1));
    if ((unfit & UNFIT_IDENTITY) == 0) {
        bytes_put_u64(payload + AT_DEVICE, identity.device);
        bytes_put_u64(payload + AT_INODE, identity.inode);
        bytes_put_u64(payload + AT_BIRTH, identity.birth_ns);
    }
    uint64_t length = bytes_get_u64(payload + AT_LENGTH), from = file_tail_start(length);
    if ((unfit & UNFIT_CRC) == 0 && length <= file.len)
        bytes_put_u32(payload + AT_TAIL_CRC,
                      length == 0 ? 0 : hash_crc32c(0, file.bytes + from, (size_t)(length - from)));
}

/* Puts both where they belong. Returns what the cursor says that is committed. */
static uint64_t put(int dir_fd, const struct fuzz_parts *parts)
{
    struct fuzz_part content = fuzz_part(parts, PART_PAYLOAD), file = fuzz_part(parts, PART_FILE);
    uint8_t unfit = fuzz_u8(fuzz_part(parts, 0), CHOICE_UNFIT);
    uint8_t payload[CURSOR_PAYLOAD_BYTES] = {0}, ignored[CURSOR_PAYLOAD_BYTES];
    struct cursor c;
    struct err e;
    bool found;
    fuzz_empty(dir_fd);
    if ((unfit & UNFIT_FILE) == 0)
        fuzz_put_file(dir_fd, "out", file.bytes, file.len);
    if ((unfit & UNFIT_PAYLOAD) != 0)
        return 0;
    memcpy(payload, content.bytes != NULL ? content.bytes : payload,
           content.len < sizeof payload ? content.len : sizeof payload);
    bytes_put_u64(payload + AT_SEQ, bytes_get_u64(payload + AT_SEQ) & SEQ_MAX);
    fit(payload, dir_fd, file, unfit);
    ALWAYS(cursor_open(&c, dir_fd, OUTPUT_MAGIC, false, ignored, &found, &e) == 0);
    ALWAYS(cursor_write(&c, OUTPUT_MAGIC, payload, &e) == 0);
    cursor_close(&c);
    return bytes_get_u64(payload + AT_LENGTH);
}

static int open_it(int dir_fd, struct output_file *o, bool has_cursor)
{
    struct err e = {0}, seen = {0};
    struct buf before = {0}, after = {0};
    bool there = fuzz_get_file(dir_fd, "out", &before);
    int looked = output_file_check(dir_fd, "out", RECORDS_LINES, dir_fd, dir_fd, &seen);
    fuzz_memory_begin();
    int rc = output_file_open(o, dir_fd, "out", RECORDS_LINES, dir_fd, false, 0, &e);
    fuzz_memory_end(64u << 10);
    ALWAYS(has_cursor ? (rc == 0) == (looked == 0) : looked == 0);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        ALWAYS(rc == ERR_MISMATCH || rc == ERR_CORRUPT);
        ALWAYS(fuzz_get_file(dir_fd, "out", &after) == there && before.len == after.len);
        ALWAYS(after.len == 0 || memcmp(before.data, after.data, after.len) == 0);
    }
    buf_done(&before);
    buf_done(&after);
    return rc;
}

/* Writes a line behind what is committed; what a former life has shown behind that stays. */
static void go_on(int dir_fd, struct output_file *o, uint64_t length, struct fuzz_part file)
{
    struct err e;
    struct buf *out, now = {0};
    seq_number seq = o->committed;
    const size_t len = sizeof LINE - 1;
    o->note = be_silent;
    if (seq < SEQ_MAX) {
        ALWAYS(output_file_begin(o, seq + 1, &out, &e) == 0);
        buf_add(out, LINE, len);
        ALWAYS(output_file_commit(o, seq + 1, &e) == 0);
        ALWAYS(fuzz_get_file(dir_fd, "out", &now) && now.len >= length + len);
        ALWAYS(length == 0 || memcmp(now.data, file.bytes, (size_t)length) == 0);
        ALWAYS(memcmp(now.data + length, LINE, len) == 0);
        size_t behind = (size_t)length + len;
        ALWAYS(now.len == (behind > file.len ? behind : file.len));
        ALWAYS(now.len == behind ||
               memcmp(now.data + behind, file.bytes + behind, now.len - behind) == 0);
        buf_done(&now);
    }
    output_file_close(o);
    struct output_file again;
    ALWAYS(open_it(dir_fd, &again, true) == 0 && again.committed == seq + (seq < SEQ_MAX ? 1 : 0));
    output_file_close(&again);
}

static void try_damage(int dir_fd, const struct fuzz_parts *parts, uint64_t length)
{
    struct output_file o;
    struct buf file = {0};
    uint64_t from = file_tail_start(length), flip = fuzz_u64(fuzz_part(parts, 0), CHOICE_FLIP);
    (void)put(dir_fd, parts);
    if (length == 0)
        return;
    ALWAYS(fuzz_get_file(dir_fd, "out", &file));
    file.data[from + flip / 8 % (length - from)] ^= (uint8_t)(1u << flip % 8);
    fuzz_put_file(dir_fd, "out", file.data, file.len);
    ALWAYS(open_it(dir_fd, &o, true) != 0);
    buf_done(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    uint8_t unfit = fuzz_u8(fuzz_part(&parts, 0), CHOICE_UNFIT);
    struct fuzz_part file = fuzz_part(&parts, PART_FILE);
    struct output_file o;
    int dir_fd = fuzz_directory();
    if ((unfit & UNFIT_FILE) != 0)
        file.len = 0;
    uint64_t length = put(dir_fd, &parts);
    if (open_it(dir_fd, &o, (unfit & UNFIT_PAYLOAD) == 0) != 0)
        return 0;
    /* Behind an orderly end, nothing is ours. */
    struct fuzz_part payload = fuzz_part(&parts, PART_PAYLOAD);
    bool ended = (fuzz_u64(payload, AT_ENDED) & UINT32_MAX) != 0;
    ALWAYS(!ended || (unfit & UNFIT_PAYLOAD) != 0 || file.len == length);
    go_on(dir_fd, &o, length, file);
    try_damage(dir_fd, &parts, length);
    return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    int dir_fd = fuzz_directory();
    for (seq_number last = 0; last < 4; last++) {
        struct output_file o;
        struct err e;
        struct buf *out, file = {0}, seed = {0};
        uint8_t choices[CHOICES] = {0}, payload[CURSOR_PAYLOAD_BYTES];
        bool found;
        ALWAYS(output_file_open(&o, dir_fd, "out", RECORDS_LINES, dir_fd, false, 0, &e) == 0);
        o.note = be_silent;
        for (seq_number seq = o.committed + 1; seq <= 100 * last; seq++) {
            ALWAYS(output_file_begin(&o, seq, &out, &e) == 0);
            buf_add_format(out, "{\"line\":%u,\"of\":\"an output\"}\n", (unsigned)seq);
        }
        if (last != 0)
            ALWAYS(output_file_commit(&o, 100 * last - (last == 3 ? 10 : 0), &e) == 0);
        output_file_close(&o);
        ALWAYS(cursor_read(dir_fd, OUTPUT_MAGIC, payload, &found, &e) == 0 && found);
        ALWAYS(fuzz_get_file(dir_fd, "out", &file));
        fuzz_add_part(&seed, choices, sizeof choices);
        fuzz_add_part(&seed, payload, 120);
        fuzz_add_part(&seed, file.data, file.len);
        fuzz_seed(&seed);
        buf_done(&seed);
        buf_done(&file);
    }
    return 0;
}
