/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "supervisor/chaos/chaos_compare.h"
#include "tests/unit/cases.h"

static void write_file(const char *name, const void *bytes, size_t len)
{
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* Compares "a" (expected) with "b"; NULL: the file does not exist. */
static void expect(const char *a, const char *b, int rc, const char *difference)
{
    struct buf out = {0};
    struct err e;
    uint64_t bytes = 77;
    (void)unlink("a");
    (void)unlink("b");
    if (a != NULL)
        write_file("a", a, strlen(a));
    if (b != NULL)
        write_file("b", b, strlen(b));
    assert_int_equal(chaos_compare("a", "b", false, &bytes, &out, &e), rc);
    assert_string_equal(buf_text(&out), difference);
    assert_int_equal(bytes, rc != 0 ? 77 : a != NULL ? strlen(a) : 0);
    buf_done(&out);
}

static void small_files(void **state)
{
    (void)state;
    expect("", "", 0, "");
    expect(NULL, NULL, 0, "");
    expect("a\nb\n", "a\nb\n", 0, "");
    expect(NULL, "x", ERR_MISMATCH, "'a' does not exist, but 'b' does\n");
    expect("x", NULL, ERR_MISMATCH, "'b' does not exist, but 'a' does\n");
    expect("one\ntwo\nthree\n", "one\ntwa\nthree\n", ERR_MISMATCH,
           "'b' differs at byte 7, line 2\n  should be: two\n  is:        twa\n");
    expect("one\ntwo\n", "one\n", ERR_MISMATCH,
           "'b' differs at byte 5, line 2\n  should be: two\n"
           "  is:        (the file ends here)\n");
    expect("one", "one\ntwo\n", ERR_MISMATCH,
           "'b' differs at byte 4, line 1\n  should be: one\n  is:        one\n");
    expect("", "\x1b\n", ERR_MISMATCH,
           "'b' differs at byte 1, line 1\n  should be: (the file ends here)\n"
           "  is:        \\x1b\n");
}

/* At every offset around the edge of a block. */
static void large_files(void **state)
{
    (void)state;
    enum { LEN = 3 * (256 << 10) + 5, LINE = 64 };
    char *bytes = memory_new(LEN, 1);
    for (size_t i = 0; i < LEN; i++)
        bytes[i] = i % LINE == LINE - 1 ? '\n' : (char)('a' + i / LINE % 26);
    write_file("a", bytes, LEN);
    static const size_t places[] = {
        0, 63, 64, (256 << 10) - 1, 256 << 10, 512 << 10, (512 << 10) + 1, LEN - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct buf out = {0};
        struct err e;
        uint64_t same;
        char begin[96], before = bytes[places[i]];
        write_file("b", bytes, LEN);
        assert_int_equal(chaos_compare("a", "b", false, &same, &out, &e), 0);
        assert_int_equal(same, LEN);
        bytes[places[i]] = '#';
        write_file("b", bytes, LEN);
        assert_int_equal(chaos_compare("a", "b", false, &same, &out, &e), ERR_MISMATCH);
        (void)snprintf(begin, sizeof begin, "'b' differs at byte %zu, line %zu\n", places[i] + 1,
                       places[i] / LINE + 1);
        assert_memory_equal(buf_text(&out), begin, strlen(begin));
        bytes[places[i]] = before;
        buf_done(&out);
    }
    free(bytes);
}

/* Of a long line, the part around the difference is shown. */
static void a_long_line(void **state)
{
    (void)state;
    char *bytes = memory_new(5000, 1);
    memset(bytes, 'x', 5000);
    write_file("a", bytes, 5000);
    bytes[4000] = 'y';
    write_file("b", bytes, 5000);
    struct buf out = {0};
    struct err e;
    uint64_t same;
    assert_int_equal(chaos_compare("a", "b", false, &same, &out, &e), ERR_MISMATCH);
    assert_non_null(strstr(buf_text(&out), "'b' differs at byte 4001, line 1\n"));
    assert_non_null(strstr(buf_text(&out), "xxxxyxxxx"));
    assert_true(out.len < 700);
    buf_done(&out);
    free(bytes);
}

/* msgpack records: they are counted, and a newline in one does not end it. */
static void packed_files(void **state)
{
    (void)state;
    static const char expected[] = "\x81\xa1n\x0a\x81\xa1n\x0b\x81\xa1n\x0c";
    static const struct {
        size_t place; /* of a changed byte, or where the file is cut */
        bool cut;
        const char *difference;
    } rows[] = {
        {0, false, "'b' differs at byte 1, record 1\n  should be: \\x81\\xa1n\\x0a\\x81"},
        {3, false, "'b' differs at byte 4, record 1\n  should be: \\x81\\xa1n\\x0a\\x81"},
        {4, false, "'b' differs at byte 5, record 2\n  should be: \\x81\\xa1n\\x0b\\x81"},
        {7, false, "'b' differs at byte 8, record 2\n  should be: \\x81\\xa1n\\x0b\\x81"},
        {11, false, "'b' differs at byte 12, record 3\n  should be: \\x81\\xa1n\\x0c\n  is:"},
        {8, true,
         "'b' differs at byte 9, record 3\n  should be: \\x81\\xa1n\\x0c\n  is:        "
         "(the file ends here)\n"},
        {10, true,
         "'b' differs at byte 11, record 3\n  should be: \\x81\\xa1n\\x0c\n  is:        "
         "\\x81\\xa1\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char actual[sizeof expected];
        struct buf out = {0};
        struct err e;
        uint64_t bytes;
        memcpy(actual, expected, sizeof expected);
        actual[rows[i].place] = (char)(actual[rows[i].place] + 1);
        write_file("a", expected, sizeof expected - 1);
        write_file("b", actual, rows[i].cut ? rows[i].place : sizeof expected - 1);
        assert_int_equal(chaos_compare("a", "b", true, &bytes, &out, &e), ERR_MISMATCH);
        if (strncmp(buf_text(&out), rows[i].difference, strlen(rows[i].difference)) != 0)
            fail_msg("row %zu: %s", i, buf_text(&out));
        buf_done(&out);
    }
}

int main(int argc, char **argv)
{
    char directory[] = "/tmp/chaos_compare_test.XXXXXX";
    if (mkdtemp(directory) == NULL || chdir(directory) != 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_files),
        cmocka_unit_test(large_files),
        cmocka_unit_test(a_long_line),
        cmocka_unit_test(packed_files),
    };
    int failed = CASES_RUN(argc, argv, tests, NULL, NULL);
    (void)unlink("a");
    (void)unlink("b");
    (void)rmdir(directory);
    return failed;
}
