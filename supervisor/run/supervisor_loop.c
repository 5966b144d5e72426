/* SPDX-License-Identifier: MIT */
/*
 * The loop around the core: it turns signals, messages and time into events, and carries out the
 * actions that come of them. Every event goes through loop_take_event(), so the order of events is
 * the whole story of a run. Not libev's default loop, which would reap every child there is.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/check.h"
#include "common/clock.h"
#include "common/file.h"
#include "common/log.h"
#include "common/memory.h"
#include "stages/host/layout.h"
#include "stages/host/quarantine.h"
#include "stages/stage.h"
#include "supervisor/run/inherited.h"
#include "supervisor/run/stage_program.h"
#include "supervisor/run/status.h"
#include "supervisor/run/supervisor_loop_p.h"
#include "topology/stage_topology.h"

#define PROGRESS_SECONDS_BAR 0.2
#define PROGRESS_SECONDS_PLAIN 5.0

/* --- the display --- */

static void clear_bar(void)
{
    static const char erase[] = "\r\033[K";
    log_raw(erase, sizeof erase - 1);
}

static void on_progress(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = timer->data;
    const struct status_page *page = l->s.stages[l->s.core.source].page;
    uint64_t now_ms = clock_monotonic_ms();
    struct status_progress p = {.records = status_page_counts(page).in,
                                .bytes_done = atomic_load(&page->bytes_done),
                                .bytes_total = atomic_load(&page->bytes_total),
                                .elapsed_ms = now_ms - l->s.started_ms};
    for (size_t i = 0; i < l->s.core.stage_count; i++)
        p.restarts += l->s.core.stages[i].restarts;
    uint64_t passed_ms = now_ms - l->progress_at_ms;
    if (passed_ms != 0)
        p.records_per_second =
            (double)(p.records - l->progress_records) * 1000.0 / (double)passed_ms;
    l->progress_at_ms = now_ms;
    l->progress_records = p.records;
    struct buf line = {0};
    status_write_progress(&p, l->s.topology->name, l->bar, &line);
    if (l->bar) {
        clear_bar();
        /* A line that wraps could not be erased. */
        struct winsize size;
        if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 &&
            line.len >= size.ws_col)
            line.len = size.ws_col - 1u;
        log_raw(line.data, line.len);
    } else {
        log_line(LOG_INFO, "%s", buf_text(&line));
    }
    buf_done(&line);
}

/* --- signals --- */

static void on_signals(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = io->data;
    struct signalfd_siginfo info;
    while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGCHLD) {
            for (size_t i = 0; i < l->s.core.stage_count; i++)
                loop_check_child(l, i);
            loop_reap_strangers(l);
            continue;
        }
        bool first = l->s.core.is == PIPELINE_RUNNING;
        log_line(LOG_INFO, "SIG%s: %s", sigabbrev_np((int)info.ssi_signo),
                 first ? "draining; once more to stop without waiting"
                       : "stopping without waiting");
        struct core_event event = {.kind = CORE_STOP_REQUESTED};
        loop_take_event(l, &event);
    }
}

/* --- events and actions --- */

static void do_note(struct loop *l, const struct core_action *action)
{
    log_line(action->serious ? LOG_WARNING : LOG_INFO, "%s: %s",
             l->s.topology->stages[action->stage].name, action->text);
}

static void do_tell(struct loop *l, const struct core_action *action)
{
    struct supervised_stage *stage = &l->s.stages[action->stage];
    struct err e;
    if (!stage->alive)
        return;
    int rc = control_send(stage->process.control_fd, &action->message, &e);
    if (rc == ERR_AGAIN || rc == ERR_IO) {
        struct core_event event = {.kind = CORE_STAGE_MISBEHAVED,
                                   .stage = action->stage,
                                   .text = "it does not read what it is told"};
        loop_take_event(l, &event);
    }
}

/*
 * Writes down that a stage does without a record. Without space the decision was never taken: the
 * record kills the stage again, and is judged again.
 */
static void do_quarantine(struct loop *l, const struct core_action *action)
{
    const struct supervised_stage *stage = &l->s.stages[action->stage];
    const struct stage *named = &l->s.topology->stages[action->stage];
    const char *name = named->name;
    struct quarantine_entry entry = {.seq = action->seq};
    (void)snprintf(entry.cause, sizeof entry.cause, "%.*s", (int)sizeof entry.cause - 1,
                   action->text);
    status_last_words(stage->words.data, stage->words.len, entry.words, sizeof entry.words);
    char *owner = layout_owner(l->s.topology, named);
    struct err e;
    int fd = -1;
    int rc = layout_open(l->s.state->stages_fd, named, &fd, NULL, &e);
    if (rc == 0)
        rc = quarantine_add(fd, owner, &entry, &e);
    if (fd >= 0)
        (void)close(fd);
    free(owner);
    if (rc == 0) {
        log_line(LOG_WARNING, "%s: seq %" PRIu64 " goes to the dead letters: it %s", name,
                 entry.seq, entry.cause);
    } else if (rc == ERR_NO_SPACE || rc == ERR_NO_SPACE_LOST) {
        log_line(LOG_ERROR, "%s: cannot put seq %" PRIu64 " into quarantine: %s", name, entry.seq,
                 e.text);
    } else {
        (void)err_wrap(&e, "putting seq %" PRIu64 " into quarantine", entry.seq);
        struct core_event event = {
            .kind = CORE_STAGE_REFUSED, .stage = action->stage, .text = e.text};
        loop_take_event(l, &event);
    }
}

static void do_action(struct loop *l, const struct core_action *action)
{
    switch (action->kind) {
    case CORE_SPAWN:
        loop_spawn(l, action);
        return;
    case CORE_QUARANTINE:
        do_quarantine(l, action);
        return;
    case CORE_KILL:
        if (l->s.stages[action->stage].alive)
            spawn_signal(&l->s.stages[action->stage].process, SIGKILL);
        return;
    case CORE_TELL:
        do_tell(l, action);
        return;
    case CORE_NOTE:
        do_note(l, action);
        return;
    case CORE_EXIT:
        ev_break(l->ev, EVBREAK_ALL);
        return;
    }
}

static void on_deadline(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct core_event event = {.kind = CORE_TIME_PASSED};
    loop_take_event(timer->data, &event);
}

/* Whether a debugger has stopped a process: its state is `t` then (proc_pid_stat(5)). */
static bool is_held(pid_t pid)
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

/* What the pages of both ends show of every link; nothing of one that they have no room for. */
static void observe_links(struct loop *l)
{
    const struct topology *t = l->s.topology;
    size_t sends[PROCESSES_MAX] = {0}, receives[PROCESSES_MAX] = {0};
    for (size_t i = 0; i < t->edge_count; i++)
        sends[t->edges[i].to]++; /* a page shows these behind those that are received by */
    for (size_t i = 0; i < t->edge_count; i++) {
        size_t from = t->edges[i].from, to = t->edges[i].to;
        size_t sent = sends[from]++, received = receives[to]++;
        l->links[i] = (struct core_link_observation){.heard = UINT64_MAX};
        if (sent >= STATUS_LINKS_MAX || received >= STATUS_LINKS_MAX)
            continue;
        const struct status_link *sender = &l->s.stages[from].page->links[sent];
        const struct status_link *receiver = &l->s.stages[to].page->links[received];
        uint64_t frames = atomic_load(&receiver->detail);
        l->links[i] = (struct core_link_observation){.given = atomic_load(&sender->seq),
                                                     .heard = atomic_load(&sender->detail),
                                                     .taken = atomic_load(&receiver->seq),
                                                     .part = frames / 2,
                                                     .full = frames % 2 != 0};
    }
}

static void on_observe(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct loop *l = timer->data;
    log_flush();
    for (size_t i = 0; i < l->s.core.stage_count; i++) {
        const struct status_page *page = l->s.stages[i].page;
        uint32_t waiting = atomic_load(&page->waiting);
        bool is_still =
            l->s.stages[i].alive && atomic_load(&page->beats) == l->s.core.stages[i].beats;
        l->observations[i] =
            (struct core_observation){.beats = atomic_load(&page->beats),
                                      .waiting = waiting != STATUS_BUSY,
                                      .held = is_still && is_held(l->s.stages[i].process.pid),
                                      .unread = waiting == STATUS_UNREAD,
                                      .processed = atomic_load(&page->processed),
                                      .acked = atomic_load(&page->acked)};
    }
    observe_links(l);
    struct core_event event = {
        .kind = CORE_STAGES_OBSERVED, .observations = l->observations, .links = l->links};
    loop_take_event(l, &event);
}

static void arm_deadline(struct loop *l)
{
    ev_timer_stop(l->ev, &l->deadline);
    uint64_t deadline_ms = core_deadline_ms(&l->s.core);
    if (deadline_ms == 0)
        return;
    uint64_t now_ms = clock_monotonic_ms();
    double seconds = deadline_ms > now_ms ? (double)(deadline_ms - now_ms) / 1000.0 : 0.0;
    ev_now_update(l->ev);
    ev_timer_set(&l->deadline, seconds, 0.0);
    ev_timer_start(l->ev, &l->deadline);
}

/* Carrying out an action may bring the next event, whose actions then stand behind the others. */
void loop_take_event(struct loop *l, struct core_event *event)
{
    event->now_ms = clock_monotonic_ms();
    core_step(&l->s.core, event, &l->actions);
    if (l->acting)
        return;
    l->acting = true;
    for (size_t i = 0; i < l->actions.count; i++) {
        struct core_action action = l->actions.items[i]; /* the array may move meanwhile */
        do_action(l, &action);
    }
    l->actions.count = 0;
    l->acting = false;
    arm_deadline(l);
}

/* --- the control socket --- */

/* Kills the stage of that name, or all workers of the one that has it in the topology. */
static void answer_kill(struct loop *l, const char *name, struct buf *answer)
{
    struct buf killed = {0};
    const struct stage *named = NULL;
    for (size_t i = 0; i < l->s.topology->stage_count; i++) {
        const struct stage *stage = &l->s.topology->stages[i];
        if (strcmp(stage->name, name) != 0 && strcmp(stage->base, name) != 0)
            continue;
        named = stage;
        if (!l->s.stages[i].alive)
            continue;
        buf_add_format(&killed, "killed '%s' (pid %ld, generation %" PRIu64 ")\n", stage->name,
                       (long)l->s.stages[i].process.pid, l->s.core.stages[i].generation);
        struct core_event event = {.kind = CORE_KILL_REQUESTED, .stage = i};
        loop_take_event(l, &event);
    }
    if (named == NULL)
        buf_add_format(answer, "error: '%s' has no stage '%s'\n", l->s.topology->name, name);
    else if (killed.len == 0)
        buf_add_format(answer, "error: stage '%s' has no process now; it is %s\n", name,
                       core_stage_state_text(l->s.core.stages[named->index].is));
    else
        buf_add_format(answer, "ok\n%s", buf_text(&killed));
    buf_done(&killed);
}

static void answer_status(const struct loop *l, status_write_fn *write, struct buf *answer)
{
    struct status_snapshot *snapshot = status_take(&l->s);
    buf_add_text(answer, "ok\n");
    write(snapshot, answer);
    free(snapshot);
}

static void answer_request(void *context, const char *request, struct buf *answer)
{
    struct loop *l = context;
    if (strcmp(request, "status") == 0) {
        answer_status(l, status_write_text, answer);
    } else if (strcmp(request, "status json") == 0) {
        answer_status(l, status_write_json, answer);
    } else if (strncmp(request, "kill ", 5) == 0) {
        answer_kill(l, request + 5, answer);
    } else if (strcmp(request, "stop") == 0) {
        buf_add_format(answer, "ok\n%s\n",
                       l->s.core.is == PIPELINE_RUNNING ? "draining, then stopping"
                                                        : "stopping without waiting");
        struct core_event event = {.kind = CORE_STOP_REQUESTED};
        loop_take_event(l, &event);
    } else {
        buf_add_text(answer, "error: no such request\n");
    }
}

/* --- beginning and end --- */

static int make_stages(struct loop *l, const char *topology_file, struct err *e)
{
    size_t count = l->s.topology->stage_count;
    l->s.stages = memory_new(count, sizeof *l->s.stages);
    l->watchers = memory_new(count, sizeof *l->watchers);
    l->observations = memory_new(count, sizeof *l->observations);
    l->links = memory_new(l->s.topology->edge_count, sizeof *l->links);
    for (size_t i = 0; i < count; i++)
        l->s.stages[i].status_fd = l->s.stages[i].image_fd = -1;
    for (size_t i = 0; i < count; i++) {
        struct supervised_stage *stage = &l->s.stages[i];
        l->watchers[i].owner = l;
        l->watchers[i].index = i;
        const struct stage *declared = &l->s.topology->stages[i];
        int rc = stage_program_find(declared->kind, stage->program, e);
        if (rc == 0)
            rc = stage_topology_pack(l->s.topology, declared, topology_file, &stage->given, e);
        if (rc == 0)
            rc = status_page_create(&stage->status_fd, e);
        if (rc == 0)
            rc = status_page_map(stage->status_fd, &stage->page, e);
        if (rc != 0)
            return rc;
        if (l->s.topology->stages[i].kind->store_spec != NULL) {
            rc = loop_make_image(&stage->image_fd, e);
            if (rc != 0)
                return rc;
        }
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
    double observe_seconds = (double)core_observe_interval_ms(&l->s.core) / 1000.0;
    ev_timer_init(&l->observe, on_observe, observe_seconds, observe_seconds);
    l->observe.data = l;
    ev_timer_start(l->ev, &l->observe);
    double seconds = l->bar ? PROGRESS_SECONDS_BAR : PROGRESS_SECONDS_PLAIN;
    ev_timer_init(&l->progress, on_progress, seconds, seconds);
    l->progress.data = l;
    if (!quiet)
        ev_timer_start(l->ev, &l->progress);
    if (l->bar)
        log_set_before_line(clear_bar);
}

static void fill_report(const struct loop *l, const struct status_snapshot *last,
                        struct supervisor_report *report)
{
    size_t count = l->s.core.stage_count;
    *report = (struct supervisor_report){.outcome = l->s.core.outcome,
                                         .counts = memory_new(count, sizeof *report->counts),
                                         .restarts = memory_new(count, sizeof *report->restarts),
                                         .elapsed_ms = clock_monotonic_ms() - l->s.started_ms};
    (void)snprintf(report->reason, sizeof report->reason, "%.*s", (int)last->reason.len,
                   (const char *)last->reason.bytes);
    for (size_t i = 0; i < count; i++) {
        report->counts[i] = status_page_counts(l->s.stages[i].page);
        report->restarts[i] = l->s.core.stages[i].restarts;
    }
}

/* What can be told of this run when nobody is there to be asked; it is no matter of safety. */
static void keep_last_status(const struct loop *l, const struct status_snapshot *last)
{
    struct buf text = {0}, json = {0};
    status_write_text(last, &text);
    status_write_json(last, &json);
    struct err e;
    if (state_dir_keep_last_run(l->s.state, &text, &json, &e) != 0)
        log_line(LOG_WARNING, "%s", e.text);
    buf_done(&text);
    buf_done(&json);
}

static void loop_done(struct loop *l)
{
    control_server_free(l->server);
    for (size_t i = 0; l->s.stages != NULL && i < l->s.topology->stage_count; i++) {
        struct supervised_stage *stage = &l->s.stages[i];
        status_page_unmap(stage->page);
        if (stage->status_fd >= 0)
            (void)close(stage->status_fd);
        if (stage->image_fd >= 0)
            (void)close(stage->image_fd);
        buf_done(&stage->given);
        buf_done(&stage->line);
        buf_done(&stage->words);
        buf_done(&stage->last_words);
    }
    free(l->s.stages);
    free(l->watchers);
    free(l->observations);
    free(l->links);
    core_actions_done(&l->actions);
    core_done(&l->s.core);
    if (l->signal_fd >= 0)
        (void)close(l->signal_fd);
    if (l->ev != NULL)
        ev_loop_destroy(l->ev);
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
                     .signal_fd = -1,
                     .bar = !config->quiet && isatty(STDERR_FILENO) == 1 &&
                            !inherited_terminal_is_dumb()};
    l.progress_at_ms = l.s.started_ms;
    l.ev = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
    core_init(&l.s.core, config->topology);
    int rc = l.ev != NULL ? 0 : err_set(e, ERR_IO, "cannot make an event loop");
    if (rc == 0)
        rc = make_stages(&l, config->topology_file, e);
    if (rc == 0)
        rc = take_signals(&l, e);
    if (rc == 0)
        rc = control_server_new(l.ev, config->state->fd, answer_request, &l, &l.server, e);
    if (rc == 0) {
        start_timers(&l, config->quiet);
        struct core_event start = {.kind = CORE_STARTED};
        loop_take_event(&l, &start);
        loop_reap_strangers(&l); /* those of before our SIGCHLD counts */
        (void)ev_run(l.ev, 0);
        if (l.bar) {
            log_set_before_line(NULL);
            clear_bar();
        }
        struct status_snapshot *last = status_take(&l.s);
        keep_last_status(&l, last);
        fill_report(&l, last, ret_report);
        free(last);
    }
    loop_done(&l);
    return rc;
}
