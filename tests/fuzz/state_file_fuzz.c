/* SPDX-License-Identifier: MIT */
/*
 * The small files of a state directory that are read as a whole: the quarantine of a stage, the
 * number of its workers, and the pid in the lock. What is refused has a reason that names the file;
 * what is taken is what a writer can have written, and, written again, is the same file to the
 * byte; and a bit that flips on the disk is noticed.
 */
#include "tests/fuzz/binary.h"

#include "common/hash.h"
#include "common/text.h"
#include "ipc/lock_holder.h"
#include "stages/host/layout_p.h"
#include "stages/host/quarantine.h"

#define OWNER "topology/stage"
/* An entry is as long in memory as in the file; a file is read whole, and written whole. */
#define ASKED_BYTES(len) ((256u << 10) + 8 * (len))

/* The parts of an input: choices, and the content. */
enum {
    CHOICE_FILE,
    CHOICE_UNFIT,
    CHOICE_FLIP, /* 8 bytes */
    CHOICES = CHOICE_FLIP + 8,
};

enum file { QUARANTINE, WORKERS, LOCK, FILES };

static const char *const names[] = {QUARANTINE_FILE, LAYOUT_FILE, LOCK_HOLDER_FILE};

enum {
    UNFIT_CRC = 1u,
    UNFIT_COUNT = 2u,
};

/* Places in the files, as docs/protocol.md has them. */
enum {
    QUARANTINE_AT_COUNT = 16,
    QUARANTINE_AT_CRC = 20,
    QUARANTINE_HEADER_BYTES = 24,
    QUARANTINE_ENTRY_BYTES = 585,
    WORKERS_AT_CRC = 28,
    WORKERS_BYTES = 32,
};

/* --- seeds --- */

static void add_seed(enum file which, struct buf *content)
{
    uint8_t choices[CHOICES] = {[CHOICE_FILE] = (uint8_t)which};
    struct buf seed = {0};
    fuzz_add_part(&seed, choices, sizeof choices);
    fuzz_add_part(&seed, content->data, content->len);
    fuzz_seed(&seed);
    buf_done(&seed);
    buf_done(content);
}

static void add_file(int dir_fd, enum file which)
{
    struct buf content = {0};
    ALWAYS(fuzz_get_file(dir_fd, names[which], &content));
    add_seed(which, &content);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    int dir_fd = fuzz_directory();
    struct err e;
    struct quarantine none = {.count = 0};
    ALWAYS(quarantine_write(dir_fd, OWNER, &none, &e) == 0);
    add_file(dir_fd, QUARANTINE);
    for (unsigned i = 1; i < 4; i++) {
        struct quarantine_entry entry = {.seq = 5 * i,
                                         .cause = "was killed by signal 11 (SIGSEGV)"};
        (void)snprintf(entry.words, sizeof entry.words, "%s", i == 2 ? "last \\x00 words" : "");
        ALWAYS(quarantine_add(dir_fd, OWNER, &entry, &e) == 0);
        add_file(dir_fd, QUARANTINE);
    }
    struct layout_file workers = {.workers = 3, .secret = "fifteen letters"};
    ALWAYS(layout_file_write(dir_fd, &workers, &e) == 0);
    add_file(dir_fd, WORKERS);
    struct buf pid = {0};
    buf_add_text(&pid, "1234\n");
    add_seed(LOCK, &pid);
    return 0;
}

/* --- what is made of them --- */

static void expect_reason(int rc, const struct err *e, enum file which)
{
    ALWAYS_REASON(rc, e);
    ALWAYS((rc == ERR_CORRUPT || rc == ERR_MISMATCH) && strstr(e->text, names[which]) != NULL);
}

static void expect_text(const char *text, size_t bytes_max)
{
    ALWAYS(strnlen(text, bytes_max + 1) <= bytes_max && text_not_plain(text) == NULL);
}

static void write_quarantine(int dir_fd, const struct quarantine *q)
{
    struct err e;
    for (size_t i = 0; i < q->count; i++) {
        const struct quarantine_entry *entry = &q->entries[i];
        ALWAYS(entry->seq != 0 && entry->seq <= SEQ_MAX && quarantine_find(q, entry->seq) == entry);
        expect_text(entry->cause, QUARANTINE_CAUSE_BYTES_MAX);
        expect_text(entry->words, QUARANTINE_WORDS_BYTES_MAX);
    }
    ALWAYS(quarantine_write(dir_fd, OWNER, q, &e) == 0);
}

/* Reads a file, and writes what was read in its place. */
static int read_and_write(int dir_fd, enum file which, size_t len)
{
    struct err e = {0};
    struct quarantine quarantine = {.count = 0};
    struct layout_file workers = {.workers = 0};
    int rc = 0;
    fuzz_memory_begin();
    if (which == QUARANTINE)
        rc = quarantine_load(dir_fd, OWNER, &quarantine, &e);
    else
        rc = layout_file_read(dir_fd, &workers, &e);
    fuzz_memory_end(ASKED_BYTES(len));
    if (rc != 0) {
        expect_reason(rc, &e, which);
        return rc;
    }
    ALWAYS(unlinkat(dir_fd, names[which], 0) == 0);
    if (which == QUARANTINE)
        write_quarantine(dir_fd, &quarantine);
    else
        ALWAYS(layout_file_write(dir_fd, &workers, &e) == 0);
    quarantine_done(&quarantine);
    return 0;
}

/* The checksum, and the number of entries, that content of this length has. */
static void fit(enum file which, uint8_t *bytes, size_t len, uint8_t unfit)
{
    if (which == WORKERS && len == WORKERS_BYTES && (unfit & UNFIT_CRC) == 0)
        bytes_put_u32(bytes + WORKERS_AT_CRC, hash_crc32c(0, bytes, WORKERS_AT_CRC));
    if (which != QUARANTINE || len < QUARANTINE_HEADER_BYTES)
        return;
    size_t entries = (len - QUARANTINE_HEADER_BYTES) / QUARANTINE_ENTRY_BYTES;
    if ((unfit & UNFIT_COUNT) == 0)
        bytes_put_u32(bytes + QUARANTINE_AT_COUNT, (uint32_t)entries);
    uint32_t crc = hash_crc32c(0, bytes, QUARANTINE_AT_CRC);
    crc = hash_crc32c(crc, bytes + QUARANTINE_HEADER_BYTES, len - QUARANTINE_HEADER_BYTES);
    if ((unfit & UNFIT_CRC) == 0)
        bytes_put_u32(bytes + QUARANTINE_AT_CRC, crc);
}

static void try_file(int dir_fd, enum file which, uint8_t *bytes, size_t len, uint64_t flip)
{
    fuzz_put_file(dir_fd, names[which], bytes, len);
    if (read_and_write(dir_fd, which, len) != 0)
        return;
    struct buf again = {0};
    ALWAYS(fuzz_get_file(dir_fd, names[which], &again));
    ALWAYS(again.len == len && memcmp(again.data, bytes, len) == 0);
    buf_done(&again);
    bytes[flip / 8 % len] ^= (uint8_t)(1u << flip % 8);
    fuzz_put_file(dir_fd, names[which], bytes, len);
    ALWAYS(read_and_write(dir_fd, which, len) != 0);
}

/* Whatever the lock says, nobody is asked for whom one may not ask, and it is not us. */
static void try_lock(int dir_fd, const uint8_t *bytes, size_t len)
{
    fuzz_put_file(dir_fd, LOCK_HOLDER_FILE, bytes, len);
    long pid = lock_holder_pid(dir_fd);
    ALWAYS(pid > 0 || !lock_holder_is_at_work(dir_fd, pid));
    ALWAYS(!lock_holder_is_at_work(dir_fd, (long)getpid()));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part choices = fuzz_part(&parts, 0), content = fuzz_part(&parts, 1);
    enum file which = (enum file)(fuzz_u8(choices, CHOICE_FILE) % FILES);
    uint8_t *bytes = malloc(content.len != 0 ? content.len : 1);
    if (content.len != 0)
        memcpy(bytes, content.bytes, content.len);
    int dir_fd = fuzz_directory();
    if (which == LOCK) {
        try_lock(dir_fd, bytes, content.len);
    } else {
        /* A quarantine may be long, and is made of entries of one length. */
        size_t len = content.len;
        if (which == QUARANTINE && (fuzz_u8(choices, CHOICE_UNFIT) & UNFIT_COUNT) == 0 &&
            len >= QUARANTINE_HEADER_BYTES)
            len -= (len - QUARANTINE_HEADER_BYTES) % QUARANTINE_ENTRY_BYTES;
        fit(which, bytes, len, fuzz_u8(choices, CHOICE_UNFIT));
        try_file(dir_fd, which, bytes, len, fuzz_u64(choices, CHOICE_FLIP));
    }
    free(bytes);
    return 0;
}
