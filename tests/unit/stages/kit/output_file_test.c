/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/bytes.h"
#include "stages/kit/output_file.h"
#include "tests/unit/cases.h"

#define CURSOR_AT_FORMAT 48u /* in the payload: docs/protocol.md */

static char directory[64];
static int dir_fd;
static unsigned notes;
static char last_note[512];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-output-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    notes = 0;
    last_note[0] = '\0';
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, "cursor", 0);
    (void)unlinkat(dir_fd, "out", 0);
    (void)unlinkat(dir_fd, "moved", 0);
    (void)close(dir_fd);
    return rmdir(directory);
}

static void take_note(const char *text)
{
    notes++;
    (void)snprintf(last_note, sizeof last_note, "%s", text);
}

static int try_open(struct output_file *o, struct err *e)
{
    int rc = output_file_open(o, dir_fd, "out", RECORDS_LINES, dir_fd, false, false, e);
    o->note = take_note;
    return rc;
}

static void open_output(struct output_file *o)
{
    struct err e;
    if (try_open(o, &e) != 0)
        fail_msg("%s", e.text);
}

static void add_line(struct output_file *o, seq_number seq, const char *line)
{
    struct err e;
    struct buf *out;
    assert_int_equal(output_file_begin(o, seq, &out, &e), 0);
    buf_add_text(out, line);
}

/* Many lines of ten bytes, from seq first to last. */
static void add_lines(struct output_file *o, seq_number first, seq_number last)
{
    for (seq_number n = first; n <= last; n++) {
        char line[24];
        (void)snprintf(line, sizeof line, "%09llu\n", (unsigned long long)n);
        add_line(o, n, line);
    }
}

static void assert_lines(seq_number last)
{
    int fd = openat(dir_fd, "out", O_RDONLY | O_CLOEXEC);
    char found[16] = "", wanted[16];
    for (seq_number n = 1; n <= last; n++) {
        (void)snprintf(wanted, sizeof wanted, "%09llu\n", (unsigned long long)n);
        assert_int_equal(read(fd, found, 10), 10);
        assert_memory_equal(found, wanted, 10);
    }
    assert_int_equal(read(fd, found, 10), 0);
    (void)close(fd);
}

static off_t size_of_output(void)
{
    struct stat st;
    assert_int_equal(fstatat(dir_fd, "out", &st, 0), 0);
    return st.st_size;
}

/* Acts like another program. */
static void overwrite(off_t offset, const void *bytes, size_t len)
{
    int fd = openat(dir_fd, "out", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, bytes, len, offset), len);
    (void)close(fd);
}

static void cut(off_t len)
{
    int fd = openat(dir_fd, "out", O_WRONLY | O_CLOEXEC);
    assert_int_equal(ftruncate(fd, len), 0);
    (void)close(fd);
}

static void assert_text(const struct err *e, const char *part)
{
    if (strstr(e->text, part) == NULL)
        fail_msg("no '%s' in: %s", part, e->text);
}

static void assert_content(const char *wanted)
{
    char found[256] = "";
    int fd = openat(dir_fd, "out", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, found, sizeof found - 1) >= 0);
    (void)close(fd);
    assert_string_equal(found, wanted);
}

/* What was written can be read but is not committed: the next process writes it again. */
static void lines_are_shown_before_they_are_committed(void **state)
{
    (void)state;
    struct err e;
    struct output_file o;
    open_output(&o);
    add_line(&o, 1, "one\n");
    assert_content("");
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_content("one\n");
    assert_int_equal(output_file_commit(&o, 1, &e), 0);
    add_line(&o, 2, "two\n");
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");

    open_output(&o);
    assert_int_equal(o.committed, 1);
    assert_content("one\ntwo\nthree\n");
    assert_true(output_file_is_unsettled(&o));
    add_line(&o, 2, "two\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_content("one\ntwo\nthree\n");
    assert_int_equal(output_file_commit(&o, 2, &e), 0);
    assert_content("one\ntwo\nthree\n");
    assert_true(output_file_is_unsettled(&o));
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    assert_false(output_file_is_unsettled(&o));
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
    assert_int_equal(notes, 0);
}

/* A commit below what was written notes where the uncommitted lines begin. */
static void a_commit_ends_where_its_seq_ends(void **state)
{
    (void)state;
    struct err e;
    struct output_file o;
    open_output(&o);
    add_line(&o, 1, "one\n");
    add_line(&o, 2, "two\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_int_equal(output_file_commit(&o, 1, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\n");

    open_output(&o);
    assert_int_equal(o.committed, 1);
    add_line(&o, 2, "two again\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo again\n");
}

/* What is committed far before the end of what is written is known all the same. */
static void a_commit_may_be_far_behind(void **state)
{
    (void)state;
    struct err e;
    struct output_file o;
    open_output(&o);
    add_lines(&o, 1, 5000);
    for (seq_number seq = 0; seq < 4000; seq += 7) {
        assert_int_equal(output_file_commit(&o, seq, &e), 0);
        struct output_file other;
        struct cursor cursor = o.cursor;
        o.cursor.fd = -1;
        int fd = o.fd;
        o.fd = -1;
        (void)flock(fd, LOCK_UN);
        open_output(&other);
        assert_int_equal(other.committed, seq);
        assert_int_equal(other.length, 10 * seq);
        output_file_close(&other);
        o.fd = fd;
        o.cursor = cursor;
    }
    assert_int_equal(output_file_commit(&o, 5000, &e), 0);
    output_file_close(&o);
    assert_lines(5000);
}

/*
 * Whatever a kill leaves, even half a line, the file is never shorter while the next process
 * writes.
 */
static void what_was_shown_is_never_less(void **state)
{
    (void)state;
    struct err e;
    for (off_t torn = 0; torn <= 30; torn++) {
        struct output_file o;
        open_output(&o);
        seq_number done = o.committed;
        add_lines(&o, done + 1, done + 1);
        assert_int_equal(output_file_commit(&o, done + 1, &e), 0);
        add_lines(&o, done + 2, done + 4);
        assert_int_equal(output_file_flush(&o, &e), 0);
        output_file_close(&o);
        cut(size_of_output() - torn); /* it was killed in the middle of a write */

        open_output(&o);
        off_t size = size_of_output();
        for (seq_number n = done + 2; n <= done + 4; n++) {
            add_lines(&o, n, n);
            assert_int_equal(n % 2 == 0 ? output_file_flush(&o, &e) : output_file_commit(&o, n, &e),
                             0);
            assert_true(size_of_output() >= size);
            size = size_of_output();
        }
        assert_int_equal(output_file_commit(&o, done + 4, &e), 0);
        assert_false(output_file_is_unsettled(&o));
        output_file_close(&o);
        assert_lines(done + 4);
    }
    assert_int_equal(notes, 0);
}

/* What a power loss has torn is written over in place. */
static void what_is_torn_becomes_whole(void **state)
{
    (void)state;
    struct err e;
    struct output_file o;
    open_output(&o);
    add_lines(&o, 1, 1000);
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_int_equal(output_file_commit(&o, 10, &e), 0);
    output_file_close(&o);
    static const uint8_t zeros[4096];
    overwrite(4096, zeros, sizeof zeros);
    overwrite(9000, "old", 3);
    off_t size = size_of_output();
    open_output(&o);
    add_lines(&o, 11, 500);
    assert_int_equal(output_file_commit(&o, 450, &e), 0);
    assert_int_equal(size_of_output(), size);
    add_lines(&o, 501, 1000);
    assert_int_equal(output_file_commit(&o, 1000, &e), 0);
    output_file_close(&o);
    assert_lines(1000);
    assert_int_equal(notes, 1); /* of everything that is wrong after one place */
}

/* Bytes that do not come again stay until it is known that they never will. Then they go. */
static void what_does_not_come_again_is_cut_off_at_last(void **state)
{
    (void)state;
    struct err e;
    struct output_file o;
    open_output(&o);
    add_line(&o, 1, "one\n");
    assert_int_equal(output_file_commit(&o, 1, &e), 0);
    add_line(&o, 2, "of another topology\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    output_file_close(&o);

    open_output(&o);
    add_line(&o, 2, "two\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_content("one\ntwo\nnother topology\n");
    assert_int_equal(notes, 1);
    assert_non_null(strstr(last_note, "is not what comes now"));
    assert_int_equal(output_file_commit(&o, 2, &e), 0);
    assert_content("one\ntwo\nnother topology\n");
    output_file_close(&o); /* a drain: the rest may come with the next run */

    open_output(&o);
    assert_true(output_file_is_unsettled(&o));
    assert_int_equal(output_file_settle(&o, &e), 0);
    assert_content("one\ntwo\n");
    assert_int_equal(notes, 2);
    assert_non_null(strstr(last_note, "cut off 16 bytes at the end that an earlier run wrote"));
    assert_false(output_file_is_unsettled(&o));
    assert_int_equal(output_file_settle(&o, &e), 0);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
    assert_int_equal(notes, 2);
}

/* --- what other programs do to the file --- */

/* Two committed lines, an open output. */
static void begin_story(struct output_file *o)
{
    struct err e;
    open_output(o);
    add_line(o, 1, "one\n");
    add_line(o, 2, "two\n");
    assert_int_equal(output_file_commit(o, 2, &e), 0);
}

static void assert_refused_next(const char *part)
{
    struct output_file o;
    struct err e;
    assert_int_equal(try_open(&o, &e), ERR_MISMATCH);
    assert_text(&e, part);
}

static void put_back(const char *content)
{
    struct output_file o;
    struct err e;
    cut(0);
    overwrite(0, content, strlen(content));
    open_output(&o);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
}

static void one_that_is_truncated_gets_no_nuls(void **state)
{
    (void)state;
    for (off_t len = 0; len < 8; len++) {
        struct output_file o;
        struct err e;
        begin_story(&o);
        cut(len);
        add_line(&o, 3, "three\n");
        assert_int_equal(len % 2 == 0 ? output_file_flush(&o, &e) : output_file_commit(&o, 3, &e),
                         ERR_MISMATCH);
        assert_text(&e, "'out' was truncated while it was being written: its length is ");
        assert_text(&e, "but was 8");
        assert_text(&e, "--discard STAGE");
        output_file_close(&o);
        assert_int_equal(size_of_output(), len);
        assert_refused_next("was truncated: its length is ");
        put_back("one\ntwo\n");
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

/* Without anything to write, a commit sees it; a line that no commit knew of comes again. */
static void one_that_lost_what_is_not_committed(void **state)
{
    (void)state;
    struct output_file o;
    struct err e;
    begin_story(&o);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    cut(10);
    assert_int_equal(output_file_commit(&o, 3, &e), ERR_MISMATCH);
    output_file_close(&o);
    open_output(&o);
    assert_int_equal(o.committed, 2);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
}

/* Truncated right before a write: the length is right, but there is a hole. */
static void a_hole_is_found(void **state)
{
    (void)state;
    struct output_file o;
    struct err e;
    for (seq_number committed = 0; committed <= 3000; committed += 1500) {
        open_output(&o);
        add_lines(&o, 1, committed);
        assert_int_equal(output_file_commit(&o, committed, &e), 0);
        add_lines(&o, committed + 1, committed + 20);
        assert_int_equal(output_file_flush(&o, &e), 0);
        off_t size = size_of_output();
        cut(0);
        cut(size);
        add_lines(&o, committed + 21, committed + 2000);
        assert_int_equal(output_file_commit(&o, committed + 2000, &e), ERR_MISMATCH);
        assert_text(&e, "truncated or overwritten while it was being written");
        output_file_close(&o);
        if (committed != 0)
            assert_refused_next("is not what was written");
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

static void one_that_is_overwritten_is_no_reference(void **state)
{
    (void)state;
    for (off_t at = 0; at < 8; at++) {
        struct output_file o;
        struct err e;
        begin_story(&o);
        overwrite(at, "X", 1);
        add_line(&o, 3, "three\n");
        assert_int_equal(output_file_commit(&o, 3, &e), ERR_MISMATCH);
        assert_text(&e, "the bytes from offset 0 to 14 are different");
        output_file_close(&o);
        assert_refused_next("is not what was written");
        put_back("one\ntwo\n");
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

static void one_that_is_added_to_is_told_of(void **state)
{
    (void)state;
    struct output_file o;
    struct err e;
    begin_story(&o);
    overwrite(8, "stranger\n", 9);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_flush(&o, &e), ERR_MISMATCH);
    assert_text(&e, "'out' is longer than what was written to it: its length is 17, not 8; another "
                    "program writes to it");
    output_file_close(&o);
    assert_content("one\ntwo\nstranger\n");
    /* As the message advises. */
    open_output(&o);
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    assert_int_equal(output_file_settle(&o, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
    assert_int_equal(notes, 2);
}

static void one_that_is_moved_away_or_replaced_is_not_committed(void **state)
{
    (void)state;
    for (int replaced = 0; replaced < 2; replaced++) {
        struct output_file o;
        struct err e;
        begin_story(&o);
        assert_int_equal(renameat(dir_fd, "out", dir_fd, "moved"), 0);
        int fd = replaced ? openat(dir_fd, "out", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
        if (replaced)
            (void)close(fd);
        add_line(&o, 3, "three\n");
        assert_int_equal(output_file_commit(&o, 3, &e), ERR_MISMATCH);
        assert_text(&e, "moved away or replaced");
        output_file_close(&o);
        assert_refused_next(replaced ? "was truncated: its length is " : "is missing");
        assert_int_equal(renameat(dir_fd, "moved", dir_fd, "out"), 0);
        put_back("one\ntwo\n");
        (void)tear_down(NULL);
        (void)set_up(NULL);
    }
}

/* What is not committed is kept in memory, so it has a limit; what is committed is discarded. */
static void what_is_kept_has_a_bound(void **state)
{
    (void)state;
    struct output_file o;
    struct err e;
    open_output(&o);
    bool full = false;
    o.full = &full;
    seq_number seq = 0;
    for (int round = 0; round < 3; round++) {
        while (!full) {
            add_lines(&o, seq + 1, seq + 100);
            seq += 100;
        }
        assert_int_equal(output_file_commit(&o, seq, &e), 0);
        assert_false(full);
        assert_true(o.bytes.len < 2 * 4096 + 10);
    }
    assert_true(o.bytes.capacity <=
                2 * (OUTPUT_UNCOMMITTED_BYTES_MAX + OUTPUT_FLUSH_BYTES + 2 * 4096));
    output_file_close(&o);
    assert_lines(seq);
}

/* The cursor as it is now, or as it was before it knew of formats. */
static void change_cursor_format(uint32_t format)
{
    struct cursor c;
    struct err e;
    uint8_t payload[CURSOR_PAYLOAD_BYTES];
    bool found;
    assert_int_equal(cursor_open(&c, dir_fd, OUTPUT_MAGIC, false, payload, &found, &e), 0);
    assert_true(found);
    bytes_put_u32(payload + CURSOR_AT_FORMAT, format);
    assert_int_equal(cursor_write(&c, OUTPUT_MAGIC, payload, &e), 0);
    cursor_close(&c);
}

static int open_in_format(struct output_file *o, enum record_format_number format, struct err *e)
{
    struct err looked;
    int seen = output_file_check(dir_fd, "out", format, dir_fd, dir_fd, &looked);
    int rc = output_file_open(o, dir_fd, "out", format, dir_fd, false, 0, e);
    assert_int_equal(rc, seen);
    if (rc != 0)
        assert_string_equal(looked.text, e->text);
    return rc;
}

static void assert_other_format(enum record_format_number format, const char *part)
{
    struct output_file o;
    struct err e;
    struct stat st;
    bool ours = false;
    char path[96];
    assert_int_equal(open_in_format(&o, format, &e), ERR_MISMATCH);
    assert_text(&e, part);
    (void)snprintf(path, sizeof path, "%s/out", directory);
    assert_int_equal(output_file_is_ours(path, dir_fd, &ours, &st, &e), 0);
    assert_true(ours); /* --fresh may empty it */
}

/*
 * No reader could make sense of records of two formats in one file. Before any is committed, there
 * are none.
 */
static void one_in_another_format_is_not_gone_on_with(void **state)
{
    (void)state;
    struct output_file o;
    struct err e;
    assert_int_equal(open_in_format(&o, RECORDS_LINES, &e), 0);
    output_file_close(&o);
    assert_int_equal(open_in_format(&o, RECORDS_MSGPACK, &e), 0);
    add_line(&o, 1, "\x80\x80");
    assert_int_equal(output_file_flush(&o, &e), 0);
    output_file_close(&o); /* nothing is committed */
    assert_int_equal(open_in_format(&o, RECORDS_LINES, &e), 0);
    output_file_close(&o);
    assert_int_equal(open_in_format(&o, RECORDS_MSGPACK, &e), 0);
    add_line(&o, 1, "\x80\x80");
    assert_int_equal(output_file_commit(&o, 1, &e), 0);
    output_file_close(&o);
    assert_other_format(RECORDS_LINES,
                        "'out' holds 2 bytes written with records: msgpack, but the topology now "
                        "has records: lines; change that back; or choose another 'path'");
    assert_content("\x80\x80");
    assert_int_equal(open_in_format(&o, RECORDS_MSGPACK, &e), 0);
    output_file_close(&o);
    change_cursor_format(0); /* from an earlier version, which only knew lines */
    assert_other_format(
        RECORDS_MSGPACK,
        "2 bytes written with records: lines, but the topology now has records: msgpack");
    assert_int_equal(open_in_format(&o, RECORDS_LINES, &e), 0);
    output_file_close(&o);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_shown_before_they_are_committed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_ends_where_its_seq_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_commit_may_be_far_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_shown_is_never_less, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_torn_becomes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_come_again_is_cut_off_at_last, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_truncated_gets_no_nuls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_lost_what_is_not_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_overwritten_is_no_reference, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_added_to_is_told_of, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_is_moved_away_or_replaced_is_not_committed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_has_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_in_another_format_is_not_gone_on_with, set_up,
                                        tear_down),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
