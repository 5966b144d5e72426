/* SPDX-License-Identifier: MIT */
#include "common/file_replace.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/file.h"
#include "tests/unit/cases.h"

/* Every test has a fresh directory, which it finds here. */
static int dir_fd = -1;
static char dir_name[4096];

static int make_directory(void **state)
{
    (void)state;
    const char *parent = getenv("TMPDIR");
    (void)snprintf(dir_name, sizeof dir_name, "%s/file_replace_test.XXXXXX",
                   parent != NULL && *parent != '\0' ? parent : "/tmp");
    if (mkdtemp(dir_name) == NULL)
        return -1;
    dir_fd = open(dir_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    struct err e;
    int rc = file_remove_in(dir_fd, "", 1, &e);
    (void)close(dir_fd);
    return rc == 0 ? rmdir(dir_name) : -1;
}

static bool is_there(const char *name)
{
    return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put(const char *name, const char *content)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    assert_int_equal(close(fd), 0);
}

static void assert_file(const char *name, const char *content)
{
    char read_back[64] = "";
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_true(read(fd, read_back, sizeof read_back - 1) >= 0);
    assert_int_equal(close(fd), 0);
    assert_string_equal(read_back, content);
}

static void content_is_replaced(void **state)
{
    (void)state;
    struct err e;
    struct stat st;
    for (int durable = 0; durable < 2; durable++) {
        assert_int_equal(file_replace(dir_fd, "a", "first", 5, durable != 0, &e), 0);
        assert_file("a", "first");
        assert_int_equal(fstatat(dir_fd, "a", &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(file_replace(dir_fd, "a", "2nd", 3, durable != 0, &e), 0);
        assert_file("a", "2nd");
        assert_int_equal(file_replace(dir_fd, "a", NULL, 0, durable != 0, &e), 0);
        assert_file("a", "");
        assert_false(is_there("a.new"));
        assert_int_equal(unlinkat(dir_fd, "a", 0), 0);
    }
}

/* As a kill leaves it; it may be longer than what comes now. */
static void leftover_is_overwritten(void **state)
{
    (void)state;
    struct err e;
    put("a.new", "what was not finished");
    assert_int_equal(file_replace(dir_fd, "a", "x", 1, true, &e), 0);
    assert_file("a", "x");
}

static void link_is_not_followed(void **state)
{
    (void)state;
    struct err e;
    put("a", "old");
    put("victim", "untouched");
    assert_int_equal(symlinkat("victim", dir_fd, "a.new"), 0);
    assert_int_equal(file_replace(dir_fd, "a", "x", 1, true, &e), ERR_MISMATCH);
    assert_file("a", "old");
    assert_file("victim", "untouched");
}

static void nothing_happens_before_the_finish(void **state)
{
    (void)state;
    struct err e;
    int fd;
    put("a", "old");
    assert_int_equal(file_replace_begin(dir_fd, "a", &fd, &e), 0);
    assert_int_equal(file_write_at(fd, 0, "new", 3, &e), 0);
    assert_file("a", "old");
    assert_int_equal(file_replace_finish(dir_fd, "a", fd, 3, true, &e), 0);
    assert_file("a", "new");
    /* It is still open, and the same file. */
    assert_int_equal(file_write_at(fd, 3, "er", 2, &e), 0);
    assert_file("a", "newer");
    assert_int_equal(close(fd), 0);
}

static void what_others_did_to_it_is_told(void **state)
{
    (void)state;
    for (int what = 0; what < 3; what++) {
        struct err e;
        int fd;
        put("a", "old");
        put("other", "theirs");
        assert_int_equal(file_replace_begin(dir_fd, "a", &fd, &e), 0);
        assert_int_equal(file_write_at(fd, 0, "new", 3, &e), 0);
        if (what == 0)
            assert_int_equal(unlinkat(dir_fd, "a.new", 0), 0);
        else if (what == 1)
            assert_int_equal(ftruncate(fd, 1), 0);
        else
            assert_int_equal(renameat(dir_fd, "other", dir_fd, "a.new"), 0);
        assert_int_equal(file_replace_finish(dir_fd, "a", fd, 3, true, &e), ERR_MISMATCH);
        assert_non_null(strstr(e.text, "a.new"));
        assert_file("a", "old");
        assert_int_equal(close(fd), 0);
    }
}

static void failure_leaves_the_old_content(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(mkdirat(dir_fd, "a", 0700), 0);
    put("a/b", "old");
    assert_int_equal(file_replace(dir_fd, "a", "x", 1, true, &e), ERR_IO);
    assert_file("a/b", "old");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, make_directory, remove_directory)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(content_is_replaced),           TEST(leftover_is_overwritten),
        TEST(link_is_not_followed),          TEST(nothing_happens_before_the_finish),
        TEST(what_others_did_to_it_is_told), TEST(failure_leaves_the_old_content),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
