/* SPDX-License-Identifier: MIT */
/* Damage to an output file and to its cursor. damage.h describes what is done. */
#include "stages/kit/output_file.h"
#include "tests/unit/damage.h"

static const char output_name[] = "output";

static struct outcome open_output(void)
{
    struct outcome o = {0};
    struct output_file output;
    o.rc =
        output_file_open(&output, dir_fd, output_name, RECORDS_LINES, dir_fd, false, false, &o.e);
    if (o.rc != 0)
        return o;
    o.seq = output.committed;
    /* Every seq is a line of ten bytes; see output_lines(). */
    assert_true(output.length == 10 * o.seq);
    output_file_close(&output);
    return o;
}

static void output_lines(struct output_file *o, seq_number from, seq_number to)
{
    for (seq_number n = from; n <= to; n++) {
        struct buf *buffer;
        assert_int_equal(output_file_begin(o, n, &buffer, NULL), 0);
        buf_add_format(buffer, "%09llu\n", (unsigned long long)n);
    }
}

static struct kept some_output(seq_number before, seq_number now)
{
    struct output_file o;
    struct err e;
    if (output_file_open(&o, dir_fd, output_name, RECORDS_LINES, dir_fd, false, false, &e) != 0)
        fail_msg("%s", e.text);
    output_lines(&o, 1, before);
    assert_int_equal(output_file_commit(&o, before, &e), 0);
    output_lines(&o, before + 1, now);
    assert_int_equal(output_file_commit(&o, now, &e), 0);
    output_file_close(&o);
    return keep();
}

/*
 * The new file is noted in slot 0, the first commit in slot 1, the second in slot 0 again, and the
 * orderly end, with the same seq, in slot 1.
 */
#define SLOT_BYTES 140u
#define SLOT_DISTANCE 4096u

/* Without a whole slot there is no cursor, and the file has bytes of unknown origin. */
static seq_number cursor_cut(size_t len)
{
    return len < SLOT_BYTES ? REFUSED : 60;
}

static seq_number cursor_changed(size_t at)
{
    (void)at;
    return 60;
}

/*
 * Same as open_output(), for damage to the cursor, which is reported under the output file's name.
 */
static struct outcome open_output_of_cursor(void)
{
    struct outcome o = open_output();
    if (o.rc == ERR_MISMATCH && strstr(o.e.text, output_name) != NULL)
        (void)err_wrap(&o.e, "cursor");
    return o;
}

static void a_cursor_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = some_output(50, 60);
    cut_everywhere(&good, "cursor", open_output_of_cursor, cursor_cut);
    change_everywhere(&good, "cursor", open_output_of_cursor, cursor_changed);
    lengthen(&good, "cursor", open_output_of_cursor, 60);
    replace_by_others(&good, "cursor", open_output_of_cursor, REFUSED);
    kept_done(&good);
}

static void an_output_that_is_damaged(void **state)
{
    (void)state;
    struct kept good = some_output(50, 60);
    cut_everywhere(&good, output_name, open_output, refused);
    change_everywhere(&good, output_name, open_output, refused);
    lengthen(&good, output_name, open_output, REFUSED);
    /* A copy stored elsewhere is as good; anything else is not. */
    size_t len = file_of(&good, output_name)->bytes.len;
    uint8_t *zeros = memory_new(len, 1);
    put_back(&good);
    put_file(output_name, zeros, len);
    struct outcome o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    free(zeros);
    put_back(&good);
    assert_int_equal(unlinkat(dir_fd, output_name, 0), 0);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    assert_int_equal(mkdirat(dir_fd, output_name, 0700), 0);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    kept_done(&good);
}

/* Bytes that an older cursor does not know of are refused, and stay. */
static void an_older_cursor_and_one_of_another(void **state)
{
    (void)state;
    struct kept old = some_output(20, 40);
    empty_directory();
    struct kept good = some_output(50, 60);
    put_file("cursor", file_of(&old, "cursor")->bytes.data, file_of(&old, "cursor")->bytes.len);
    struct kept before = keep();
    struct outcome o = open_output();
    assert_int_equal(o.rc, ERR_MISMATCH);
    struct kept after = keep();
    assert_true(same_files(&before, &after));
    kept_done(&before);
    kept_done(&after);
    /* The cursor of a file with other bytes. */
    put_back(&good);
    static uint8_t other[600];
    memset(other, 'x', sizeof other);
    put_file(output_name, other, sizeof other);
    o = open_damaged(open_output, output_name);
    assert_int_equal(o.rc, ERR_MISMATCH);
    kept_done(&old);
    kept_done(&good);
}

int main(int argc, char **argv)
{
    random_init("output_file_corruption_test");
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_cursor_that_is_damaged),
        TEST(an_output_that_is_damaged),
        TEST(an_older_cursor_and_one_of_another),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
