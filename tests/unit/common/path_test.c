/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/memory.h"
#include "common/path.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static void directories_are_found(void **state)
{
    (void)state;
    static const char *const paths[][2] = {
        {"a", "."},     {"", "."},    {"a/b", "a"},   {"a/b/c", "a/b"}, {"/a", "/"},
        {"/a/b", "/a"}, {"./a", "."}, {"../a", ".."}, {"a/", "a"},      {"a//b", "a/"},
        {"/", "/"},     {"//a", "/"}, {"a/..", "a"},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        char *directory = path_directory(paths[i][0]);
        if (strcmp(directory, paths[i][1]) != 0)
            fail_msg("'%s' lies in '%s'", paths[i][0], directory);
        free(directory);
    }
}

/* Whether a path is one of the process, and how it goes on; NULL: it is not. */
static void expect(const char *path, const char *wanted)
{
    struct buf way = {0};
    bool is = path_is_of_process(path, &way);
    if (is != (wanted != NULL) || strcmp(buf_text(&way), wanted != NULL ? wanted : "") != 0)
        fail_msg("'%s': %s '%s'", path, is ? "yes" : "no", buf_text(&way));
    buf_done(&way);
}

static void names_of_the_process_are_seen(void **state)
{
    (void)state;
    static const char *const paths[][2] = {
        {"/dev/stdin", "/proc/self/fd/0"},
        {"/dev/stdout", "/proc/self/fd/1"},
        {"/dev/stderr", "/proc/self/fd/2"},
        {"//dev/.//stdin", "/proc/self/fd/0"},
        {"/dev/fd/63", "/proc/self/fd/63"},
        {"/dev/./fd/../fd/63", "/proc/self/fd/../fd/63"},
        {"/usr/../dev/fd/3", "/proc/self/fd/3"},
        {"/proc/self/fd/3", "/proc/self/fd/3"},
        {"/proc/self/", "/proc/self"},
        {"/proc/thread-self/fd/3", "/proc/thread-self/fd/3"},
        {"/proc/self/cwd/in", "/proc/self/cwd/in"},
        {"/proc/self/root/etc/passwd", "/proc/self/root/etc/passwd"},
        {"/proc/mounts", "/proc/self/mounts"},
        {"/dev/tty", "/dev/tty"},
        {"/", NULL},
        {".", NULL},
        {"", NULL},
        {"nowhere/self", NULL},
        {"/proc/version", NULL},
        {"/proc/1/status", NULL},
        {"/proc/sys/kernel/self", NULL},
        {"/dev/null", NULL},
        {"/dev/null/self", NULL},
        {"/etc/passwd", NULL},
        {"self", NULL},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        expect(paths[i][0], paths[i][1]);
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd/0", (long)getpid());
    expect(path, path);
    /* Through a link that is none of text, if one may. */
    (void)snprintf(path, sizeof path, "/proc/%ld/root/proc/self/fd/0", (long)getppid());
    if (access(path, F_OK) == 0)
        expect(path, "/proc/self/fd/0");
}

static void links_are_followed(void **state)
{
    (void)state;
    assert_int_equal(symlink("/dev/stdin", "absolute"), 0);
    assert_int_equal(symlink("absolute", "again"), 0);
    assert_int_equal(symlink("/dev", "devices"), 0);
    assert_int_equal(symlink("/proc/self", "me"), 0);
    assert_int_equal(symlink("loop", "loop"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(symlink("file", "plain"), 0);
    assert_int_equal(mkdir("below", 0700), 0);
    assert_int_equal(symlink("../devices/fd/7", "below/relative"), 0);
    assert_int_equal(symlink("self", "below/self"), 0);
    (void)close(open("file", O_WRONLY | O_CREAT, 0600));
    expect("absolute", "/proc/self/fd/0");
    expect("./again", "/proc/self/fd/0");
    expect("again/", "/proc/self/fd/0");
    expect("devices/stdout", "/proc/self/fd/1");
    expect("me/fd/4", "/proc/self/fd/4");
    expect("below/relative", "/proc/self/fd/7");
    expect("below/../again", "/proc/self/fd/0");
    expect("below/../devices/../proc/self/fd/4", "/proc/self/fd/4");
    expect("loop", NULL);
    expect("dangling", NULL);
    expect("plain", NULL);
    expect("plain/self", NULL);
    expect("below/self", NULL);
    expect("below/nowhere", NULL);
    /* By a relative way up to the root. */
    char here[PATH_MAX], *path = memory_dup("", 0);
    assert_non_null(getcwd(here, sizeof here));
    for (const char *at = here; (at = strchr(at, '/')) != NULL; at++) {
        char *longer = memory_format("../%s", path);
        free(path);
        path = longer;
    }
    char *whole = memory_format("%sdev/fd/3", path);
    expect(whole, "/proc/self/fd/3");
    free(whole);
    free(path);
}

static void any_text_is_a_path(void **state)
{
    (void)state;
    static const char *const parts[] = {"/",     "..",    ".",  "self",       "proc", "dev",
                                        "stdin", "fd",    "3",  "devices",    "loop", "below",
                                        "me",    "again", "\n", "thread-self"};
    for (int round = 0; round < 3000; round++) {
        struct buf path = {0}, way = {0};
        for (size_t n = random_below(12); n > 0; n--)
            buf_add_format(&path, "%s%s", parts[random_below(sizeof parts / sizeof parts[0])],
                           random_below(3) == 0 ? "" : "/");
        for (size_t n = random_below(40) == 0 ? 300 : 0; n > 0; n--)
            buf_add_text(&path, random_below(2) == 0 ? "a" : "/.");
        /* What leads to the process can be found out by the kernel as well. */
        const char *text = buf_text(&path);
        char whole[PATH_MAX], self[64];
        (void)snprintf(self, sizeof self, "/proc/%ld", (long)getpid());
        bool is = path_is_of_process(text, &way);
        if (realpath(text, whole) != NULL && strncmp(whole, self, strlen(self)) == 0)
            assert_true(is);
        assert_true(is == (way.len != 0));
        buf_done(&path);
        buf_done(&way);
    }
}

static char directory[] = "/tmp/path_test.XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) != NULL && chdir(directory) == 0 ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return chdir("/") == 0 ? nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS) : -1;
}

int main(int argc, char **argv)
{
    random_init("path_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(directories_are_found),
        cmocka_unit_test(names_of_the_process_are_seen),
        cmocka_unit_test(links_are_followed),
        cmocka_unit_test(any_text_is_a_path),
    };
    return CASES_RUN(argc, argv, tests, make_directory, remove_directory);
}
