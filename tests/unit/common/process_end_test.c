/* SPDX-License-Identifier: MIT */
#include "common/process_end.h"
#include "tests/unit/cases.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void ends_have_texts(void **state)
{
    (void)state;
    static const struct {
        int signal, exit_code;
        const char *text;
    } cases[] = {
        {0, 0, "exited with code 0"},
        {0, 255, "exited with code 255"},
        {SIGKILL, 0, "was killed by signal 9 (SIGKILL)"},
        {SIGSEGV, 0, "was killed by signal 11 (SIGSEGV)"},
        {64, 0, "was killed by signal 64 (SIG?)"},
    };
    char text[PROCESS_END_BYTES];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(process_end_text(cases[i].signal, cases[i].exit_code, text),
                            cases[i].text);
}

/* The two numbers are those that wait(2) tells. */
static void process_that_ended_has_a_text(void **state)
{
    (void)state;
    char text[PROCESS_END_BYTES];
    for (int killed = 0; killed < 2; killed++) {
        int status;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            if (killed)
                (void)raise(SIGKILL);
            _exit(7);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        (void)process_end_text(WIFSIGNALED(status) ? WTERMSIG(status) : 0, WEXITSTATUS(status),
                               text);
        assert_string_equal(text,
                            killed ? "was killed by signal 9 (SIGKILL)" : "exited with code 7");
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_have_texts),
        cmocka_unit_test(process_that_ended_has_a_text),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
