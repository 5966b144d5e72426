/* SPDX-License-Identifier: MIT */
/*
 * The journal on a real directory and real pipes. What went in comes out, whatever the sizes. Any
 * damaged byte and any truncation is noticed or does no harm. What a kill or a loss of power leaves
 * is completed or cut off.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/memory.h"
#include "stages/journal/journal.h"
#include "stages/kit/line_records.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

struct fixture {
    char directory[64];
    int dir_fd;
    int pipe[2];
    struct journal_config config;
    struct journal *journal;
    uint64_t read_to;
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-journal-XXXXXX");
    if (mkdtemp(f->directory) == NULL || pipe2(f->pipe, O_CLOEXEC | O_NONBLOCK) != 0)
        return -1;
    f->dir_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->config = (struct journal_config){.dir_fd = f->dir_fd,
                                        .owner = journal_owner("t", "in"),
                                        .boot = "boot 1",
                                        .stream = 0x100000001};
    *state = f;
    return f->dir_fd >= 0 ? 0 : -1;
}

static void remove_files(const struct fixture *f)
{
    DIR *dir = opendir(f->directory);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.')
            (void)unlinkat(f->dir_fd, entry->d_name, 0);
    }
    (void)closedir(dir);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    journal_free(f->journal);
    remove_files(f);
    for (int i = 0; i < 2; i++)
        (void)close(f->pipe[i]);
    (void)close(f->dir_fd);
    int rc = rmdir(f->directory);
    free(f);
    return rc;
}

static void open_good(struct fixture *f)
{
    struct err e;
    f->read_to = f->config.acked.offset;
    if (journal_open(&f->config, &f->journal, &e) != 0)
        fail_msg("%s", e.text);
}

static void close_it(struct fixture *f)
{
    journal_free(f->journal);
    f->journal = NULL;
}

/* Writes bytes to the pipe and moves them into the journal, after reading what is there already. */
static void feed(struct fixture *f, const void *bytes, size_t len)
{
    struct err e;
    assert_int_equal(write(f->pipe[1], bytes, len), len);
    int rc;
    do {
        uint8_t skipped[4096];
        size_t got;
        while ((rc = journal_read(f->journal, f->read_to, skipped, sizeof skipped, &got, &e)) ==
                   0 ||
               rc == ERR_END)
            f->read_to += rc == 0 ? got : 0;
        assert_int_equal(rc, ERR_AGAIN);
        rc = journal_take(f->journal, f->pipe[0], &e);
    } while (rc == 0);
    assert_int_equal(rc, ERR_AGAIN);
}

static void feed_text(struct fixture *f, const char *text)
{
    feed(f, text, strlen(text));
}

/* All lines after the acked place: "line|", or "line!" if unterminated. Or the error. */
static int read_lines(struct fixture *f, struct buf *out, struct err *e)
{
    struct record_reader reader;
    record_reader_init(&reader, &line_records, 1000, journal_read, journal_begins_stream,
                       f->journal);
    record_reader_set(&reader, f->config.acked.offset, 0, false);
    int rc;
    struct record_cut line;
    while ((rc = record_reader_next(&reader, &line, e)) == 0 || rc == ERR_END ||
           rc == ERR_UNFINISHED) {
        if (rc != 0)
            continue;
        buf_add(out, line.bytes, line.len);
        buf_add_byte(out, line.unterminated ? '!' : '|');
    }
    record_reader_done(&reader);
    return rc;
}

static void check_lines(struct fixture *f, const char *wanted)
{
    struct buf out = {0};
    struct err e;
    close_it(f);
    open_good(f);
    assert_int_equal(read_lines(f, &out, &e), ERR_AGAIN);
    assert_string_equal(buf_text(&out), wanted);
    buf_done(&out);
}

static void what_went_in_comes_out(void **state)
{
    struct fixture *f = *state;
    open_good(f);
    feed_text(f, "one\ntw");
    feed_text(f, "o\n\n \t\r\nthree\r\nfo");
    assert_int_equal(journal_last(f->journal), 3);
    check_lines(f, "one|two|| \t|three|");
    f->config.acked = (struct journal_place){.seq = 2, .line = 2, .offset = 8};
    check_lines(f, "| \t|three|");
}

static void an_end_completes_the_line(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    feed_text(f, "one\ntw");
    assert_int_equal(journal_end(f->journal, &e), 0);
    assert_int_equal(journal_end(f->journal, &e), 0);
    feed_text(f, "three\n");
    assert_int_equal(journal_last(f->journal), 3);
    check_lines(f, "one|tw!three|");
}

/* The end of the input has a seq, but only once after a record. */
static void an_end_of_the_input_is_counted(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    assert_int_equal(journal_mark_end(f->journal, &e), 0);
    assert_int_equal(journal_last(f->journal), 0);
    feed_text(f, "one\n");
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(journal_mark_end(f->journal, &e), 0);
        assert_int_equal(journal_last(f->journal), 2);
    }
    f->config.stream = 2; /* a segment knows whether one was before it */
    close_it(f);
    open_good(f);
    assert_int_equal(journal_mark_end(f->journal, &e), 0);
    assert_int_equal(journal_last(f->journal), 2);
    feed_text(f, " \n");
    assert_int_equal(journal_mark_end(f->journal, &e), 0);
    assert_int_equal(journal_last(f->journal), 2);
    feed_text(f, "two\n");
    assert_int_equal(journal_last(f->journal), 3);
    check_lines(f, "one| |two|");
    f->config.acked = (struct journal_place){.seq = 1, .line = 1, .offset = 4};
    check_lines(f, " |two|");
    assert_int_equal(faccessat(f->dir_fd, "journal.00000001", F_OK, 0), 0);
    f->config.acked.seq = 2;
    check_lines(f, " |two|");
    assert_int_equal(faccessat(f->dir_fd, "journal.00000001", F_OK, 0), -1);
    f->config.acked.seq = 3;
    close_it(f);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_MISMATCH);
}

/* Another stream does not continue a line. The same one does, and so does one kept open. */
static void a_line_belongs_to_one_stream(void **state)
{
    struct fixture *f = *state;
    open_good(f);
    feed_text(f, "ab");
    close_it(f);
    open_good(f);
    feed_text(f, "cd");
    close_it(f);
    f->config.stream = 0x200000001;
    f->config.stream_kept = true;
    open_good(f);
    feed_text(f, "ef");
    close_it(f);
    f->config.stream = 0x300000001;
    f->config.stream_kept = false;
    open_good(f);
    feed_text(f, "gh");
    close_it(f);
    f->config.stream = 0x400000002;
    f->config.stream_kept = true;
    open_good(f);
    feed_text(f, "\n");
    check_lines(f, "abcdef!gh!|");
}

/* A byte order mark before the first line of a stream is ignored, even across segments. */
static void a_mark_before_a_blank_line_is_no_record(void **state)
{
    struct fixture *f = *state;
    f->config.stream_kept = true;
    static const char *const parts[] = {"\xef", "\xbb", "\xbf", " ", "\nx\n", "\xef\xbb\xbf\n"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        f->config.stream += UINT64_C(1) << 32;
        open_good(f);
        feed_text(f, parts[i]);
        assert_int_equal(journal_last(f->journal), i < 4 ? 0 : i - 3);
        close_it(f);
    }
    check_lines(f, " |x|\xef\xbb\xbf|");
    close_it(f);
    f->config.stream++;
    open_good(f);
    feed_text(f, "\xef\xbb\xbf\n");
    assert_int_equal(journal_last(f->journal), 2);
    assert_true(journal_begins_stream(f->journal, 0));
    assert_false(journal_begins_stream(f->journal, 1));
    assert_false(journal_begins_stream(f->journal, 7));
    assert_true(journal_begins_stream(f->journal, 11));
    check_lines(f, " |x|\xef\xbb\xbf||");
}

static void acked_segments_go(void **state)
{
    struct fixture *f = *state;
    struct err e;
    for (unsigned i = 1; i <= 3; i++) {
        f->config.stream = i;
        open_good(f);
        feed_text(f, "line\n");
        close_it(f);
    }
    open_good(f);
    check_lines(f, "line|line|line|");
    assert_int_equal(journal_trim(f->journal, 9, 1, &e), 0);
    assert_int_equal(faccessat(f->dir_fd, "journal.00000001", F_OK, 0), -1);
    assert_int_equal(faccessat(f->dir_fd, "journal.00000002", F_OK, 0), 0);
    assert_int_equal(journal_trim(f->journal, 15, 3, &e), 0);
    assert_int_equal(faccessat(f->dir_fd, "journal.00000002", F_OK, 0), -1);
    assert_int_equal(faccessat(f->dir_fd, "journal.00000003", F_OK, 0), 0);
}

/* Torn pieces are kept for people, and removed many segments later. */
static void old_torn_pieces_go(void **state)
{
    struct fixture *f = *state;
    struct err e;
    int fd = openat(f->dir_fd, "journal.00000002.torn", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    (void)close(fd);
    for (uint64_t number = 1; number < 66; number++) {
        assert_int_equal(journal_segment_remove_torn(f->dir_fd, number, &e), 0);
        assert_int_equal(faccessat(f->dir_fd, "journal.00000002.torn", F_OK, 0), 0);
    }
    assert_int_equal(journal_segment_remove_torn(f->dir_fd, 66, &e), 0);
    assert_int_equal(faccessat(f->dir_fd, "journal.00000002.torn", F_OK, 0), -1);
}

/* Single records make blocks of one record, and opening reads all blocks of a segment. */
static void a_segment_ends_after_so_many_blocks(void **state)
{
    struct fixture *f = *state;
    open_good(f);
    for (unsigned i = 0; i < JOURNAL_SEGMENT_BLOCKS + 1; i++)
        feed_text(f, "x\n");
    assert_int_equal(faccessat(f->dir_fd, "journal.00000002", F_OK, 0), 0);
    uint64_t seq = JOURNAL_SEGMENT_BLOCKS - 1;
    f->config.acked = (struct journal_place){.seq = seq, .line = seq, .offset = 2 * seq};
    check_lines(f, "x|x|");
    seq = JOURNAL_SEGMENT_BLOCKS;
    f->config.acked = (struct journal_place){.seq = seq, .line = seq, .offset = 2 * seq};
    check_lines(f, "x|");
    assert_int_equal(faccessat(f->dir_fd, "journal.00000001", F_OK, 0), -1);
    feed_text(f, "y\n");
    check_lines(f, "x|y|");
}

static int open_at_end(const struct fixture *f, const char *name)
{
    return openat(f->dir_fd, name, O_RDWR | O_CLOEXEC);
}

/* Bytes after the last block, as a kill leaves them: the place of the header is a hole. */
static void leave_landed(const struct fixture *f, uint64_t at, const char *text)
{
    int fd = open_at_end(f, "journal.00000001");
    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)at + 64), strlen(text));
    (void)close(fd);
}

static void what_a_kill_leaves_is_completed(void **state)
{
    struct fixture *f = *state;
    open_good(f);
    feed_text(f, "one\n");
    close_it(f);
    leave_landed(f, 128 + 128, "two\nthr");
    open_good(f);
    assert_int_equal(journal_cut_bytes(f->journal), 0);
    feed_text(f, "ee\n");
    check_lines(f, "one|two|three|");
}

/* A header was only partly written: the process was killed during the write, or it failed. */
static void a_header_that_broke_off_is_written_anew(void **state)
{
    struct fixture *f = *state;
    static const uint8_t zeros[64];
    for (size_t left = 0; left < 64; left++) {
        /* Also with bytes after it that came before the write was tried again. */
        bool more = left % 2 == 1;
        f->config.acked = (struct journal_place){0};
        open_good(f);
        feed_text(f, "one\n");
        feed_text(f, "two\nth");
        close_it(f);
        int fd = openat(f->dir_fd, "journal.00000001", O_RDWR | O_CLOEXEC);
        assert_int_equal(pwrite(fd, zeros, 64 - left, (off_t)(256 + left)), 64 - left);
        assert_int_equal(pwrite(fd, "r\n", more ? 2 : 0, 256 + 64 + 6), more ? 2 : 0);
        (void)close(fd);
        open_good(f);
        check_lines(f, more ? "one|two|thr|" : "one|two|");
        close_it(f);
        assert_int_equal(unlinkat(f->dir_fd, "journal.00000001", 0), 0);
    }
}

/* Segments are removed in order even if the power fails. Replaces the C library's to count. */
static int order_fd = -1;
static unsigned removed, removed_unsafe;

int fsync(int fd)
{
    if (fd == order_fd)
        removed_unsafe = 0;
    return (int)syscall(SYS_fsync, fd);
}

int unlinkat(int fd, const char *name, int flags)
{
    if (fd == order_fd && strstr(name, ".torn") == NULL) {
        assert_int_equal(removed_unsafe, 0);
        removed++;
        removed_unsafe++;
    }
    return (int)syscall(SYS_unlinkat, fd, name, flags);
}

/* How many syncs fail, and drop what was written last, as NFS does. */
static unsigned failing_syncs;

int fdatasync(int fd)
{
    if (failing_syncs == 0)
        return (int)syscall(SYS_fdatasync, fd);
    failing_syncs--;
    assert_int_equal(
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, JOURNAL_HEADER_BYTES, 1 << 20),
        0);
    errno = EIO;
    return -1;
}

static void what_a_failed_sync_has_dropped_is_written_again(void **state)
{
    struct fixture *f = *state;
    f->config.durable = true;
    open_good(f);
    failing_syncs = 1;
    feed_text(f, "one\ntwo\n");
    assert_int_equal(failing_syncs, 0);
    close_it(f);
    open_good(f);
    check_lines(f, "one|two|");
}

static void no_segment_goes_before_another_is_gone(void **state)
{
    struct fixture *f = *state;
    struct err e;
    f->config.durable = true;
    for (unsigned i = 1; i <= 5; i++) {
        f->config.stream = i;
        open_good(f);
        feed_text(f, "line\n");
        close_it(f);
    }
    open_good(f);
    check_lines(f, "line|line|line|line|line|");
    order_fd = f->dir_fd;
    removed = removed_unsafe = 0;
    assert_int_equal(journal_trim(f->journal, 15, 3, &e), 0);
    assert_int_equal(removed, 3);
    assert_int_equal(journal_trim(f->journal, 20, 4, &e), 0);
    assert_int_equal(removed, 4);
    order_fd = -1;
}

static void what_a_power_loss_leaves_is_cut_and_kept(void **state)
{
    struct fixture *f = *state;
    open_good(f);
    feed_text(f, "one\n");
    close_it(f);
    leave_landed(f, 128 + 128, "two\nthr");
    memcpy(f->config.boot, "boot 2", 6);
    open_good(f);
    assert_int_equal(journal_cut_bytes(f->journal), 64 + 7);
    feed_text(f, "2\n");
    check_lines(f, "one|2|");
    struct stat st;
    assert_int_equal(fstatat(f->dir_fd, "journal.00000001.torn", &st, 0), 0);
    assert_int_equal(st.st_size, 64 + 7);
}

/* A torn block with a good one after it was not torn: a loss of power affects only the end. */
static void damage_before_a_good_block_is_refused_in_any_boot(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    feed_text(f, "one\n");
    feed_text(f, "two\n");
    close_it(f);
    int fd = open_at_end(f, "journal.00000001");
    assert_int_equal(pwrite(fd, "X", 1, 128 + 64), 1);
    (void)close(fd);
    memcpy(f->config.boot, "boot 2", 6);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_CORRUPT);
    assert_string_equal(e.text, "journal.00000001 does not verify at offset 128: the bytes of a "
                                "block are damaged");
}

static void what_is_acked_must_be_there(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    feed_text(f, "one\n");
    feed_text(f, "two\n");
    close_it(f);
    f->config.acked = (struct journal_place){.seq = 2, .line = 2, .offset = 8};
    int fd = open_at_end(f, "journal.00000001");
    assert_int_equal(ftruncate(fd, 128 + 128), 0);
    (void)close(fd);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_CORRUPT);
    assert_non_null(strstr(e.text, "ends there after record 1, but everything up to 2 was acked"));
    remove_files(f);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "the journal is gone, though records up to 2 were acked"));
}

static void a_cursor_that_does_not_fit_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    feed_text(f, "one\ntwo\n");
    close_it(f);
    const struct journal_place wrong[] = {{.seq = 1, .line = 1, .offset = 3},
                                          {.seq = 2, .line = 1, .offset = 4},
                                          {.seq = 1, .line = 2, .offset = 4},
                                          {.seq = 0, .line = 0, .offset = 8}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        f->config.acked = wrong[i];
        assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_MISMATCH);
    }
}

static void the_journal_of_another_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    close_it(f);
    f->config.owner = journal_owner("t", "other");
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_MISMATCH);
}

static void a_missing_segment_is_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    for (unsigned i = 1; i <= 3; i++) {
        f->config.stream = i;
        open_good(f);
        feed_text(f, "line\n");
        close_it(f);
    }
    assert_int_equal(unlinkat(f->dir_fd, "journal.00000002", 0), 0);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_CORRUPT);
}

/* --- damage --- */

#define SWEPT 3u
static const char *const swept_names[SWEPT] = {"journal.00000001", "journal.00000002",
                                               "journal.00000003"};
static const char swept_lines[] = "one|two|three||four|fi!six|";

struct files {
    struct buf content[SWEPT];
};

static void load(const struct fixture *f, struct files *files)
{
    struct err e;
    for (size_t i = 0; i < SWEPT; i++) {
        buf_reset(&files->content[i]);
        int fd = openat(f->dir_fd, swept_names[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        assert_int_equal(file_read_whole(fd, 1u << 20, &files->content[i], &e), 0);
        (void)close(fd);
    }
}

static void store(const struct fixture *f, const struct files *files)
{
    for (size_t i = 0; i < SWEPT; i++) {
        int fd = openat(f->dir_fd, swept_names[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, files->content[i].data, files->content[i].len),
                         files->content[i].len);
        (void)close(fd);
    }
}

/* Where the last segment has its last block, which has no bytes. */
#define SWEPT_MARK_AT 256u

static void make_swept(struct fixture *f)
{
    f->config.stream_kept = true;
    open_good(f);
    feed_text(f, "one\ntwo\nthr");
    close_it(f);
    f->config.stream = 0x200000001;
    open_good(f);
    feed_text(f, "ee\n");
    feed_text(f, "\nfour\nfi");
    close_it(f);
    f->config.stream = 0x300000002;
    open_good(f);
    feed_text(f, "six\n");
    struct err e;
    assert_int_equal(journal_mark_end(f->journal, &e), 0);
    close_it(f);
}

/* The effect of damage: all lines came out, or there was an error, or lines were lost silently. */
enum outcome { WHOLE, REFUSED, FEWER };

/* Opens what was damaged. A wrong line fails the test, and so does a refusal that changes files. */
static enum outcome survive(struct fixture *f, const struct files *damaged)
{
    struct err e;
    struct buf out = {0};
    store(f, damaged);
    int rc = journal_open(&f->config, &f->journal, &e);
    size_t from = f->config.acked.seq == 0 ? 0 : strlen("one|two|");
    if (rc == 0) {
        rc = read_lines(f, &out, &e);
        assert_int_equal(strncmp(buf_text(&out), swept_lines + from, out.len), 0);
    } else {
        struct files after = {0};
        load(f, &after);
        for (size_t i = 0; i < SWEPT; i++) {
            assert_int_equal(after.content[i].len, damaged->content[i].len);
            assert_memory_equal(after.content[i].data, damaged->content[i].data,
                                damaged->content[i].len);
            buf_done(&after.content[i]);
        }
    }
    bool all = from + out.len == sizeof swept_lines - 1;
    buf_done(&out);
    close_it(f);
    remove_files(f);
    return rc != ERR_AGAIN ? REFUSED : all ? WHOLE : FEWER;
}

/*
 * Flips every byte and cuts at every length. During the boot that wrote it, no flip that loses a
 * line may go unnoticed. A cut between two blocks looks as if the second had never been written.
 */
static void sweep(struct fixture *f, bool same_boot)
{
    struct files good = {0}, damaged = {0};
    load(f, &good);
    load(f, &damaged);
    unsigned counts[3] = {0};
    for (size_t i = 0; i < SWEPT; i++) {
        for (size_t at = 0; at < good.content[i].len; at++) {
            uint8_t *byte = &damaged.content[i].data[at];
            *byte = (uint8_t)(*byte ^ (1u << random_below(8)));
            enum outcome outcome = survive(f, &damaged);
            assert_true(outcome != FEWER || !same_boot);
            counts[outcome]++;
            *byte = good.content[i].data[at];
        }
        for (size_t len = 0; len < good.content[i].len; len++) {
            damaged.content[i].len = len;
            enum outcome outcome = survive(f, &damaged);
            /* Or as if it had been partly written. */
            bool is_torn = len % 64 <= 4 || len > SWEPT_MARK_AT;
            assert_true(outcome != FEWER || !same_boot || is_torn || i + 1 < SWEPT);
            counts[outcome]++;
            damaged.content[i].len = good.content[i].len;
        }
    }
    print_message("%u without harm, %u refused, %u cut\n", counts[WHOLE], counts[REFUSED],
                  counts[FEWER]);
    assert_true(counts[REFUSED] > counts[WHOLE]);
    store(f, &good);
    for (size_t i = 0; i < SWEPT; i++) {
        buf_done(&good.content[i]);
        buf_done(&damaged.content[i]);
    }
}

static void any_damage_is_noticed(void **state)
{
    struct fixture *f = *state;
    make_swept(f);
    sweep(f, true);
    f->config.acked = (struct journal_place){.seq = 2, .line = 2, .offset = 8};
    sweep(f, true);
    memcpy(f->config.boot, "boot 2", 6);
    sweep(f, false);
}

static void blocks_that_change_places_are_refused(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_good(f);
    feed_text(f, "one\n");
    feed_text(f, "two\n");
    close_it(f);
    uint8_t blocks[2][128];
    int fd = open_at_end(f, "journal.00000001");
    assert_int_equal(ftruncate(fd, 128 + 256), 0);
    assert_int_equal(pread(fd, blocks, sizeof blocks, 128), sizeof blocks);
    assert_int_equal(pwrite(fd, blocks[1], 128, 128), 128);
    assert_int_equal(pwrite(fd, blocks[0], 128, 256), 128);
    (void)close(fd);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_CORRUPT);
}

/* --- bytes that look like ours --- */

/* The file of a journal as input bytes: whole blocks, each at a place where a block may begin. */
static void read_file(const struct fixture *f, const char *name, struct buf *out)
{
    struct err e;
    int fd = openat(f->dir_fd, name, O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_read_whole(fd, 1u << 20, out, &e), 0);
    (void)close(fd);
}

/* Makes a journal of two blocks and the end of an input. */
static void make_blocks(struct fixture *f, const char *second)
{
    struct err e;
    open_good(f);
    feed_text(f, "one\n");
    feed_text(f, second);
    assert_int_equal(journal_mark_end(f->journal, &e), 0);
    close_it(f);
}

/* Blocks of another journal of the same stage, or of the journal under test. */
static void collect_blocks(struct fixture *f, bool own, struct buf *out)
{
    make_blocks(f, own ? "two\n" : "three\nfour\n");
    read_file(f, "journal.00000001", out);
    if (own)
        return;
    remove_files(f);
    make_blocks(f, "two\n");
}

/*
 * The bytes that a kill or a loss of power has left after the last block contain whole blocks with
 * their headers, at places where blocks may begin, of another journal or of this one. They change
 * nothing.
 */
static void blocks_in_the_input_are_bytes_like_others(void **state)
{
    struct fixture *f = *state;
    static const char boots[][JOURNAL_BOOT_BYTES] = {"boot 1", "boot 2"};
    for (int round = 0; round < 4; round++) {
        bool own = round % 2 != 0, lost = round / 2 != 0;
        struct buf evil = {0};
        memcpy(f->config.boot, boots[0], sizeof f->config.boot);
        collect_blocks(f, own, &evil);
        buf_add_text(&evil, "\n");
        int fd = open_at_end(f, "journal.00000001");
        assert_int_equal(pwrite(fd, evil.data, evil.len, 128 + 2 * 128 + 64 + 64), evil.len);
        (void)close(fd);
        memcpy(f->config.boot, boots[lost ? 1 : 0], sizeof f->config.boot);
        open_good(f);
        assert_int_equal(journal_cut_bytes(f->journal), lost ? 64 + evil.len : 0);
        assert_int_equal(journal_bytes(f->journal), 8 + (lost ? 0 : evil.len));
        close_it(f);
        remove_files(f);
        buf_done(&evil);
    }
}

static void an_older_format_is_refused_by_its_number(void **state)
{
    struct fixture *f = *state;
    struct err e;
    struct buf file = {0};
    open_good(f);
    close_it(f);
    read_file(f, "journal.00000001", &file);
    bytes_put_u32(file.data + 4, 1);
    bytes_put_u32(file.data + 124, hash_crc32c(0, file.data, 124));
    int fd = open_at_end(f, "journal.00000001");
    assert_int_equal(pwrite(fd, file.data, 128, 0), 128);
    (void)close(fd);
    assert_int_equal(journal_open(&f->config, &f->journal, &e), ERR_MISMATCH);
    assert_non_null(strstr(e.text, "journal.00000001 has format version 1; this bulkhead reads"));
    buf_done(&file);
}

/* With a correct checksum: counting on from these numbers, new would come before old. */
static void numbers_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        size_t at;
        uint64_t number;
    } rows[] = {{24, 0},
                {24, SEQ_MAX + UINT64_C(1)},
                {32, 1},
                {40, UINT64_MAX - 2},
                {40, UINT64_C(1) << 63},
                {48, 1}};
    struct err e;
    struct buf file = {0};
    open_good(f);
    close_it(f);
    read_file(f, "journal.00000001", &file);
    int fd = open_at_end(f, "journal.00000001");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t header[128];
        memcpy(header, file.data, sizeof header);
        bytes_put_u64(header + rows[i].at, rows[i].number);
        bytes_put_u32(header + 124, hash_crc32c(0, header, 124));
        assert_int_equal(pwrite(fd, header, sizeof header, 0), sizeof header);
        f->config.acked.offset = rows[i].at == 40 ? rows[i].number : 0;
        if (journal_open(&f->config, &f->journal, &e) != ERR_CORRUPT)
            fail_msg("row %zu was not refused", i);
        assert_non_null(strstr(e.text, "journal.00000001 does not verify at offset 24: "));
    }
    (void)close(fd);
    buf_done(&file);
}

/* --- any sizes --- */

static void add_random_line(struct buf *input, struct buf *wanted, bool terminated)
{
    size_t len = random_below(20) == 0 ? (size_t)random_below(900) : (size_t)random_below(40);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)('a' + random_below(26));
        buf_add_byte(input, byte);
        buf_add_byte(wanted, byte);
    }
    if (terminated)
        buf_add_text(input, random_below(4) == 0 ? "\r\n" : "\n");
    buf_add_byte(wanted, '|');
}

/* Feeds the input in pieces, opening the journal again now and then. */
static void feed_in_pieces(struct fixture *f, const struct buf *input)
{
    for (size_t at = 0; at < input->len;) {
        size_t len = 1 + (size_t)random_below(random_below(2) == 0 ? 30 : 9000);
        len = len < input->len - at ? len : input->len - at;
        feed(f, input->data + at, len);
        at += len;
        if (random_below(8) != 0)
            continue;
        close_it(f);
        f->config.stream += 1ull << 32;
        open_good(f);
    }
}

static void any_pieces_give_the_same_lines(void **state)
{
    struct fixture *f = *state;
    f->config.stream_kept = true;
    for (unsigned round = 0; round < 40; round++) {
        struct buf input = {0}, wanted = {0};
        f->config.acked = (struct journal_place){0};
        open_good(f);
        for (uint64_t n = random_below(300); n > 0; n--)
            add_random_line(&input, &wanted, true);
        feed_in_pieces(f, &input);
        check_lines(f, buf_text(&wanted));
        close_it(f);
        remove_files(f);
        buf_done(&input);
        buf_done(&wanted);
    }
}

/*
 * The last segment is removed, replaced or truncated while it is in use. Nothing more is taken out
 * of the pipe, for it would be lost, or read as NUL bytes.
 */
static void a_segment_that_others_change_takes_nothing_in(void **state)
{
    struct fixture *f = *state;
    static const char name[] = "journal.00000001";
    for (int how = 0; how < 4; how++) {
        struct err e;
        char left[8];
        open_good(f);
        feed_text(f, "one\ntwo\n");
        if (how == 0)
            assert_int_equal(unlinkat(f->dir_fd, name, 0), 0);
        if (how == 1)
            assert_int_equal(renameat(f->dir_fd, name, f->dir_fd, "moved"), 0);
        int fd = openat(f->dir_fd, name,
                        how == 0 ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDWR | O_CLOEXEC, 0600);
        if (how >= 2)
            assert_int_equal(ftruncate(fd, how == 2 ? 0 : 150), 0);
        if (fd >= 0)
            (void)close(fd);
        assert_int_equal(write(f->pipe[1], "three\n", 6), 6);
        uint8_t bytes[64];
        size_t got;
        while (journal_read(f->journal, f->read_to, bytes, sizeof bytes, &got, &e) == 0)
            f->read_to += got;
        assert_int_equal(journal_take(f->journal, f->pipe[0], &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, name));
        assert_int_equal(read(f->pipe[0], left, sizeof left), 6);
        close_it(f);
        remove_files(f);
        f->read_to = 0;
    }
}

int main(int argc, char **argv)
{
    random_init("journal_test");
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(what_went_in_comes_out),
        TEST(an_end_completes_the_line),
        TEST(an_end_of_the_input_is_counted),
        TEST(a_line_belongs_to_one_stream),
        TEST(a_mark_before_a_blank_line_is_no_record),
        TEST(acked_segments_go),
        TEST(old_torn_pieces_go),
        TEST(a_segment_ends_after_so_many_blocks),
        TEST(what_a_kill_leaves_is_completed),
        TEST(a_header_that_broke_off_is_written_anew),
        TEST(what_a_failed_sync_has_dropped_is_written_again),
        TEST(no_segment_goes_before_another_is_gone),
        TEST(what_a_power_loss_leaves_is_cut_and_kept),
        TEST(damage_before_a_good_block_is_refused_in_any_boot),
        TEST(what_is_acked_must_be_there),
        TEST(a_cursor_that_does_not_fit_is_refused),
        TEST(the_journal_of_another_is_refused),
        TEST(a_missing_segment_is_refused),
        TEST(a_segment_that_others_change_takes_nothing_in),
        TEST(any_damage_is_noticed),
        TEST(blocks_that_change_places_are_refused),
        TEST(blocks_in_the_input_are_bytes_like_others),
        TEST(an_older_format_is_refused_by_its_number),
        TEST(numbers_that_cannot_be_are_refused),
        TEST(any_pieces_give_the_same_lines),
#undef TEST
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
