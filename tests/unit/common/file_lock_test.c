/* SPDX-License-Identifier: MIT */
#include "common/file_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/cases.h"

/* The descriptor of the one that holds the lock, and how often it is waited for before it ends. */
static int holder_fd = -1;
static unsigned pauses, pauses_before_end;
static unsigned long waited_ms;

/* In place of the library's: time passes, and the holder may end. */
int nanosleep(const struct timespec *pause, struct timespec *ret_left)
{
    (void)ret_left;
    waited_ms += (unsigned long)pause->tv_sec * 1000 + (unsigned long)pause->tv_nsec / 1000000;
    if (++pauses == pauses_before_end) {
        (void)close(holder_fd);
        holder_fd = -1;
    }
    return 0;
}

static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

/* Locks a file that somebody holds, who ends after so many pauses; 0: never. Returns the result. */
static int lock_after(unsigned end, struct err *e)
{
    char path[] = "/tmp/bulkhead-lock-XXXXXX";
    int made = mkstemp(path);
    assert_true(made >= 0);
    (void)close(made);
    holder_fd = open_file(path);
    assert_int_equal(flock(holder_fd, LOCK_EX), 0);
    pauses = 0;
    waited_ms = 0;
    pauses_before_end = end;
    int fd = open_file(path), other = open_file(path);
    int rc = file_lock(fd, e);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1); /* one of the two has it */
    assert_int_equal(errno, EWOULDBLOCK);
    (void)close(fd);
    (void)close(other);
    if (holder_fd >= 0)
        (void)close(holder_fd);
    assert_int_equal(unlink(path), 0);
    return rc;
}

static void who_is_ending_is_waited_for(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(lock_after(1, &e), 0);
    assert_int_equal(pauses, 1);
    assert_int_equal(lock_after(40, &e), 0);
    assert_int_equal(pauses, 40);
}

static void who_goes_on_is_not_waited_for_any_longer(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(lock_after(0, &e), ERR_BUSY);
    assert_int_equal(waited_ms, FILE_LOCK_WAIT_MS_MAX);
    assert_string_equal(e.text, "another process has locked it");
}

static void what_cannot_be_locked_is_an_error(void **state)
{
    (void)state;
    struct err e;
    pauses = 0;
    assert_int_equal(file_lock(-1, &e), ERR_IO);
    assert_string_equal(e.text, "cannot lock it: Bad file descriptor");
    assert_int_equal(pauses, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_ending_is_waited_for),
        cmocka_unit_test(who_goes_on_is_not_waited_for_any_longer),
        cmocka_unit_test(what_cannot_be_locked_is_an_error),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
