/* SPDX-License-Identifier: MIT */
/* A journal goes on when its stage is renamed, and is refused by all others, as before. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/memory.h"
#include "stages/journal/journal.h"
#include "stages/journal/journal_owner.h"
#include "tests/unit/cases.h"

static char directory[64];
static int dir_fd;

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/dev/shm/bulkhead-owner-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = memory_format("rm -rf '%s'", directory);
    int rc = system(command);
    free(command);
    (void)close(dir_fd);
    return rc;
}

static int open_as(const char *stage, struct err *e)
{
    struct journal_config config = {
        .dir_fd = dir_fd, .owner = journal_owner("t", stage), .boot = "boot", .stream = 1};
    struct journal *journal = NULL;
    int rc = journal_open(&config, &journal, e);
    journal_free(journal);
    return rc;
}

static int count_files(void)
{
    char *command = memory_format("test $(ls '%s' | wc -l) -eq 1", directory);
    int rc = system(command);
    free(command);
    return rc == 0 ? 1 : -1;
}

static void a_renamed_stage_goes_on_with_its_journal(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(open_as("in", &e), 0);
    assert_int_equal(open_as("input", &e), ERR_MISMATCH);
    assert_string_equal(e.text, "journal.00000001 belongs to another topology or stage");
    for (unsigned i = 0; i < 2; i++) /* it may be repeated */
        assert_int_equal(journal_rename(dir_fd, journal_owner("t", "in"), &e), 0);
    assert_int_equal(open_as("input", &e), 0);
    assert_true(journal_is_owned(dir_fd, journal_owner("t", "in"), journal_owner("t", "input")));
    assert_false(journal_is_owned(dir_fd, journal_owner("t", "out"), journal_owner("t", "input")));
    /* And once more, whether a segment was begun in between or not. */
    assert_int_equal(journal_rename(dir_fd, journal_owner("t", "input"), &e), 0);
    assert_int_equal(open_as("lines", &e), 0);
}

static void what_is_not_there_is_not_renamed(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(open_as("in", &e), 0);
    assert_int_equal(journal_rename(dir_fd, journal_owner("t", "other"), &e), 0);
    assert_int_equal(count_files(), 1);
    int fd = openat(dir_fd, "journal.00000001", O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "x", 1, 20), 1);
    (void)close(fd);
    assert_int_equal(journal_rename(dir_fd, journal_owner("t", "in"), &e), ERR_CORRUPT);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_renamed_stage_goes_on_with_its_journal),
        TEST(what_is_not_there_is_not_renamed),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
