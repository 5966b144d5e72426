/* SPDX-License-Identifier: MIT */
/*
 * The processes of the stages: created, watched, and buried when the driver says so.
 */
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/log.h"
#include "supervisor/run/process_look.h"
#include "supervisor/run/stage_image.h"
#include "supervisor/run/supervisor_loop_p.h"

static struct spawned *process_of(struct loop *l, size_t stage)
{
    return &l->s.stages[stage].process;
}

/* --- watching a process --- */

static void hear_stderr(struct loop *l, size_t index)
{
    struct supervised_stage *stage = &l->s.stages[index];
    if (!stage_words_hear(&stage->words, stage->process.stderr_fd,
                          l->s.topology->stages[index].name))
        ev_io_stop(l->ev, &l->watchers[index].stderr_output);
}

static void on_stderr(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    hear_stderr(w->owner, w->index);
}

static void on_control(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    driver_hear(&w->owner->s.driver, w->index);
}

static void stop_watching_birth(struct loop *l, size_t index)
{
    struct stage_watchers *w = &l->watchers[index];
    struct spawned *process = process_of(l, index);
    if (process->birth_fd < 0)
        return;
    ev_io_stop(l->ev, &w->birth);
    ev_timer_stop(l->ev, &w->birth_deadline);
    (void)close(process->birth_fd);
    process->birth_fd = -1;
}

static void on_birth(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = io->data;
    struct driver *driver = &w->owner->s.driver;
    driver_hear_birth(driver, w->index);
    if (driver->stages[w->index].is_born)
        stop_watching_birth(w->owner, w->index);
}

static void on_birth_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct stage_watchers *w = timer->data;
    driver_birth_is_overdue(&w->owner->s.driver, w->index);
    stop_watching_birth(w->owner, w->index);
}

static void watch_stage(struct loop *l, size_t index)
{
    struct stage_watchers *w = &l->watchers[index];
    const struct spawned *process = process_of(l, index);
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

/* --- operations of the driver --- */

int loop_renew_image(void *loop, size_t stage, struct err *e)
{
    struct loop *l = loop;
    return stage_image_renew(&l->s.stages[stage].image_fd, e);
}

int loop_spawn(void *loop, size_t index, uint64_t generation, struct err *e)
{
    struct loop *l = loop;
    struct supervised_stage *stage = &l->s.stages[index];
    const struct stage *declared = &l->s.topology->stages[index];
    struct spawn_request request = {.program = stage->program,
                                    .stage = declared->name,
                                    .generation = generation,
                                    .given = &stage->given,
                                    .begins_after = l->s.begins_after[index],
                                    .verbose = l->s.verbose,
                                    .input = declared->kind->takes_stdin ? l->s.input : NULL,
                                    .takes_stdout = declared->kind->takes_stdout,
                                    .status_fd = stage->status_fd,
                                    .links_fd = l->s.state->links_fd,
                                    .stages_fd = l->s.state->stages_fd,
                                    .lock_fd = l->s.state->held_fd,
                                    .memory_bytes_max = declared->memory_bytes_max,
                                    .image_fd = stage->image_fd};
    stage_words_begin(&stage->words);
    int rc = spawn_stage(&request, &stage->process, e);
    if (rc != 0)
        return rc;
    log_line(LOG_DEBUG, "%s: generation %" PRIu64 " started, pid %ld", declared->name, generation,
             (long)stage->process.pid);
    watch_stage(l, index);
    return 0;
}

int loop_hear_birth(void *loop, size_t stage, int *ret_error)
{
    return spawn_hear_birth(process_of(loop, stage), ret_error);
}

void loop_kill(void *loop, size_t stage)
{
    spawn_signal(process_of(loop, stage), SIGKILL);
}

enum process_change loop_look(void *loop, size_t stage, struct process_end *ret_end)
{
    return process_look(process_of(loop, stage), ret_end);
}

bool loop_is_held(void *loop, size_t stage)
{
    return process_is_held(process_of(loop, stage)->pid);
}

void loop_bury(void *loop, size_t index)
{
    struct loop *l = loop;
    struct supervised_stage *stage = &l->s.stages[index];
    hear_stderr(l, index);
    stage_words_end(&stage->words);
    stop_watching_birth(l, index);
    ev_io_stop(l->ev, &l->watchers[index].control);
    ev_io_stop(l->ev, &l->watchers[index].stderr_output);
    process_reap(&stage->process);
    (void)close(stage->process.control_fd);
    (void)close(stage->process.stderr_fd);
    (void)close(stage->process.pid_fd);
}

int loop_send(void *loop, size_t stage, const struct control_message *message, struct err *e)
{
    return control_send(process_of(loop, stage)->control_fd, message, e);
}

int loop_receive(void *loop, size_t stage, struct control_message *ret_message, struct err *e)
{
    return control_receive(process_of(loop, stage)->control_fd, ret_message, e);
}

void loop_stop_hearing(void *loop, size_t stage)
{
    struct loop *l = loop;
    ev_io_stop(l->ev, &l->watchers[stage].control);
}

void loop_reap_strangers(struct loop *l)
{
    for (;;) {
        siginfo_t info = {0};
        if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            return;
        size_t i = 0, count = l->s.topology->stage_count;
        while (i < count && !(l->s.driver.stages[i].alive && process_of(l, i)->pid == info.si_pid))
            i++;
        if (i < count)
            driver_look_at(&l->s.driver, i); /* it has ended since we looked */
        else
            (void)waitid(P_PID, (id_t)info.si_pid, &info, WEXITED | WNOHANG);
    }
}
