/* SPDX-License-Identifier: MIT */
/*
 * The loop around the driver. It tells the driver when a signal, a message or a time has come, and
 * implements its operations. It is not libev's default loop, which would reap all children.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/report.h"
#include "supervisor/run/requests.h"
#include "supervisor/run/stage_image.h"
#include "supervisor/run/stage_program.h"
#include "supervisor/run/state_ops.h"
#include "supervisor/run/supervisor_loop_p.h"
#include "topology/stage_topology.h"

/* --- events --- */

static void on_signals(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = io->data;
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            for (size_t i = 0; i < l->s.topology->stage_count; i++)
                driver_look_at(&l->s.driver, i);
            loop_reap_strangers(l);
            continue;
        }
        bool first = l->s.driver.core.is == PIPELINE_RUNNING;
        log_line(LOG_INFO, "SIG%s: %s", sigabbrev_np((int)info.ssi_signo),
                 first ? "draining; send it again to stop without waiting"
                       : "stopping without waiting");
        driver_stop(&l->s.driver);
    }
}

static void on_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = timer->data;
    driver_time_passed(&l->s.driver);
}

static void on_observe(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = timer->data;
    log_flush();
    driver_observe(&l->s.driver);
}

static void on_show(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = timer->data;
    progress_show(&l->progress, &l->s);
}

static void on_request(void *loop, const char *request, struct buf *answer)
{
    struct loop *l = loop;
    requests_answer(&l->s, request, answer);
}

/* --- the other operations of the driver --- */

static uint64_t now_ms(void *loop)
{
    (void)loop;
    return clock_monotonic_ms();
}

static void arm(void *loop, uint64_t deadline_ms)
{
    struct loop *l = loop;
    ev_timer_stop(l->ev, &l->deadline);
    if (deadline_ms == 0)
        return;
    uint64_t present_ms = clock_monotonic_ms();
    double seconds = deadline_ms > present_ms ? (double)(deadline_ms - present_ms) / 1000.0 : 0.0;
    ev_now_update(l->ev);
    ev_timer_set(&l->deadline, seconds, 0.0);
    ev_timer_start(l->ev, &l->deadline);
}

static void log_stage(void *loop, enum log_level level, size_t stage, const char *text)
{
    const struct loop *l = loop;
    log_line(level, "%s: %s", l->s.topology->stages[stage].name, text);
}

static void end_loop(void *loop)
{
    struct loop *l = loop;
    l->is_over = true;
    ev_break(l->ev, EVBREAK_ALL);
}

static int quarantine(void *loop, size_t stage, struct quarantine_entry *entry, struct err *e)
{
    const struct loop *l = loop;
    return state_quarantine(&l->s, stage, entry, e);
}

static void remove_sockets(void *loop, size_t edge)
{
    const struct loop *l = loop;
    state_remove_sockets(&l->s, edge);
}

static bool links_are_removed(void *loop)
{
    const struct loop *l = loop;
    return state_links_are_removed(&l->s);
}

static const struct driver_ops operations = {.now_ms = now_ms,
                                             .arm = arm,
                                             .log = log_stage,
                                             .exit = end_loop,
                                             .renew_image = loop_renew_image,
                                             .spawn = loop_spawn,
                                             .hear_birth = loop_hear_birth,
                                             .kill = loop_kill,
                                             .look = loop_look,
                                             .is_held = loop_is_held,
                                             .bury = loop_bury,
                                             .send = loop_send,
                                             .receive = loop_receive,
                                             .stop_hearing = loop_stop_hearing,
                                             .quarantine = quarantine,
                                             .remove_sockets = remove_sockets,
                                             .links_are_removed = links_are_removed};

/* --- beginning and end --- */

static int make_stages(struct loop *l, const char *topology_file, struct err *e)
{
    size_t count = l->s.topology->stage_count;
    l->s.stages = memory_new(count, sizeof *l->s.stages);
    l->watchers = memory_new(count, sizeof *l->watchers);
    for (size_t i = 0; i < count; i++)
        l->s.stages[i].status_fd = l->s.stages[i].image_fd = -1;
    for (size_t i = 0; i < count; i++) {
        struct supervised_stage *stage = &l->s.stages[i];
        struct driver_stage *driven = &l->s.driver.stages[i];
        l->watchers[i].owner = l;
        l->watchers[i].index = i;
        const struct stage *declared = &l->s.topology->stages[i];
        int rc = stage_program_find(declared->kind, stage->program, e);
        if (rc == 0)
            rc = stage_topology_pack(l->s.topology, declared, topology_file, &stage->given, e);
        if (rc == 0)
            rc = status_page_create(&stage->status_fd, e);
        if (rc == 0)
            rc = status_page_map(stage->status_fd, &driven->page, e);
        if (rc == 0 && driven->has_image)
            rc = stage_image_new(&stage->image_fd, e);
        if (rc != 0)
            return rc;
    }
    return 0;
}

static int take_signals(struct loop *l, struct err *e)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGCHLD);
    inherited_end_early_stops(&set);
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (l->signal_fd < 0)
        return err_set_errno(e, "cannot watch for signals");
    ev_io_init(&l->signals, on_signals, l->signal_fd, EV_READ);
    l->signals.data = l;
    ev_io_start(l->ev, &l->signals);
    return 0;
}

static void start_timers(struct loop *l, bool quiet)
{
    ev_timer_init(&l->deadline, on_deadline, 0.0, 0.0);
    l->deadline.data = l;
    double seconds = (double)core_observe_interval_ms(&l->s.driver.core) / 1000.0;
    ev_timer_init(&l->observe, on_observe, seconds, seconds);
    l->observe.data = l;
    ev_timer_start(l->ev, &l->observe);
    progress_begin(&l->progress, quiet);
    seconds = progress_interval_seconds(&l->progress);
    ev_timer_init(&l->show, on_show, seconds, seconds);
    l->show.data = l;
    if (!quiet)
        ev_timer_start(l->ev, &l->show);
}

static void loop_done(struct loop *l)
{
    control_server_free(l->server);
    for (size_t i = 0; l->s.stages != NULL && i < l->s.topology->stage_count; i++) {
        struct supervised_stage *stage = &l->s.stages[i];
        status_page_unmap(l->s.driver.stages[i].page);
        if (stage->status_fd >= 0)
            (void)close(stage->status_fd);
        if (stage->image_fd >= 0)
            (void)close(stage->image_fd);
        buf_done(&stage->given);
        stage_words_done(&stage->words);
    }
    free(l->s.stages);
    free(l->watchers);
    driver_done(&l->s.driver);
    if (l->signal_fd >= 0)
        (void)close(l->signal_fd);
    if (l->ev != NULL)
        ev_loop_destroy(l->ev);
}

static void run(struct loop *l, bool quiet, struct supervisor_report *ret_report)
{
    start_timers(l, quiet);
    driver_start(&l->s.driver);
    loop_reap_strangers(l); /* those that ended before we handled SIGCHLD */
    /* ev_run() forgets a break from before it, and there may be nothing left to wait for. */
    if (!l->is_over)
        (void)ev_run(l->ev, 0);
    progress_end(&l->progress);
    report_make(&l->s, ret_report);
}

int supervisor_run(const struct supervisor_config *config, struct supervisor_report *ret_report,
                   struct err *e)
{
    struct loop l = {.s = {.topology = config->topology,
                           .state = config->state,
                           .input = config->input,
                           .begins_after = config->begins_after,
                           .verbose = config->verbose,
                           .started_ms = clock_monotonic_ms()},
                     .signal_fd = -1};
    l.ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    driver_init(&l.s.driver, config->topology, &operations, &l);
    int rc = l.ev != NULL ? 0 : err_set(e, ERR_IO, "cannot create an event loop");
    if (rc == 0)
        rc = make_stages(&l, config->topology_file, e);
    if (rc == 0)
        rc = take_signals(&l, e);
    if (rc == 0)
        rc = control_server_new(l.ev, config->state->fd, on_request, &l, &l.server, e);
    if (rc == 0)
        run(&l, config->quiet, ret_report);
    loop_done(&l);
    return rc;
}
