/* SPDX-License-Identifier: MIT */
/*
 * The processes of the stages: started, heard, and buried when they are dead.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/log.h"
#include "common/memfd.h"
#include "stages/stage.h"
#include "supervisor/run/supervisor_loop_p.h"

/* --- what a stage process says --- */

/* A stage that writes without end must not be all that is listened to; its pipe holds no more. */
#define STDERR_READS_MAX 16u
#define MESSAGES_PER_TURN 64u

/* Passes whole lines on to our stderr and keeps the end of it all as last words. */
static void hear_stderr(struct loop *l, size_t index)
{
    struct supervised_stage *stage = &l->s.stages[index];
    char bytes[4096];
    ssize_t n = -1;
    for (unsigned i = 0;
         i < STDERR_READS_MAX && (n = read(stage->process.stderr_fd, bytes, sizeof bytes)) > 0;
         i++) {
        buf_add(&stage->words, bytes, (size_t)n);
        if (stage->words.len > LAST_WORDS_BYTES_MAX)
            buf_drop_front(&stage->words, stage->words.len - LAST_WORDS_BYTES_MAX);
        buf_add(&stage->line, bytes, (size_t)n);
        uint8_t *newline;
        while ((newline = memchr(stage->line.data, '\n', stage->line.len)) != NULL) {
            size_t len = (size_t)(newline - stage->line.data);
            log_line(LOG_WARNING, "%s: %.*s", l->s.topology->stages[index].name, (int)len,
                     (const char *)stage->line.data);
            buf_drop_front(&stage->line, len + 1);
        }
        if (stage->line.len > LAST_WORDS_BYTES_MAX)
            buf_reset(&stage->line); /* it is in the last words, which are bounded */
    }
    if (n == 0)
        ev_io_stop(l->ev, &l->watchers[index].stderr_output);
}

static void on_stderr(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    hear_stderr(w->owner, w->index);
}

/* Without their directory no link can be made any more; it stays open, and nobody can put it back.
 */
static bool links_are_removed(const struct loop *l)
{
    struct stat st;
    return fstat(l->s.state->links_fd, &st) == 0 && st.st_nlink == 0;
}

/* Takes so many of the messages that a stage has sent; also those that a dead one left behind. */
static void hear_control(struct loop *l, size_t index, unsigned messages_max)
{
    struct supervised_stage *stage = &l->s.stages[index];
    for (unsigned i = 0; i < messages_max; i++) {
        struct control_message message;
        struct err e;
        int rc = control_receive(stage->process.control_fd, &message, &e);
        if (rc == ERR_AGAIN)
            return;
        if (rc == ERR_END) {
            ev_io_stop(l->ev, &l->watchers[index].control);
            return;
        }
        struct core_event event = {.stage = index};
        if (rc == 0 && core_event_of_message(&message, &event)) {
            if (event.kind == CORE_LINK_FAILED && links_are_removed(l)) {
                event.kind = CORE_STAGE_REFUSED;
                event.text = "the directory 'links' of the state directory was removed while this "
                             "runs, and no link can be made without it; the next run makes it anew";
            }
            loop_take_event(l, &event);
            continue;
        }
        ev_io_stop(l->ev, &l->watchers[index].control);
        event.kind = CORE_STAGE_MISBEHAVED;
        event.text = rc == 0 ? "it sent what only we send" : e.text;
        loop_take_event(l, &event);
        return;
    }
}

static void on_control(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    hear_control(w->owner, w->index, MESSAGES_PER_TURN);
}

/* --- births and deaths --- */

int loop_make_image(int *ret_fd, struct err *e)
{
    int fd;
    int rc = memfd_new("bulkhead-store", &fd, e);
    if (rc != 0)
        return err_wrap(e, "memory for the state");
    rc = memfd_seal(fd, MEMFD_GROWS, e);
    if (rc != 0) {
        (void)close(fd);
        return err_wrap(e, "memory for the state");
    }
    *ret_fd = fd;
    return 0;
}

/* A store's memory outlives its process, unless that died of a fault of its own. */
static int renew_image(struct supervised_stage *stage, bool keep, struct err *e)
{
    if (stage->image_fd < 0 || keep)
        return 0;
    int fd;
    int rc = loop_make_image(&fd, e);
    if (rc != 0)
        return rc;
    (void)close(stage->image_fd);
    stage->image_fd = fd;
    return 0;
}

static void end_birth(struct loop *l, size_t index)
{
    struct stage_watchers *w = &l->watchers[index];
    struct spawned *process = &l->s.stages[index].process;
    if (process->birth_fd < 0)
        return;
    ev_io_stop(l->ev, &w->birth);
    ev_timer_stop(l->ev, &w->birth_deadline);
    (void)close(process->birth_fd);
    process->birth_fd = -1;
}

/* Whether a process has come to its exec. One that could not ends, and is buried, by itself. */
static void hear_birth(struct loop *l, size_t index)
{
    const struct spawned *process = &l->s.stages[index].process;
    if (process->birth_fd >= 0 &&
        spawn_hear_birth(process, &l->watchers[index].birth_error) != ERR_AGAIN)
        end_birth(l, index);
}

static void on_birth(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    hear_birth(w->owner, w->index);
}

/* It hangs between fork and exec: in a file system that does not answer, say. */
static void on_birth_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = timer->data;
    hear_birth(w->owner, w->index); /* it may have been us who slept */
    const struct spawned *process = &w->owner->s.stages[w->index].process;
    if (process->birth_fd < 0)
        return;
    log_line(LOG_WARNING, "%s: its process was not there %u ms after it was begun; killing it",
             w->owner->s.topology->stages[w->index].name, SPAWN_EXEC_MS_MAX);
    w->birth_error = ETIMEDOUT;
    spawn_signal(process, SIGKILL);
    end_birth(w->owner, w->index);
}

static void watch_stage(struct loop *l, size_t index)
{
    struct stage_watchers *w = &l->watchers[index];
    const struct spawned *process = &l->s.stages[index].process;
    w->birth_error = 0;
    ev_io_init(&w->birth, on_birth, process->birth_fd, EV_READ);
    ev_now_update(l->ev);
    ev_timer_init(&w->birth_deadline, on_birth_deadline, SPAWN_EXEC_MS_MAX / 1000.0, 0.0);
    w->birth.data = w->birth_deadline.data = w;
    ev_io_start(l->ev, &w->birth);
    ev_timer_start(l->ev, &w->birth_deadline);
    ev_io_init(&w->control, on_control, process->control_fd, EV_READ);
    ev_io_init(&w->stderr_output, on_stderr, process->stderr_fd, EV_READ);
    w->control.data = w->stderr_output.data = w;
    ev_io_start(l->ev, &w->control);
    ev_io_start(l->ev, &w->stderr_output);
}

void loop_spawn(struct loop *l, const struct core_action *action)
{
    struct supervised_stage *stage = &l->s.stages[action->stage];
    const struct stage *declared = &l->s.topology->stages[action->stage];
    struct err e;
    int rc = renew_image(stage, action->keep_image, &e);
    if (rc == 0) {
        buf_reset(&stage->line);
        buf_reset(&stage->words);
        struct spawn_request request = {.program = stage->program,
                                        .stage = declared->name,
                                        .generation = action->generation,
                                        .given = &stage->given,
                                        .begins_after = l->s.begins_after[action->stage],
                                        .verbose = l->s.verbose,
                                        .input = declared->kind->takes_stdin ? l->s.input : NULL,
                                        .takes_stdout = declared->kind->takes_stdout,
                                        .status_fd = stage->status_fd,
                                        .links_fd = l->s.state->links_fd,
                                        .stages_fd = l->s.state->stages_fd,
                                        .lock_fd = l->s.state->held_fd,
                                        .memory_bytes_max = declared->memory_bytes_max,
                                        .image_fd = stage->image_fd};
        rc = spawn_stage(&request, &stage->process, &e);
    }
    if (rc != 0) {
        struct core_event event = {
            .kind = CORE_SPAWN_FAILED, .stage = action->stage, .want = e.want, .text = e.text};
        loop_take_event(l, &event);
        return;
    }
    stage->alive = true;
    log_line(LOG_DEBUG, "%s: generation %" PRIu64 " started, pid %ld", declared->name,
             action->generation, (long)stage->process.pid);
    watch_stage(l, action->stage);
}

static void note_end(struct supervised_stage *stage, const struct core_stage *core,
                     const siginfo_t *info)
{
    bool exited = info->si_code == CLD_EXITED;
    core_describe_end(core, exited ? 0 : info->si_status, exited ? info->si_status : 0,
                      stage->last_end);
    stage->last_seq = atomic_load(&stage->page->seq_in_hand);
    atomic_store(&stage->page->seq_in_hand, 0);
    atomic_store(&stage->page->work, STATUS_ON_RECORD);
    atomic_store(&stage->page->out_of_memory, 0);
    atomic_store(&stage->page->waiting, STATUS_BUSY); /* the next process shows when it waits */
    if (stage->words.len == 0)
        return;
    buf_reset(&stage->last_words);
    buf_add(&stage->last_words, stage->words.data, stage->words.len);
}

/* The sockets on which a dead process listened; those of its next life have other names. */
static void remove_sockets(struct loop *l, size_t index)
{
    for (size_t i = 0; i < l->s.topology->edge_count; i++) {
        struct err e;
        if (l->s.topology->edges[i].to == index &&
            state_dir_remove_links(l->s.state, (unsigned)i, &e) != 0)
            log_line(LOG_WARNING, "%s", e.text);
    }
}

/*
 * The process is dead: takes what it left, reaps it, and lets the core know. The next one is being
 * started when its sockets are removed, which may have to wait for the disk; it is told to listen
 * when that is done.
 */
static void bury(struct loop *l, size_t index, const siginfo_t *info)
{
    struct supervised_stage *stage = &l->s.stages[index];
    hear_control(l, index, UINT_MAX);
    hear_stderr(l, index);
    hear_birth(l, index);
    end_birth(l, index);
    ev_io_stop(l->ev, &l->watchers[index].control);
    ev_io_stop(l->ev, &l->watchers[index].stderr_output);
    siginfo_t ignored;
    (void)waitid(P_PID, (id_t)stage->process.pid, &ignored, WEXITED | WNOHANG);
    (void)close(stage->process.control_fd);
    (void)close(stage->process.stderr_fd);
    (void)close(stage->process.pid_fd);
    stage->alive = false;
    enum status_work work = status_page_work(stage->page);
    bool out_of_memory = atomic_load(&stage->page->out_of_memory) != 0;
    note_end(stage, &l->s.core.stages[index], info);
    bool exited = info->si_code == CLD_EXITED;
    struct core_event event = {.kind = CORE_STAGE_EXITED,
                               .stage = index,
                               .acked = atomic_load(&stage->page->acked),
                               .seq = stage->last_seq,
                               .work = work,
                               .out_of_memory = out_of_memory,
                               .signal = exited ? 0 : info->si_status,
                               .exit_code = exited ? info->si_status : 0};
    struct err e;
    if (l->watchers[index].birth_error != 0) {
        errno = l->watchers[index].birth_error;
        if (errno == ETIMEDOUT)
            (void)err_set(&e, ERR_IO, "its process did not come to its program in %u ms",
                          SPAWN_EXEC_MS_MAX);
        else
            (void)err_set_errno(&e, "cannot start the process");
        event.kind = CORE_SPAWN_FAILED;
        event.want = want_of_fork(l->watchers[index].birth_error);
        event.text = e.text;
    }
    loop_take_event(l, &event);
    remove_sockets(l, index);
}

void loop_check_child(struct loop *l, size_t index)
{
    const struct supervised_stage *stage = &l->s.stages[index];
    while (stage->alive) {
        siginfo_t info = {0};
        /* Left unreaped until its last messages are read, so that its pid stays its own. */
        if (waitid(P_PID, (id_t)stage->process.pid, &info,
                   WEXITED | WSTOPPED | WCONTINUED | WNOHANG | WNOWAIT) != 0) {
            if (errno != ECHILD)
                return;
            /* Somebody else has reaped it. Should it live, it is no child of ours any more. */
            spawn_signal(&stage->process, SIGKILL);
            info.si_code = CLD_EXITED;
            info.si_status = CORE_EXIT_UNKNOWN;
            bury(l, index, &info);
            return;
        }
        if (info.si_pid == 0)
            return;
        if (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
            info.si_code == CLD_DUMPED) {
            bury(l, index, &info);
            return;
        }
        (void)waitid(P_PID, (id_t)stage->process.pid, &info, WSTOPPED | WCONTINUED | WNOHANG);
        if (info.si_code == CLD_STOPPED) {
            struct core_event event = {.kind = CORE_STAGE_FROZEN, .stage = index};
            loop_take_event(l, &event);
        }
    }
}

void loop_reap_strangers(struct loop *l)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        size_t i = 0;
        while (i < l->s.core.stage_count &&
               !(l->s.stages[i].alive && l->s.stages[i].process.pid == info.si_pid))
            i++;
        if (i < l->s.core.stage_count)
            loop_check_child(l, i); /* it has ended since we looked */
        else
            (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
    }
}
