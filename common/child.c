/* SPDX-License-Identifier: MIT */
/*
 * Between fork and exec the child does only what is allowed there: system calls. A failure reaches
 * the parent as an errno through a pipe, which a successful exec closes. The parent waits for
 * neither, since the child may be stopped or hang in its exec.
 */
#include "common/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/check.h"

/* How much more likely than us a child is to be chosen by the kernel's out-of-memory killer. */
static const char oom_score[] = "500";

/* Moves a descriptor out of the way of the places; the copy is closed on exec. */
static int lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, CHILD_PLACES_MAX);
    if (lifted < 0 && errno == EINVAL)
        errno = EMFILE; /* EINVAL means that the place is above what `ulimit -n` allows */
    return lifted;
}

static int place_fds(const struct child_options *options)
{
    int lifted[CHILD_PLACES_MAX];
    bool taken[CHILD_PLACES_MAX] = {false};
    for (size_t i = 0; i < options->fd_count; i++) {
        lifted[i] = options->fds[i].fd >= 0 ? lift(options->fds[i].fd) : -1;
        if (options->fds[i].fd >= 0 && lifted[i] < 0)
            return -1;
    }
    for (size_t i = 0; i < options->fd_count; i++) {
        if (lifted[i] >= 0 && dup2(lifted[i], options->fds[i].place) < 0)
            return -1;
        taken[options->fds[i].place] |= lifted[i] >= 0;
    }
    if (options->keeps_others)
        return 0;
    for (unsigned first = 0, end; first < CHILD_PLACES_MAX; first = end + 1) {
        for (end = first; end < CHILD_PLACES_MAX && !taken[end];)
            end++;
        if (end != first && close_range(first, end - 1, 0) != 0)
            return -1;
    }
    return close_range(CHILD_PLACES_MAX, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* When memory is short, the child that uses it should die before us. */
static bool limit_memory(uint64_t bytes_max)
{
    struct rlimit limit;
    if (bytes_max == 0)
        return true;
    if (getrlimit(RLIMIT_DATA, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max < bytes_max ? limit.rlim_max : bytes_max;
    return setrlimit(RLIMIT_DATA, &limit) == 0;
}

static void die_first(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return; /* without a writable /proc there is no such protection */
    ssize_t ignored = write(fd, oom_score, sizeof oom_score - 1);
    (void)ignored;
    (void)close(fd);
}

/* Resets all signals: ignored ones would stay ignored after the exec, whatever the reason. */
static void reset_signals(const int *ignored)
{
    for (int number = 1; number <= SIGRTMAX; number++)
        (void)signal(number, SIG_DFL); /* fails for those that cannot be changed */
    for (; *ignored != 0; ignored++)
        (void)signal(*ignored, SIG_IGN);
}

static _Noreturn void be_child(const struct child_options *options, pid_t parent, int errno_fd)
{
    sigset_t none;
    (void)sigemptyset(&none);
    reset_signals(options->ignored);
    errno = 0;
    int error_fd = lift(errno_fd);
    bool placed = error_fd >= 0 &&
                  (options->group == CHILD_IN_SESSION ? setsid() >= 0 : setpgid(0, 0) == 0) &&
                  prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
                  limit_memory(options->memory_bytes_max);
    if (placed && options->dies_first)
        die_first();
    placed = placed && place_fds(options) == 0;
    if (placed && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        (void)execv(options->program, (char *const *)(uintptr_t)options->arguments);
    int error = errno != 0 ? errno : ECHILD;
    ssize_t ignored = write(error_fd >= 0 ? error_fd : errno_fd, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

/*
 * fork(2) and pidfd_open(2) in one: either both succeed, or there is no child. A child that cannot
 * be watched would have to be killed and waited for, and signals may not reach it for a while. The
 * fork handlers of libraries do not run, since the child uses no library.
 */
static pid_t fork_with_pidfd(int *ret_pid_fd)
{
    return (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, ret_pid_fd, NULL, 0);
}

int child_start(const struct child_options *options, struct child *ret_child, struct err *e)
{
    REQUIRE(options->fd_count <= CHILD_PLACES_MAX);
    for (size_t i = 0; i < options->fd_count; i++)
        REQUIRE(options->fds[i].place >= 0 && options->fds[i].place < CHILD_PLACES_MAX);
    int birth[2] = {-1, -1};
    if (pipe2(birth, O_CLOEXEC) != 0)
        return err_set_errno(e, "cannot create a pipe for a child process");
    int rc = fcntl(birth[0], F_SETFL, O_NONBLOCK) == 0
                 ? 0
                 : err_set_errno(e, "cannot set up a pipe for a child process");
    sigset_t all, before;
    (void)sigfillset(&all);
    /* None of our signal handlers may run in the child. */
    (void)sigprocmask(SIG_SETMASK, &all, &before);
    pid_t parent = getpid();
    int pid_fd = -1;
    errno = 0;
    pid_t pid = rc == 0 ? fork_with_pidfd(&pid_fd) : -1;
    if (pid == 0)
        be_child(options, parent, birth[1]);
    if (pid < 0 && rc == 0) {
        enum want want = want_of_fork(errno);
        rc = err_set_errno(e, "cannot fork");
        if (e != NULL)
            e->want = want;
    }
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    (void)close(birth[1]);
    if (rc != 0) {
        (void)close(birth[0]);
        return rc;
    }
    *ret_child = (struct child){.pid = pid, .pid_fd = pid_fd, .birth_fd = birth[0]};
    return 0;
}

int child_hear_birth(const struct child *child, int *ret_error)
{
    int error = 0;
    ssize_t n;
    do {
        n = read(child->birth_fd, &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return ERR_AGAIN;
    *ret_error = n == (ssize_t)sizeof error ? error : 0;
    return 0;
}

void child_signal(const struct child *child, int number)
{
    (void)syscall(SYS_pidfd_send_signal, child->pid_fd, number, NULL, 0);
}
