/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/child.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/memory.h"
#include "ipc/stage_protocol.h"
#include "supervisor/run/inherited.h"

/*
 * More than the size of any file under /proc that is read here. Settings can make arguments long.
 */
#define PROC_BYTES_MAX (4u << 20)
#define KILLED_MS_MAX 10000u

static sigset_t waited_for(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    inherited_heed_stops(&set);
    return set;
}

int chaos_children_init(struct err *e)
{
    sigset_t set = waited_for();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return err_set_errno(e, "cannot become the reaper of processes");
    return 0;
}

/* Waits until the child has reached its exec, or has failed to. */
static int await_birth(const struct child *run, struct err *e)
{
    int error;
    while (child_hear_birth(run, &error) != 0) {
        struct pollfd birth = {.fd = run->birth_fd, .events = POLLIN};
        (void)poll(&birth, 1, -1);
    }
    errno = error;
    return error == 0 ? 0 : err_set_errno(e, "cannot start a run");
}

int chaos_child_start(struct chaos_child *child, const char *const *arguments, const char *in_path,
                      const char *out_path, const char *log_path, struct err *e)
{
    struct child_fd fds[] = {{-1, STDIN_FILENO}, {-1, STDOUT_FILENO}, {-1, STDERR_FILENO}};
    int rc = file_open(AT_FDCWD, in_path, O_RDONLY, 0, &fds[0].fd, e);
    if (rc == 0)
        rc = file_open(AT_FDCWD, out_path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fds[1].fd, e);
    if (rc == 0)
        rc = file_open(AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600, &fds[2].fd, e);
    /* The run must receive our signals, whatever we ignore. It can read /dev/fd/7, as we could. */
    static const int none_ignored[] = {0};
    const struct child_options options = {.program = "/proc/self/exe",
                                          .arguments = arguments,
                                          .fds = fds,
                                          .fd_count = 3,
                                          .keeps_others = true,
                                          .ignored = none_ignored,
                                          .group = CHILD_IN_GROUP};
    struct child run;
    if (rc == 0)
        rc = child_start(&options, &run, e);
    for (int i = 0; i < 3; i++) {
        if (fds[i].fd >= 0)
            (void)close(fds[i].fd);
    }
    if (rc != 0)
        return rc;
    *child = (struct chaos_child){.pid = run.pid};
    rc = await_birth(&run, e);
    (void)close(run.birth_fd);
    (void)close(run.pid_fd);
    return rc;
}

void chaos_child_signal(const struct chaos_child *child, int signal)
{
    /* It is our child and has not been reaped, so the pid is still its own. */
    if (child->pid > 0)
        (void)kill(child->pid, signal);
}

bool chaos_children_reap(struct chaos_child *child)
{
    bool ended = false;
    pid_t pid;
    int status;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == child->pid) {
            *child = (struct chaos_child){.status = status};
            ended = true;
        }
    }
    /* Another process has reaped it. */
    if (pid < 0 && errno == ECHILD && child->pid > 0) {
        *child = (struct chaos_child){.status = SIGKILL};
        ended = true;
    }
    return ended;
}

/* Sends SIGKILL to all our children. Returns how many there were. */
static unsigned kill_children(void)
{
    int fd;
    struct buf text = {0};
    unsigned count = 0;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    if (file_open(AT_FDCWD, path, O_RDONLY, 0, &fd, NULL) != 0)
        return 0;
    if (file_read_whole(fd, PROC_BYTES_MAX, &text, NULL) == 0) {
        const char *at = buf_text(&text);
        char *end;
        for (long pid; (pid = strtol(at, &end, 10)) > 0; at = end, count++)
            (void)kill((pid_t)pid, SIGKILL);
    }
    (void)close(fd);
    buf_done(&text);
    return count;
}

/* Reaps until no child is left, or until wait_ms have passed. Returns whether none is left. */
static bool reap_all(unsigned wait_ms)
{
    uint64_t until_ms = clock_monotonic_ms() + wait_ms;
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid < 0 && errno == ECHILD)
            return true;
        if (pid == 0 && clock_monotonic_ms() >= until_ms)
            return false;
        if (pid == 0)
            (void)chaos_pause(1000);
    }
}

unsigned chaos_children_finish(unsigned wait_ms)
{
    if (reap_all(wait_ms))
        return 0;
    unsigned count = kill_children();
    (void)reap_all(KILLED_MS_MAX);
    return count != 0 ? count : 1;
}

bool chaos_pause(unsigned us)
{
    sigset_t set = waited_for();
    struct timespec patience = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    int number = sigtimedwait(&set, NULL, &patience);
    return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

unsigned chaos_child_descriptors(const struct chaos_child *child)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)child->pid);
    DIR *dir = opendir(path);
    unsigned count = 0;
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    if (dir != NULL)
        (void)closedir(dir);
    return count;
}

static bool read_proc(pid_t pid, const char *name, struct buf *out)
{
    char path[64];
    int fd;
    (void)snprintf(path, sizeof path, "/proc/%ld/%s", (long)pid, name);
    if (file_open(AT_FDCWD, path, O_RDONLY, 0, &fd, NULL) != 0)
        return false;
    bool good = file_read_whole(fd, PROC_BYTES_MAX, out, NULL) == 0;
    (void)close(fd);
    return good;
}

/* The arguments of a stage process begin with a marker, its name and its generation. */
static bool is_stage(pid_t pid, const char *name, uint64_t generation)
{
    struct buf wanted = {0}, actual = {0};
    buf_add(&wanted, "bulkhead", sizeof "bulkhead");
    buf_add(&wanted, STAGE_ARGUMENT, sizeof STAGE_ARGUMENT);
    buf_add(&wanted, name, strlen(name) + 1);
    buf_add_format(&wanted, "%" PRIu64, generation);
    buf_add_byte(&wanted, '\0');
    bool same = read_proc(pid, "cmdline", &actual) && actual.len >= wanted.len &&
                memcmp(actual.data, wanted.data, wanted.len) == 0;
    buf_done(&wanted);
    buf_done(&actual);
    return same;
}

/* The fourth field of /proc/PID/stat; it follows a name that may hold any characters. */
static pid_t parent_of(pid_t pid)
{
    struct buf text = {0};
    long parent = 0;
    if (read_proc(pid, "stat", &text)) {
        const char *name_end = strrchr(buf_text(&text), ')');
        if (name_end == NULL || sscanf(name_end + 1, " %*c %ld", &parent) != 1)
            parent = 0;
    }
    buf_done(&text);
    return (pid_t)parent;
}

int chaos_stage_open(pid_t pid, pid_t supervisor, const char *name, uint64_t generation)
{
    int pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd < 0)
        return -1;
    /* The pidfd was opened first. If its process is still alive, /proc showed that process. */
    if (is_stage(pid, name, generation) && parent_of(pid) == supervisor &&
        !chaos_stage_is_dead(pid_fd))
        return pid_fd;
    (void)close(pid_fd);
    return -1;
}

void chaos_stage_signal(int pid_fd, int signal)
{
    (void)syscall(SYS_pidfd_send_signal, pid_fd, signal, NULL, 0);
}

bool chaos_stage_is_dead(int pid_fd)
{
    struct pollfd waiting = {.fd = pid_fd, .events = POLLIN};
    return poll(&waiting, 1, 0) != 0;
}
