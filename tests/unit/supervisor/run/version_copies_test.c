/* SPDX-License-Identifier: MIT */
/*
 * The copies of versions in a state directory: what is written, what is replaced, what is removed,
 * and what is left alone.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "common/memory.h"
#include "supervisor/run/version_copies.h"
#include "tests/unit/cases.h"

#define A "aaaaaaaa00000000000000000000000000000000000000000000000000000000"
#define B "bbbbbbbb00000000000000000000000000000000000000000000000000000000"
#define C "cccccccc00000000000000000000000000000000000000000000000000000000"

static char directory[64];
static int state_fd = -1;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-copies-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    state_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return state_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(state_fd);
    char *command = memory_format("rm -rf '%s'", directory);
    int rc = system(command);
    free(command);
    return rc;
}

/* Runs a command of a shell in the directory, and returns its exit code. */
static int shell(const char *command)
{
    char *whole = memory_format("cd '%s' && %s", directory, command);
    int rc = system(whole);
    free(whole);
    return rc;
}

/* All that is there, as "find" shows it, in order. */
static void expect_files(const char *wanted)
{
    char *command =
        memory_format("test \"$(find . -mindepth 1 | LC_ALL=C sort | tr '\\n' ' ')\" = '%s' "
                      "|| { find . | LC_ALL=C sort; false; }",
                      wanted);
    assert_int_equal(shell(command), 0);
    free(command);
}

static void expect_content(const char *path, const char *wanted)
{
    struct buf content = {0};
    struct err e;
    int fd = openat(state_fd, path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(file_read_whole(fd, 4096, &content, &e), 0);
    assert_string_equal(buf_text(&content), wanted);
    (void)close(fd);
    buf_done(&content);
}

static int add(const char *id, const char *text, const char *resolved, struct err *e)
{
    struct version version = {0};
    (void)snprintf(version.id.text, sizeof version.id.text, "%s", id);
    buf_add_text(&version.text, text);
    buf_add_text(&version.resolved, resolved);
    int rc = version_copies_add(state_fd, "the/state", &version, e);
    version_done(&version);
    return rc;
}

static int trim(const char *const *ids, size_t count, struct err *e)
{
    struct manifest manifest = {0};
    for (size_t i = 0; i < count; i++) {
        struct manifest_version version = {.first = i + 1};
        (void)snprintf(version.id.text, sizeof version.id.text, "%s", ids[i]);
        (void)snprintf(version.written.text, sizeof version.written.text, "%s", ids[i]);
        manifest_add_version(&manifest, &version);
    }
    int rc = version_copies_trim(state_fd, &manifest, e);
    manifest_done(&manifest);
    return rc;
}

#define FILES_OF(id) "./versions/" id " ./versions/" id "/topology.yaml ./versions/" id "/version "

static ino_t inode_of(const char *path)
{
    struct stat st;
    assert_int_equal(fstatat(state_fd, path, &st, 0), 0);
    return st.st_ino;
}

static void a_copy_has_both_texts(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(add(A, "the text\n", "topology: t\n", &e), 0);
    expect_files("./versions " FILES_OF(A));
    expect_content("versions/" A "/version", "the text\n");
    expect_content("versions/" A "/topology.yaml", "topology: t\n");
}

/* Written is only what differs: a start that changes nothing writes nothing. */
static void what_is_there_stays_and_what_differs_is_replaced(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(add(A, "text\n", "workers: 1\n", &e), 0);
    ino_t text = inode_of("versions/" A "/version"),
          yaml = inode_of("versions/" A "/topology.yaml");
    assert_int_equal(add(A, "text\n", "workers: 1\n", &e), 0);
    assert_int_equal(inode_of("versions/" A "/version"), text);
    assert_int_equal(inode_of("versions/" A "/topology.yaml"), yaml);
    static const char *const others[] = {"workers: 2\n", "workers: 1", "workers: 1\n\n", ""};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(add(A, "text\n", others[i], &e), 0);
        expect_content("versions/" A "/topology.yaml", others[i]);
        assert_int_equal(inode_of("versions/" A "/version"), text);
    }
    /* Nor does what a kill, or another process, has made of it. */
    assert_int_equal(shell("printf tex >versions/" A "/version && "
                           "ln -sf /nowhere versions/" A "/topology.yaml && "
                           "touch versions/" A "/version.new"),
                     0);
    assert_int_equal(add(A, "text\n", "workers: 1\n", &e), 0);
    expect_content("versions/" A "/version", "text\n");
    expect_content("versions/" A "/topology.yaml", "workers: 1\n");
    assert_int_not_equal(shell("test -L versions/" A "/topology.yaml"), 0);
}

static void those_that_the_manifest_has_are_kept(void **state)
{
    (void)state;
    static const char *const ids[] = {A, C, A};
    struct err e;
    assert_int_equal(trim(ids, 1, &e), 0); /* there is no directory yet */
    expect_files("");
    assert_int_equal(add(A, "a", "a", &e), 0);
    assert_int_equal(add(B, "b", "b", &e), 0);
    assert_int_equal(add(C, "c", "c", &e), 0);
    assert_int_equal(shell("touch versions/" B "/version.new versions/" B "/topology.yaml.new"), 0);
    assert_int_equal(trim(ids, 3, &e), 0);
    expect_files("./versions " FILES_OF(A) FILES_OF(C));
    assert_int_equal(trim(ids, 0, &e), 0);
    expect_files("./versions ");
}

static void what_is_not_ours_stays(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(add(A, "a", "a", &e), 0);
    assert_int_equal(add(B, "b", "b", &e), 0);
    /* A note in a copy that goes, a link by the name of one, a file, and other names. */
    assert_int_equal(shell("mkdir versions/mine elsewhere && touch elsewhere/version "
                           "versions/" A "/note versions/README && ln -s ../elsewhere versions/" C
                           " && mkdir versions/Aaaaaaaa && touch versions/" B "0"),
                     0);
    assert_int_equal(trim(NULL, 0, &e), 0);
    expect_files("./elsewhere ./elsewhere/version ./versions ./versions/Aaaaaaaa ./versions/README "
                 "./versions/" A " ./versions/" A "/note ./versions/" B "0 ./versions/" C
                 " ./versions/mine ");
}

static void an_error_says_which_version_and_where(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(shell("touch versions"), 0);
    assert_int_equal(add(A, "a", "a", &e), ERR_MISMATCH);
    assert_non_null(strstr(
        e.text, "cannot keep this version of the topology in 'the/state/versions/aaaaaaaa…': "));
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_copy_has_both_texts),
        TEST(what_is_there_stays_and_what_differs_is_replaced),
        TEST(those_that_the_manifest_has_are_kept),
        TEST(what_is_not_ours_stays),
        TEST(an_error_says_which_version_and_where),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
