/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stages/output_file.h"

static char directory[64];
static int dir_fd;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-output-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, "cursor", 0);
    (void)unlinkat(dir_fd, "out", 0);
    (void)close(dir_fd);
    return rmdir(directory);
}

static void open_output(struct output_file *o)
{
    struct err e;
    assert_int_equal(output_file_open(o, dir_fd, "out", dir_fd, false, false, &e), 0);
}

static void add_line(struct output_file *o, seq_number seq, const char *line)
{
    struct err e;
    struct buf *out;
    assert_int_equal(output_file_begin(o, seq, &out, &e), 0);
    buf_add_text(out, line);
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

/* What is shown can be read, and is not committed: the next life writes it again. */
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
    add_line(&o, 2, "two\n");
    assert_int_equal(output_file_flush(&o, &e), 0);
    assert_content("one\ntwo\n");
    add_line(&o, 3, "three\n");
    assert_int_equal(output_file_commit(&o, 3, &e), 0);
    output_file_close(&o);
    assert_content("one\ntwo\nthree\n");
}

/* A commit below what is shown says where the lines that are not committed begin. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_are_shown_before_they_are_committed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_ends_where_its_seq_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
