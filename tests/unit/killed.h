/* SPDX-License-Identifier: MIT */
/*
 * killed.h - a process that is killed before or after any of its system calls
 */
#ifndef BULKHEAD_TESTS_UNIT_KILLED_H
#define BULKHEAD_TESTS_UNIT_KILLED_H

#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/cases.h"

#define KILLED_NEVER (UINT32_MAX - 1)

/*
 * Runs work(arg), which must return 0, in a process that is killed at its nth stop: there are two
 * for each system call, before and after it. Returns how many stops it made.
 */
static inline unsigned killed_run(int (*work)(void *arg), void *arg, unsigned nth)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
        (void)raise(SIGSTOP);
        _exit(work(arg) == 0 ? 0 : 1);
    }
    int status;
    for (unsigned stops = 0; stops <= nth; stops++) {
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            return stops;
        }
        if (stops < nth)
            assert_true(ptrace(PTRACE_SYSCALL, pid, NULL, NULL) == 0);
    }
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return nth;
}

#endif
