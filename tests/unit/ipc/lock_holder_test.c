/* SPDX-License-Identifier: MIT */
/*
 * Who works in a state directory: a process that is named in the lock file, lives, and has the
 * directory open. Children of the test stand for supervisors.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipc/lock_holder.h"
#include "tests/unit/cases.h"

static char dir[] = "/tmp/lock_holder_test.XXXXXX";
static int dir_fd = -1;

static int make_dir(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir_fd >= 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    (void)unlinkat(dir_fd, LOCK_HOLDER_FILE, 0);
    (void)close(dir_fd);
    return rmdir(dir);
}

static void write_lock(const char *text)
{
    int fd = openat(dir_fd, LOCK_HOLDER_FILE, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_true(dprintf(fd, "%s", text) >= 0);
    assert_int_equal(close(fd), 0);
}

static void write_pid(pid_t pid)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%ld\n", (long)pid);
    write_lock(text);
}

/* A process that waits to be killed, with the directory open or without. */
static pid_t start(bool with_directory)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when an assertion ends the test */
        if (!with_directory)
            (void)close(dir_fd);
        (void)!write(ready[1], "", 1);
        for (;;)
            (void)pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    (void)close(ready[1]);
    return pid;
}

static void there_is_no_holder_without_a_pid(void **state)
{
    (void)state;
    assert_int_equal(lock_holder_of("/nonexistent/state"), 0);
    assert_int_equal(lock_holder_pid(dir_fd), 0);
    assert_int_equal(lock_holder_of(dir), 0);
    write_lock("");
    assert_int_equal(lock_holder_of(dir), 0);
    write_lock("nobody\n");
    assert_int_equal(lock_holder_of(dir), 0);
    write_lock("-1\n"); /* to kill(2) that is everybody */
    assert_int_equal(lock_holder_of(dir), 0);
}

static void our_own_pid_is_an_old_one(void **state)
{
    (void)state;
    write_pid(getpid());
    assert_int_equal(lock_holder_pid(dir_fd), getpid());
    assert_int_equal(lock_holder_of(dir), 0);
}

static void who_lives_and_has_the_directory_open_holds_it(void **state)
{
    (void)state;
    pid_t pid = start(true);
    write_pid(pid);
    assert_int_equal(lock_holder_of(dir), pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(lock_holder_of(dir), 0); /* dead, though its pid is not free yet */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(lock_holder_of(dir), 0);
}

static void another_process_with_that_pid_holds_nothing(void **state)
{
    (void)state;
    pid_t pid = start(false);
    write_pid(pid);
    assert_int_equal(lock_holder_pid(dir_fd), pid);
    assert_int_equal(lock_holder_of(dir), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_holder_without_a_pid),
        cmocka_unit_test(our_own_pid_is_an_old_one),
        cmocka_unit_test(who_lives_and_has_the_directory_open_holds_it),
        cmocka_unit_test(another_process_with_that_pid_holds_nothing),
    };
    return CASES_RUN(argc, argv, tests, make_dir, remove_dir);
}
