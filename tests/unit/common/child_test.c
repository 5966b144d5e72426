/* SPDX-License-Identifier: MIT */
/*
 * What a child finds is asked of the kernel, by a child that is this program once more: it writes
 * what /proc says of it to REPORT_FD.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/child.h"
#include "tests/unit/cases.h"

#define REPORT_FD 20
/* Room for what a sanitizer reserves. */
#define MEMORY_BYTES (UINT64_C(1) << 50)

/* --- the child --- */

static int print_status(FILE *out)
{
    FILE *status = fopen("/proc/self/status", "re");
    char line[256];
    if (status == NULL)
        return 1;
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, "SigBlk:", 7) == 0 || strncmp(line, "SigIgn:", 7) == 0)
            fputs(line, out);
    }
    (void)fclose(status);
    return 0;
}

static int print_self(void)
{
    FILE *out = fdopen(REPORT_FD, "w");
    if (out == NULL)
        return 1;
    for (int fd = 0; fd < 64; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            fprintf(out, "%d%s ", fd, fcntl(fd, F_GETFD) != 0 ? "!" : "");
    }
    struct rlimit limit;
    fprintf(out, "\n%s\n%s\n%d\n", getsid(0) == getpid() ? "session" : "no session",
            getpgid(0) == getpid() ? "group" : "no group",
            getrlimit(RLIMIT_DATA, &limit) == 0 && limit.rlim_cur == MEMORY_BYTES);
    return print_status(out) != 0 || fclose(out) != 0;
}

/* --- the parent --- */

static void await_birth(const struct child *child, int *ret_error)
{
    while (child_hear_birth(child, ret_error) == ERR_AGAIN) {
        struct pollfd ready = {.fd = child->birth_fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, -1), 1);
    }
}

static int end_of(struct child *child)
{
    int status;
    assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
    (void)close(child->pid_fd);
    (void)close(child->birth_fd);
    return status;
}

static const char *const arguments[] = {"child", "print-self", NULL};

static void run(struct child_options options, const struct child_fd *fds, size_t fd_count,
                struct buf *out)
{
    int report[2];
    struct child_fd all[8];
    assert_true(fd_count < 8);
    if (fd_count != 0)
        memcpy(all, fds, fd_count * sizeof *fds);
    assert_int_equal(pipe2(report, O_CLOEXEC), 0);
    all[fd_count] = (struct child_fd){report[1], REPORT_FD};
    options.program = "/proc/self/exe";
    options.arguments = arguments;
    options.fds = all;
    options.fd_count = fd_count + 1;
    struct child child;
    struct err e;
    int error = -1;
    assert_int_equal(child_start(&options, &child, &e), 0);
    (void)close(report[1]);
    await_birth(&child, &error);
    assert_int_equal(error, 0);
    char bytes[4096];
    for (ssize_t n; (n = read(report[0], bytes, sizeof bytes)) > 0;)
        buf_add(out, bytes, (size_t)n);
    (void)close(report[0]);
    assert_int_equal(end_of(&child), 0);
}

static uint64_t mask_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    return strtoull(at + strlen(name), NULL, 16);
}

static uint64_t bit(int number)
{
    return UINT64_C(1) << (number - 1);
}

static void it_finds_what_is_asked_for_and_nothing_else(void **state)
{
    (void)state;
    static const int ignored[] = {SIGTERM, SIGPIPE, 0};
    sigset_t blocked, before;
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &blocked, &before);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGTERM, SIG_DFL);
    int stray = dup(0), far = fcntl(0, F_DUPFD, 40);
    assert_true(stray >= 0 && far >= 40);
    /* Two that want each other's places. */
    int a = open("/dev/null", O_RDWR | O_CLOEXEC), b = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    const struct child_fd fds[] = {{a, 0}, {a, 1}, {a, 2}, {a, b}, {b, a}, {-1, 11}};
    assert_true(a != REPORT_FD && b != REPORT_FD);
    struct buf out = {0};
    run((struct child_options){.ignored = ignored,
                               .group = CHILD_IN_SESSION,
                               .memory_bytes_max = MEMORY_BYTES,
                               .dies_first = true},
        fds, sizeof fds / sizeof fds[0], &out);
    char wanted[128];
    char places[64] = "0 1 2 ";
    for (int fd = 3; fd < 32; fd++) {
        if (fd == a || fd == b || fd == REPORT_FD)
            (void)snprintf(places + strlen(places), sizeof places - strlen(places), "%d ", fd);
    }
    (void)snprintf(wanted, sizeof wanted, "%s\nsession\ngroup\n1\n", places);
    const char *text = buf_text(&out);
    assert_memory_equal(text, wanted, strlen(wanted));
    assert_true(mask_of(text, "SigBlk:") == 0);
    assert_true((mask_of(text, "SigIgn:") & 0x7fffffff) == (bit(SIGTERM) | bit(SIGPIPE)));
    buf_done(&out);
    (void)close(stray);
    (void)close(far);
    (void)close(a);
    (void)close(b);
    (void)signal(SIGHUP, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
}

static void it_keeps_others_if_asked_to(void **state)
{
    (void)state;
    static const int none[] = {0};
    int far = fcntl(0, F_DUPFD, 40);
    struct buf out = {0};
    run((struct child_options){.ignored = none, .group = CHILD_IN_GROUP, .keeps_others = true},
        NULL, 0, &out);
    char wanted[16];
    (void)snprintf(wanted, sizeof wanted, " %d ", far);
    assert_non_null(strstr(buf_text(&out), wanted));
    assert_non_null(strstr(buf_text(&out), "no session\ngroup\n"));
    assert_true((mask_of(buf_text(&out), "SigIgn:") & 0x7fffffff) == 0);
    buf_done(&out);
    (void)close(far);
}

static void an_exec_that_fails_is_told(void **state)
{
    (void)state;
    static const int none[] = {0};
    const struct child_options options = {
        .program = "/nonexistent/program", .arguments = arguments, .ignored = none};
    struct child child;
    struct err e;
    int error = 0;
    assert_int_equal(child_start(&options, &child, &e), 0);
    await_birth(&child, &error);
    assert_int_equal(error, ENOENT);
    int status = end_of(&child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

static void a_signal_reaches_it(void **state)
{
    (void)state;
    static const int none[] = {0};
    static const char *const sleeps[] = {"child", "sleep", NULL};
    const struct child_options options = {
        .program = "/proc/self/exe", .arguments = sleeps, .ignored = none};
    struct child child;
    struct err e;
    int error = -1;
    assert_int_equal(child_start(&options, &child, &e), 0);
    await_birth(&child, &error);
    assert_int_equal(error, 0);
    child_signal(&child, SIGUSR2);
    int status = end_of(&child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR2);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "print-self") == 0)
        return print_self();
    if (argc > 1 && strcmp(argv[1], "sleep") == 0)
        return pause();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_is_asked_for_and_nothing_else),
        cmocka_unit_test(it_keeps_others_if_asked_to),
        cmocka_unit_test(an_exec_that_fails_is_told),
        cmocka_unit_test(a_signal_reaches_it),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
