/* SPDX-License-Identifier: MIT */
#include "stages/host/crash_signals.h"

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Reports the signal, in pieces: a signal handler must not call anything that formats. */
static void say_sent(int number)
{
    const char *name = sigabbrev_np(number);
    const char *pieces[] = {"SIG", name != NULL ? name : "?", " was sent by another process\n"};
    struct iovec parts[sizeof pieces / sizeof pieces[0]];
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++)
        parts[i] = (struct iovec){(void *)(uintptr_t)pieces[i], strlen(pieces[i])};
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (poll(&ready, 1, 0) <= 0)
        return;
    ssize_t ignored = writev(STDERR_FILENO, parts, (int)(sizeof pieces / sizeof pieces[0]));
    (void)ignored;
}

/*
 * A crash signal that another process has sent is a kill from outside, and ends the process as one.
 * A crash of its own gets the default action, which is in force by now. A fault is raised again
 * when this returns. A trap, a forbidden system call and abort(3) are not, so they are raised here:
 * the process must not continue with what came of them.
 */
static void on_crash(int number, siginfo_t *info, void *context)
{
    (void)context;
    bool comes_again = info->si_code > 0 && number != SIGTRAP && number != SIGSYS;
    if (comes_again)
        return;
    if (info->si_code > 0 || info->si_pid == getpid()) {
        (void)raise(number); /* delivered when this returns */
        return;
    }
    say_sent(number);
    (void)kill(getpid(), SIGKILL);
}

void crash_signals_take(void)
{
    static const int crashes[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = (int)(SA_SIGINFO | SA_RESETHAND)};
    (void)sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++) {
        struct sigaction before;
        if (sigaction(crashes[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            (void)sigaction(crashes[i], &action, NULL);
    }
}
