/* SPDX-License-Identifier: MIT */
#include "common/standard_error.h"
#include "tests/unit/cases.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define COPIES_MAX 100000

/* What a process finds that has fd as its stderr: it writes until it would have to wait. */
static int write_until_full(int fd)
{
    static const char words[] = "what nobody reads\n";
    if (dup2(fd, STDERR_FILENO) < 0)
        return 1;
    for (int i = 0; i < COPIES_MAX; i++) {
        ssize_t n = standard_error_write(words, sizeof words - 1);
        if (n < 0)
            return i > 0 && errno == EAGAIN ? 0 : 2;
    }
    return 3;
}

static void assert_child_ends_well(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void assert_never_waits(int fd)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)alarm(30);
        _exit(write_until_full(fd));
    }
    assert_child_ends_well(pid);
}

static void full_pipe_does_not_wait(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_never_waits(ends[1]);
    /* Who shares the pipe finds it as it was. */
    assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void full_socket_does_not_wait(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_never_waits(ends[1]);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static void closed_stderr_is_an_error(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(STDERR_FILENO);
        _exit(standard_error_write("x", 1) < 0 && errno == EBADF ? 0 : 1);
    }
    assert_child_ends_well(pid);
}

static void last_words_arrive(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        standard_error_last_words("a bug\n");
        _exit(0);
    }
    assert_child_ends_well(pid);
    char text[16] = "";
    assert_int_equal(read(ends[0], text, sizeof text), 6);
    assert_string_equal(text, "a bug\n");
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_pipe_does_not_wait),
        cmocka_unit_test(full_socket_does_not_wait),
        cmocka_unit_test(closed_stderr_is_an_error),
        cmocka_unit_test(last_words_arrive),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
