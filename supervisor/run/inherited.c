/* SPDX-License-Identifier: MIT */
#include "supervisor/run/inherited.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/log.h"
#include "supervisor/run/exit_codes.h"

#define LATE_SECONDS_MAX 1u

static bool was_closed[STDERR_FILENO + 1], was_real_time;

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void inherited_heed(sigset_t *set, int signal)
{
    if (!is_ignored(signal))
        (void)sigaddset(set, signal);
}

void inherited_heed_stops(sigset_t *set)
{
    static const int stops[] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++)
        inherited_heed(set, stops[i]);
}

/* --- signals --- */

/* No stage has been started, and a start can be killed at any moment, so this is an orderly end. */
static void on_early_stop(int number)
{
    static const char text[] = "bulkhead: asked to stop before any stage was started\n";
    (void)number;
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (log_enabled(LOG_INFO) && poll(&ready, 1, 0) > 0) {
        ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);
        (void)ignored;
    }
    _exit(EXIT_OK);
}

void inherited_set_stops(void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};
    sigset_t stops;
    (void)sigemptyset(&stops);
    inherited_heed_stops(&stops);
    action.sa_mask = stops;
    for (int number = 1; number < NSIG; number++) {
        if (sigismember(&stops, number) == 1)
            (void)sigaction(number, &action, NULL);
    }
}

void inherited_end_early_stops(sigset_t *set)
{
    inherited_heed_stops(set);
    (void)sigprocmask(SIG_BLOCK, set, NULL);
    inherited_set_stops(SIG_DFL);
}

static volatile sig_atomic_t late_code;

static void on_late_alarm(int number)
{
    (void)number;
    _exit((int)late_code);
}

static void on_late_stop(int number)
{
    (void)number;
    (void)alarm(LATE_SECONDS_MAX);
}

void inherited_set_late_stops(int code)
{
    sigset_t stops;
    late_code = code;
    (void)sigemptyset(&stops);
    inherited_heed_stops(&stops);
    (void)signal(SIGALRM, on_late_alarm);
    inherited_set_stops(on_late_stop);
    (void)sigprocmask(SIG_UNBLOCK, &stops, NULL);
}

static void take_signals(enum inherited_by by)
{
    bool works = by != INHERITED_BY_TOOL;
    (void)signal(SIGCHLD, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGPIPE, works ? SIG_IGN : SIG_DFL);
    (void)signal(SIGXFSZ, SIG_IGN);
    if (works)
        (void)signal(SIGTTOU, SIG_IGN);
    if (by == INHERITED_BY_RUN)
        inherited_set_stops(on_early_stop);
}

/* --- descriptors and limits --- */

/*
 * They are opened in the wrong direction, so that reading or writing fails as it does for a closed
 * descriptor. In an empty chroot there is no /dev/null; the root directory cannot be read or
 * written either.
 */
static void fill_closed(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) >= 0)
            continue;
        was_closed[fd] = true;
        if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            (void)open("/", O_PATH | O_DIRECTORY);
    }
}

bool inherited_was_closed(int fd)
{
    return was_closed[fd];
}

bool inherited_terminal_is_dumb(void)
{
    const char *name = getenv("TERM");
    return name == NULL || name[0] == '\0' || strcmp(name, "dumb") == 0;
}

static void raise_files_max(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* A file that its owner may not read could not be opened again. */
static void keep_owner_bits(void)
{
    mode_t mask = umask(0);
    (void)umask(mask & (S_IRWXG | S_IRWXO));
}

/*
 * Threads that poll for the progress of another thread, as those of nng do, keep it from its
 * processor forever if only a higher priority can interrupt them.
 */
static void leave_real_time(void)
{
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    struct sched_param usual = {0};
    if (policy == SCHED_FIFO || policy == SCHED_RR || policy == SCHED_DEADLINE)
        was_real_time = sched_setscheduler(0, SCHED_OTHER, &usual) == 0;
}

bool inherited_was_real_time(void)
{
    return was_real_time;
}

void inherited_take(enum inherited_by by)
{
    sigset_t all, none;
    (void)sigfillset(&all);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_BLOCK, &all, NULL);
    take_signals(by);
    fill_closed();
    /* The runs of chaos inherit what it inherited: the topology may be named /dev/fd/7. */
    if (by != INHERITED_BY_CHAOS)
        (void)close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
    raise_files_max();
    keep_owner_bits();
    leave_real_time();
    /* getopt_long(3) would accept no options after arguments, and libev would wait differently. */
    (void)unsetenv("POSIXLY_CORRECT");
    (void)unsetenv("LIBEV_FLAGS");
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}
