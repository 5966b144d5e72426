/* SPDX-License-Identifier: MIT */
/*
 * Whether the next run recognizes a pipe, even if the kernel does not let it be made larger.
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

#include "common/bounds.h"
#include "common/memory.h"
#include "stages/journal/journal.h"
#include "stages/journal/stage_input.h"
#include "tests/unit/cases.h"

/* What the kernel allows: any size of a pipe, only smaller ones, or no change at all. */
static enum { ANY_SIZE, SMALLER, NO_SIZE } allowed;

int fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    long argument = va_arg(rest, long);
    va_end(rest);
    if (command == F_SETPIPE_SZ &&
        (allowed == NO_SIZE ||
         (allowed == SMALLER && argument > syscall(SYS_fcntl, fd, F_GETPIPE_SZ, 0L)))) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

struct fixture {
    char directory[64];
    int dir_fd;
    int fds[2]; /* of the current pipe */
};

static int set_up(void **state)
{
    struct fixture *f = memory_new(1, sizeof *f);
    (void)snprintf(f->directory, sizeof f->directory, "/tmp/bulkhead-input-XXXXXX");
    if (mkdtemp(f->directory) == NULL)
        return -1;
    f->dir_fd = open(f->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    f->fds[0] = f->fds[1] = -1;
    *state = f;
    return mkfifoat(f->dir_fd, "fifo", 0600);
}

static void close_pipe(struct fixture *f)
{
    for (int i = 0; i < 2; i++) {
        if (f->fds[i] >= 0)
            (void)close(f->fds[i]);
        f->fds[i] = -1;
    }
}

static void forget(const struct fixture *f)
{
    DIR *dir = opendir(f->directory);
    const struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "journal", 7) == 0)
            (void)unlinkat(f->dir_fd, entry->d_name, 0);
    }
    (void)closedir(dir);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    allowed = ANY_SIZE;
    close_pipe(f);
    forget(f);
    (void)unlinkat(f->dir_fd, "fifo", 0);
    (void)close(f->dir_fd);
    int rc = rmdir(f->directory);
    free(f);
    return rc;
}

/* A new pipe, with a name or without one. */
static void make_pipe(struct fixture *f, bool named)
{
    close_pipe(f);
    if (!named) {
        assert_int_equal(pipe2(f->fds, O_CLOEXEC | O_NONBLOCK), 0);
        return;
    }
    f->fds[0] = openat(f->dir_fd, "fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    f->fds[1] = openat(f->dir_fd, "fifo", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(f->fds[0] >= 0 && f->fds[1] >= 0);
}

/* A run that reads something from the pipe, and is killed. */
static struct stage_input run(struct fixture *f)
{
    struct stage_input input;
    struct err e;
    assert_int_equal(stage_input_open(f->fds[0], f->dir_fd, &input, &e), 0);
    struct journal_config config = {.dir_fd = f->dir_fd,
                                    .owner = journal_owner("t", "in"),
                                    .stream = input.stream,
                                    .stream_kept = input.kept};
    struct journal *journal;
    assert_int_equal(journal_boot_id(config.boot, &e), 0);
    assert_int_equal(journal_open(&config, &journal, &e), 0);
    journal_free(journal);
    stage_input_close(&input);
    return input;
}

static void a_pipe_that_is_kept_is_known_again(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 6; i++) {
        bool named = i % 2 == 0;
        allowed = i / 2 == 0 ? ANY_SIZE : i / 2 == 1 ? SMALLER : NO_SIZE;
        bool known = !named || allowed != NO_SIZE;
        forget(f);
        make_pipe(f, named);
        struct stage_input first = run(f);
        assert_false(first.kept);
        assert_int_equal(first.unmarked, !known);
        for (unsigned again = 0; again < 3; again++) {
            struct stage_input next = run(f);
            assert_int_equal(next.kept, known);
            assert_int_equal(next.unmarked, !known);
            assert_int_equal((uint32_t)next.stream == (uint32_t)first.stream, known);
            assert_true(next.stream != first.stream);
        }
        /* What is allowed may have changed by now. */
        allowed = ANY_SIZE;
        assert_int_equal(run(f).kept, known);
        make_pipe(f, named);
        struct stage_input other = run(f);
        assert_false(other.kept || other.unmarked);
    }
}

/* Also if its creator has set a size, or the kernel has made it small. */
static void a_pipe_that_all_have_closed_is_another_one(void **state)
{
    struct fixture *f = *state;
    static const int sizes[] = {0, 4096, 8192, 16384, 32768, 65536, 524288, 1 << 20};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof sizes[0]; i++) {
        int size = sizes[i / 2];
        forget(f);
        for (unsigned life = 0; life < 4; life++) {
            allowed = ANY_SIZE;
            make_pipe(f, true);
            if (size != 0)
                assert_true(fcntl(f->fds[1], F_SETPIPE_SZ, size) >= 0);
            allowed = i % 2 == 0 ? ANY_SIZE : SMALLER;
            assert_false(run(f).kept);
            struct stage_input next = run(f);
            assert_int_equal(next.kept, !next.unmarked);
            assert_int_equal(next.unmarked, size == 4096 && allowed == SMALLER);
        }
    }
}

/* A size that is smaller than the contents of the pipe is not allowed either. */
static void a_full_pipe_that_cannot_be_larger_is_not_marked(void **state)
{
    struct fixture *f = *state;
    uint8_t page[4096] = {0};
    make_pipe(f, true);
    while (write(f->fds[1], page, sizeof page) > 0)
        ;
    allowed = SMALLER;
    struct stage_input input = run(f);
    assert_true(input.unmarked && !input.kept);
    allowed = ANY_SIZE;
    input = run(f);
    assert_false(input.unmarked || input.kept);
    assert_true(run(f).kept);
}

static void what_is_no_pipe_has_one_of_its_own(void **state)
{
    struct fixture *f = *state;
    struct stage_input input;
    struct err e;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (unsigned i = 0; i < 3; i++) {
        allowed = i == 0 ? ANY_SIZE : i == 1 ? SMALLER : NO_SIZE;
        assert_int_equal(stage_input_open(fd, f->dir_fd, &input, &e), 0);
        assert_true(input.relay_read_fd >= 0 && input.relay_write_fd >= 0);
        assert_false(input.kept || input.unmarked);
        stage_input_close(&input);
    }
    (void)close(fd);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(a_pipe_that_is_kept_is_known_again),
        TEST(a_pipe_that_all_have_closed_is_another_one),
        TEST(a_full_pipe_that_cannot_be_larger_is_not_marked),
        TEST(what_is_no_pipe_has_one_of_its_own),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
