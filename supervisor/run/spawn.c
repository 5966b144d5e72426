/* SPDX-License-Identifier: MIT */
/*
 * What the child does between fork and exec is only what may be done there: calls of the kernel.
 * A failure reaches the parent as an errno through a pipe that a successful exec closes; the parent
 * does not wait for either, since the child may be stopped, or hang in its exec.
 */
#include "supervisor/run/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stages/host/process_host.h"

/* Where the pipe for the errno stands in the child, behind the stage's own descriptors. */
#define ERRNO_FD STAGE_FD_COUNT

void spawn_stream_text(const struct stage_input *input, char ret_text[SPAWN_STREAM_BYTES])
{
    if (input == NULL)
        (void)snprintf(ret_text, SPAWN_STREAM_BYTES, "-");
    else
        (void)snprintf(ret_text, SPAWN_STREAM_BYTES, "%016" PRIx64 "%c%c", input->stream,
                       input->kept ? 'k' : 'n', input->relay_read_fd >= 0 ? 'r' : 'p');
}

int spawn_parse_stream(const char *text, struct stage_input *ret_input)
{
    if (strlen(text) != 18 || strspn(text, "0123456789abcdef") != 16)
        return ERR_INVALID;
    bool relayed = text[17] == 'r';
    *ret_input = (struct stage_input){.fd = STDIN_FILENO,
                                      .relay_read_fd = relayed ? STAGE_FD_RELAY_READ : -1,
                                      .relay_write_fd = relayed ? STAGE_FD_RELAY_WRITE : -1,
                                      .stream = strtoull(text, NULL, 16),
                                      .kept = text[16] == 'k'};
    return 0;
}

/* Moves a descriptor out of the way of those with fixed places. */
static int lift(int fd)
{
    int lifted = fcntl(fd, F_DUPFD_CLOEXEC, 32);
    if (lifted < 0 && errno == EINVAL)
        errno = EMFILE; /* so it says when the place lies above what `ulimit -n` allows */
    return lifted;
}

struct child_fds {
    int stdin_fd, stdout_fd, stderr_fd, control_fd, status_fd, topology_fd, links_fd, stages_fd,
        image_fd, lock_fd, relay_read_fd, relay_write_fd, errno_fd;
};

static int place_fds(const struct child_fds *fds)
{
    const int wanted[][2] = {
        {fds->stdin_fd, STDIN_FILENO},
        {fds->stdout_fd, STDOUT_FILENO},
        {fds->stderr_fd, STDERR_FILENO},
        {fds->control_fd, STAGE_FD_CONTROL},
        {fds->status_fd, STAGE_FD_STATUS},
        {fds->topology_fd, STAGE_FD_TOPOLOGY},
        {fds->links_fd, STAGE_FD_LINKS},
        {fds->stages_fd, STAGE_FD_STAGES},
        {fds->image_fd, STAGE_FD_IMAGE},
        {fds->lock_fd, STAGE_FD_LOCK},
        {fds->relay_read_fd, STAGE_FD_RELAY_READ},
        {fds->relay_write_fd, STAGE_FD_RELAY_WRITE},
        {fds->errno_fd, ERRNO_FD},
    };
    enum { COUNT = sizeof wanted / sizeof wanted[0] };
    int lifted[COUNT];
    for (int i = 0; i < COUNT; i++) {
        lifted[i] = wanted[i][0] >= 0 ? lift(wanted[i][0]) : -1;
        if (wanted[i][0] >= 0 && lifted[i] < 0)
            return -1;
    }
    for (int i = 0; i < COUNT; i++) {
        if (lifted[i] >= 0 && dup2(lifted[i], wanted[i][1]) < 0)
            return -1;
    }
    /* A place that nothing of ours stands in may hold what was there when we were started. */
    for (int i = 0; i < COUNT; i++) {
        if (lifted[i] < 0)
            (void)close(wanted[i][1]);
    }
    if (fcntl(ERRNO_FD, F_SETFD, FD_CLOEXEC) != 0)
        return -1;
    return close_range(ERRNO_FD + 1, ~0u, 0);
}

/* How much sooner than us the kernel's out-of-memory killer takes a stage. */
static const char oom_score[] = "500";

/* That the guilty one dies when memory is short, and not us. */
static bool limit_memory(uint64_t bytes_max)
{
    struct rlimit limit;
    if (bytes_max != 0) {
        if (getrlimit(RLIMIT_DATA, &limit) != 0)
            return false;
        limit.rlim_cur = limit.rlim_max < bytes_max ? limit.rlim_max : bytes_max;
        if (setrlimit(RLIMIT_DATA, &limit) != 0)
            return false;
    }
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) { /* without /proc, or where it is read-only, there is no such protection */
        ssize_t ignored = write(fd, oom_score, sizeof oom_score - 1);
        (void)ignored;
        (void)close(fd);
    }
    return true;
}

static _Noreturn void be_child(const struct child_fds *fds, pid_t parent, uint64_t memory_bytes_max,
                               char *const *arguments)
{
    sigset_t none;
    (void)sigemptyset(&none);
    /* A stop of all processes at once is the supervisor's to carry out, from the first moment. */
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    /* A session of its own, so that what a terminal sends to us does not reach it. */
    bool placed = setsid() >= 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
                  limit_memory(memory_bytes_max) && place_fds(fds) == 0;
    if (placed && sigprocmask(SIG_SETMASK, &none, NULL) == 0)
        (void)execv("/proc/self/exe", arguments);
    int error = errno != 0 ? errno : ECHILD;
    ssize_t ignored = write(placed ? ERRNO_FD : fds->errno_fd, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

int spawn_hear_birth(const struct spawned *spawned, int *ret_error)
{
    int error = 0;
    ssize_t n;
    do {
        n = read(spawned->birth_fd, &error, sizeof error);
    } while (n < 0 && errno == EINTR);
    if (n < 0 && errno == EAGAIN)
        return ERR_AGAIN;
    *ret_error = n == (ssize_t)sizeof error ? error : 0;
    return 0;
}

static void close_pair(int pair[2])
{
    for (int i = 0; i < 2; i++) {
        if (pair[i] >= 0)
            (void)close(pair[i]);
    }
}

/*
 * fork(2) and pidfd_open(2) in one: either both are had, or there is no child. One that could not
 * be watched would have to be killed and waited for, and may be where no signal reaches it for a
 * while. What libraries do at a fork is left out, as of them the child uses nothing.
 */
static pid_t fork_with_pidfd(int *ret_pid_fd)
{
    return (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, ret_pid_fd, NULL, 0);
}

static int fork_stage(const struct spawn_request *request, int control[2], int stderr_pipe[2],
                      int errno_pipe[2], struct spawned *ret_spawned, struct err *e)
{
    char generation[24];
    (void)snprintf(generation, sizeof generation, "%" PRIu64, request->generation);
    char begins_after[24];
    (void)snprintf(begins_after, sizeof begins_after, "%" PRIu64, request->begins_after);
    char stream[SPAWN_STREAM_BYTES];
    spawn_stream_text(request->input, stream);
    const char *arguments[SPAWN_ARGUMENTS + SETTINGS_MAX + 1] = {
        "bulkhead", SPAWN_STAGE_ARGUMENT,   request->stage,
        generation, begins_after,           request->verbose ? "verbose" : "quiet",
        stream,     request->topology_file,
    };
    for (size_t i = 0; i < request->settings->count; i++)
        arguments[SPAWN_ARGUMENTS + i] = request->settings->items[i];
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0)
        return err_set_errno(e, "cannot open /dev/null");
    const struct stage_input *input = request->input;
    struct child_fds fds = {.stdin_fd = input != NULL ? input->fd : null_fd,
                            .stdout_fd = request->takes_stdout ? STDOUT_FILENO : null_fd,
                            .relay_read_fd = input != NULL ? input->relay_read_fd : -1,
                            .relay_write_fd = input != NULL ? input->relay_write_fd : -1,
                            .stderr_fd = stderr_pipe[1],
                            .control_fd = control[1],
                            .status_fd = request->status_fd,
                            .topology_fd = request->topology_fd,
                            .links_fd = request->links_fd,
                            .stages_fd = request->stages_fd,
                            .image_fd = request->image_fd,
                            .lock_fd = request->lock_fd,
                            .errno_fd = errno_pipe[1]};
    pid_t parent = getpid();
    errno = 0;
    int pid_fd = -1;
    pid_t pid = fork_with_pidfd(&pid_fd);
    if (pid == 0)
        be_child(&fds, parent, request->memory_bytes_max, (char *const *)arguments);
    int rc = 0;
    if (pid < 0) {
        enum want want = want_of_fork(errno);
        rc = err_set_errno(e, "cannot fork");
        e->want = want;
    }
    (void)close(null_fd);
    (void)close(errno_pipe[1]);
    errno_pipe[1] = -1;
    if (rc != 0)
        return rc;
    *ret_spawned = (struct spawned){.pid = pid, .pid_fd = pid_fd};
    return 0;
}

int spawn_stage(const struct spawn_request *request, struct spawned *ret_spawned, struct err *e)
{
    int control[2] = {-1, -1}, stderr_pipe[2] = {-1, -1}, errno_pipe[2] = {-1, -1};
    int rc = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, control) != 0 ||
        pipe2(stderr_pipe, O_CLOEXEC) != 0 || pipe2(errno_pipe, O_CLOEXEC) != 0 ||
        fcntl(stderr_pipe[0], F_SETFL, O_NONBLOCK) != 0 ||
        fcntl(errno_pipe[0], F_SETFL, O_NONBLOCK) != 0)
        rc = err_set_errno(e, "cannot make the channels of a stage");
    if (rc == 0)
        rc = fork_stage(request, control, stderr_pipe, errno_pipe, ret_spawned, e);
    if (rc == 0) {
        ret_spawned->control_fd = control[0];
        ret_spawned->stderr_fd = stderr_pipe[0];
        ret_spawned->birth_fd = errno_pipe[0];
        control[0] = stderr_pipe[0] = errno_pipe[0] = -1;
    }
    close_pair(control);
    close_pair(stderr_pipe);
    close_pair(errno_pipe);
    return rc;
}

void spawn_signal(const struct spawned *spawned, int signal)
{
    (void)syscall(SYS_pidfd_send_signal, spawned->pid_fd, signal, NULL, 0);
}
