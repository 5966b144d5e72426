/* SPDX-License-Identifier: MIT */
#include "supervisor/run/process_look.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum process_change process_look(const struct spawned *process, struct process_end *ret_end)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_PID, (id_t)process->pid, &info,
                   WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) != 0) {
            if (errno != ECHILD)
                return PROCESS_UNCHANGED;
            spawn_signal(process, SIGKILL); /* if it is alive, it is no longer our child */
            *ret_end = (struct process_end){.exit_code = CORE_EXIT_UNKNOWN};
            return PROCESS_ENDED;
        }
        if (info.si_pid == 0)
            return PROCESS_UNCHANGED;
        if (info.si_code == CLD_EXITED) {
            *ret_end = (struct process_end){.exit_code = info.si_status};
            return PROCESS_ENDED;
        }
        if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED) {
            *ret_end = (struct process_end){.signal = info.si_status};
            return PROCESS_ENDED;
        }
        (void)waitid(P_PID, (id_t)process->pid, &info, WSTOPPED | WCONTINUED | WNOHANG);
        if (info.si_code == CLD_STOPPED)
            return PROCESS_STOPPED;
    }
}

void process_reap(const struct spawned *process)
{
    siginfo_t ignored;
    (void)waitid(P_PID, (id_t)process->pid, &ignored, WEXITED | WNOHANG);
}

bool process_is_held(pid_t pid)
{
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && strncmp(name_end, ") t", 3) == 0;
}
