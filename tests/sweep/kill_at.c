/* SPDX-License-Identifier: MIT */
/*
 * kill_at: starts a program and kills some of its processes, each at its Nth stop of a syscall
 *
 *   kill_at [-a] [-d SECONDS] [TARGET@N ...] -- PROGRAM ARGUMENT...
 *
 * A target is
 *   supervisor        the program itself, from its exec on
 *   NAME:GENERATION   the process that executes `... --stage-process NAME GENERATION ...`, from
 *                     its exec on
 *   child:K           the program's Kth child, from its fork to its exec
 *
 * A syscall has two stops: before it, where the kill keeps it from happening, and behind it, where
 * the caller never learns that it has happened. They are counted over all threads of the target;
 * @0 counts and kills nobody. Counted are the calls that somebody else could notice: those that
 * change files, sockets or processes. With -a all are, also those that only move memory, wake
 * threads, read or wait. Only the targets are slowed down: of all others no more is seen than that
 * they are born and what they execute.
 *
 * Prints one line a target, "TARGET stops=COUNT killed=SYSCALL" (-1: it was not killed), and then
 * "end=CODE", how the program ended, as a shell counts it. Orphans of the program become children
 * of ours, so whoever is left when the program has ended is known at once.
 *
 * Exit codes: 0, whatever the program did; 1 something failed here; 2 usage; 3 the program did not
 * end in time; 4 processes were left behind. With 3 and 4 all of them are killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 8u
#define TASKS_MAX 1024u
#define SECONDS_DEFAULT 60
/* How long processes may go on after their supervisor was killed. */
#define ORPHANS_MS_MAX 5000u

struct target {
    const char *spec; /* with "@N" */
    char name[64];
    uint64_t number; /* generation, or K of child:K */
    uint64_t at;
    uint64_t stops;
    long killed; /* the syscall at which it was killed; -1 if it was not */
    bool is_child, is_supervisor;
    long last; /* the call that it made last */
};

/* A thread or process that is traced. */
struct task {
    pid_t id, group;
    struct target *target; /* NULL while it is none, or not known to be one */
    long syscall;          /* the one that it is in, or was in last */
    bool noticed;          /* whether that could be */
};

static struct target targets[TARGETS_MAX];
static size_t target_count;
static struct task tasks[TASKS_MAX];
static size_t task_count;
static pid_t root;
static bool count_all;
static uint64_t children;
static volatile sig_atomic_t out_of_time;

static _Noreturn void fatal(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fatal(const char *format, ...)
{
    int error = errno;
    va_list args;
    va_start(args, format);
    (void)fputs("kill_at: ", stderr);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fprintf(stderr, " (%s)\n", strerror(error));
    exit(1); /* PTRACE_O_EXITKILL takes the tracees along */
}

static _Noreturn void usage(void)
{
    (void)fputs("usage: kill_at [-a] [-d SECONDS] [TARGET@N ...] -- PROGRAM ARGUMENT...\n"
                "a TARGET is: supervisor, NAME:GENERATION, child:K\n",
                stderr);
    exit(2);
}

static void add_target(const char *spec)
{
    const char *at = strchr(spec, '@');
    const char *colon = strchr(spec, ':');
    if (target_count == TARGETS_MAX || at == NULL)
        usage();
    struct target *t = &targets[target_count++];
    *t = (struct target){.spec = spec, .at = strtoull(at + 1, NULL, 10), .killed = -1};
    t->is_supervisor = strncmp(spec, "supervisor@", 11) == 0;
    if (t->is_supervisor)
        return;
    if (colon == NULL || colon > at || (size_t)(colon - spec) >= sizeof t->name)
        usage();
    memcpy(t->name, spec, (size_t)(colon - spec));
    t->number = strtoull(colon + 1, NULL, 10);
    t->is_child = strcmp(t->name, "child") == 0;
}

/* --- what is known of processes --- */

/* A number from /proc/ID/status; 0 if the process is gone. */
static pid_t status_number(pid_t id, const char *key)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof path, "/proc/%d/status", id);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    pid_t number = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, key, strlen(key)) == 0)
            number = (pid_t)strtol(line + strlen(key), NULL, 10);
    }
    (void)fclose(file);
    return number;
}

static struct task *find_task(pid_t id)
{
    for (size_t i = 0; i < task_count; i++) {
        if (tasks[i].id == id)
            return &tasks[i];
    }
    return NULL;
}

static void forget_task(pid_t id)
{
    struct task *task = find_task(id);
    if (task != NULL)
        *task = tasks[--task_count];
}

static struct target *find_target(const char *name, uint64_t number)
{
    for (size_t i = 0; i < target_count; i++) {
        if (!targets[i].is_supervisor && strcmp(targets[i].name, name) == 0 &&
            targets[i].number == number)
            return &targets[i];
    }
    return NULL;
}

/* A task that stops for the first time: the thread of one that is known, or a child of the root. */
static struct task *add_task(pid_t id)
{
    if (task_count == TASKS_MAX)
        fatal("more than %u threads", TASKS_MAX);
    struct task *task = &tasks[task_count++];
    *task = (struct task){.id = id, .group = status_number(id, "Tgid:")};
    if (id != task->group) {
        const struct task *leader = find_task(task->group);
        task->target = leader != NULL ? leader->target : NULL;
    } else if (id != root) {
        task->target = find_target("child", ++children);
    }
    return task;
}

/* Which target the program is that a process now executes; NULL if none. */
static struct target *target_of_command(pid_t id)
{
    char path[64], text[4096];
    (void)snprintf(path, sizeof path, "/proc/%d/cmdline", id);
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL)
        (void)fclose(file);
    text[len] = '\0';
    const char *arguments[4] = {"", "", "", ""};
    size_t count = 0;
    for (size_t at = 0; at < len && count < 4; at += strlen(text + at) + 1)
        arguments[count++] = text + at;
    if (strcmp(arguments[1], "--stage-process") != 0)
        return NULL;
    return find_target(arguments[2], strtoull(arguments[3], NULL, 10));
}

/* --- tracing --- */

static bool wants_stages(void)
{
    for (size_t i = 0; i < target_count; i++) {
        if (!targets[i].is_supervisor)
            return true;
    }
    return false;
}

static void go_on(const struct task *task, int signal_number)
{
    /* A task that was killed meanwhile cannot be told anything; its end will be reported. */
    if (ptrace(task->target != NULL ? PTRACE_SYSCALL : PTRACE_CONT, task->id, NULL,
               (void *)(intptr_t)signal_number) != 0 &&
        errno != ESRCH)
        fatal("cannot let %d go on", task->id);
}

/* Whether a call changes what others could notice: files, sockets, processes. */
static bool is_noticed(long syscall_number, uint64_t third_argument)
{
    switch (syscall_number) {
    case SYS_openat: /* to read is not to change */
        return (third_argument & (O_CREAT | O_TRUNC | O_WRONLY | O_RDWR)) != 0;
    case SYS_bind:
    case SYS_clone:
    case SYS_connect:
    case SYS_execve:
    case SYS_exit_group:
    case SYS_fallocate:
    case SYS_fdatasync:
    case SYS_flock:
    case SYS_fsync:
    case SYS_ftruncate:
    case SYS_kill:
    case SYS_linkat:
    case SYS_listen:
    case SYS_mkdir:
    case SYS_mkdirat:
    case SYS_pidfd_send_signal:
    case SYS_pwrite64:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_sendmsg:
    case SYS_sendto:
    case SYS_setsid:
    case SYS_shutdown:
    case SYS_unlink:
    case SYS_unlinkat:
        return true;
    default:
        return false;
    }
}

static void on_syscall(struct task *task)
{
    struct target *t = task->target;
    struct __ptrace_syscall_info info = {0};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task->id, sizeof info, &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        task->syscall = (long)info.entry.nr;
        task->noticed = is_noticed(task->syscall, info.entry.args[2]);
    }
    /* A child resets all signals in a row: to kill it at one of these calls is enough. */
    bool same = t != NULL && t->is_child && task->syscall == SYS_rt_sigaction &&
                t->last == SYS_rt_sigaction;
    bool counts = t != NULL && t->killed < 0 && !same && (count_all || task->noticed);
    if (t != NULL)
        t->last = task->syscall;
    if (counts && ++t->stops == t->at) {
        t->killed = task->syscall;
        (void)kill(task->group, SIGKILL);
    }
    go_on(task, 0);
}

static void on_exec(struct task *task)
{
    struct target *t = task->id == root ? NULL : target_of_command(task->id);
    for (size_t i = 0; task->id == root && i < target_count; i++) {
        if (targets[i].is_supervisor)
            t = &targets[i];
    }
    task->target = t;
    task->syscall = SYS_execve; /* what stops next is the second stop of this */
    task->noticed = true;
    if (t == NULL && task->id != root) {
        pid_t id = task->id;
        forget_task(id);
        (void)ptrace(PTRACE_DETACH, id, NULL, NULL);
        return;
    }
    go_on(task, 0);
}

static void on_stop(pid_t id, int status);

/*
 * A task has made another one, and goes on only when we let it: so children are met, and numbered,
 * in the order in which they are made.
 */
static void meet_new_task(pid_t maker)
{
    unsigned long id = 0;
    int status;
    if (ptrace(PTRACE_GETEVENTMSG, maker, NULL, &id) != 0 || find_task((pid_t)id) != NULL)
        return;
    if (waitpid((pid_t)id, &status, __WALL) == (pid_t)id && WIFSTOPPED(status))
        on_stop((pid_t)id, status);
}

static void on_stop(pid_t id, int status)
{
    struct task *task = find_task(id);
    if (task == NULL)
        task = add_task(id);
    int event = status >> 16;
    int signal_number = WSTOPSIG(status);
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_CLONE) {
        meet_new_task(id);
        task = find_task(id); /* it may have another place */
    }
    if (signal_number == (SIGTRAP | 0x80))
        on_syscall(task);
    else if (event == PTRACE_EVENT_EXEC)
        on_exec(task);
    else
        go_on(task, event == 0 ? signal_number : 0);
}

static void start(char **arguments)
{
    int gate[2];
    if (pipe(gate) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        fatal("cannot prepare");
    root = fork();
    if (root < 0)
        fatal("cannot fork");
    if (root == 0) {
        char byte;
        (void)close(gate[1]);
        (void)!read(gate[0], &byte, 1); /* until we are traced */
        (void)close(gate[0]);
        (void)execvp(arguments[0], arguments);
        _exit(127);
    }
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (wants_stages())
        options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE;
    if (ptrace(PTRACE_SEIZE, root, NULL, (void *)options) != 0)
        fatal("cannot trace a child; is ptrace allowed here?");
    (void)add_task(root);
    (void)close(gate[0]);
    (void)close(gate[1]);
}

/* --- the end --- */

static int shell_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Follows the program until it ends; returns how, or -1 if it was out of time. */
static int follow(void)
{
    int status;
    while (!out_of_time) {
        pid_t id = waitpid(-1, &status, __WALL);
        if (id < 0 && errno == EINTR)
            continue;
        if (id < 0)
            fatal("cannot wait");
        if (WIFSTOPPED(status)) {
            on_stop(id, status);
            continue;
        }
        forget_task(id);
        if (id == root)
            return shell_code(status);
    }
    return -1;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Waits for orphans. They have some time if the program was killed, and none if it ended by
 * itself: then it should have seen to them. Returns how many were left.
 */
static unsigned wait_for_orphans(uint64_t patience_ms)
{
    uint64_t deadline_ms = now_ms() + patience_ms;
    int status;
    for (;;) {
        pid_t id = waitpid(-1, &status, __WALL | WNOHANG);
        if (id < 0)
            return 0;
        if (id > 0 && WIFSTOPPED(status))
            on_stop(id, status);
        else if (id > 0)
            forget_task(id);
        if (id == 0 && now_ms() >= deadline_ms)
            break;
        const struct timespec pause = {.tv_nsec = 1000000};
        if (id == 0)
            (void)nanosleep(&pause, NULL);
    }
    unsigned left = 0;
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
    FILE *file = fopen(path, "re");
    for (int id; file != NULL && fscanf(file, "%d", &id) == 1; left++) {
        (void)fprintf(stderr, "kill_at: process %d is left behind\n", id);
        (void)kill(id, SIGKILL);
    }
    if (file != NULL)
        (void)fclose(file);
    return left != 0 ? left : 1;
}

static void on_alarm(int signal_number)
{
    (void)signal_number;
    out_of_time = 1;
}

int main(int argc, char **argv)
{
    unsigned seconds = SECONDS_DEFAULT;
    int option;
    while ((option = getopt(argc, argv, "+ad:")) != -1) {
        if (option == 'a')
            count_all = true;
        else if (option == 'd')
            seconds = (unsigned)strtoul(optarg, NULL, 10);
        else
            usage();
    }
    /* getopt() has passed over a "--" that comes at once. */
    int i = strcmp(argv[optind - 1], "--") == 0 ? optind - 1 : optind;
    while (i < argc && strcmp(argv[i], "--") != 0)
        add_target(argv[i++]);
    if (i + 1 >= argc || seconds == 0)
        usage();
    struct sigaction action = {.sa_handler = on_alarm};
    (void)sigaction(SIGALRM, &action, NULL);
    start(argv + i + 1);
    (void)alarm(seconds);
    int end = follow();
    for (size_t t = 0; t < target_count; t++)
        printf("%s stops=%" PRIu64 " killed=%ld\n", targets[t].spec, targets[t].stops,
               targets[t].killed);
    printf("end=%d\n", end);
    if (end < 0) {
        (void)kill(root, SIGKILL);
        (void)wait_for_orphans(ORPHANS_MS_MAX);
        return 3;
    }
    return wait_for_orphans(end >= 128 ? ORPHANS_MS_MAX : 0) != 0 ? 4 : 0;
}
