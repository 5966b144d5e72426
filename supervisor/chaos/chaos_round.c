/* SPDX-License-Identifier: MIT */
/*
 * One turn: check whether the run has ended, ask for its status, disturb it if a disturbance is
 * due, sleep a moment. Only processes that a status showed are disturbed, and only through a pidfd
 * that was verified.
 */
#include "supervisor/chaos/chaos_round.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/count.h"
#include "common/log.h"
#include "common/memory.h"
#include "supervisor/chaos/chaos_watch.h"
#include "supervisor/client/control_client.h"

#define TURN_US 1000u
/* A disturbance whose target is still not there after this time is skipped. */
#define PATIENCE_US 500000u
/* A run that makes no progress for this long, without a disturbance, hangs. */
#define HANG_US 60000000u
/* How long stages may take to die with their supervisor; one may be waiting for a disk. */
#define ORPHANS_MS_MAX 10000u

/* A supervisor has five descriptors per stage, some of its own, and those of its clients. */
#define DESCRIPTORS_MAX(stages) (5u * (unsigned)(stages) + 40u)
#define DESCRIPTORS_EVERY_US 100000u

struct round {
    struct chaos_run *run;
    struct chaos_plan *plan;
    struct chaos_watch watch;
    struct chaos_child child;
    char *state_path;
    struct chaos_disturbance next;
    uint64_t due_us;
    bool kill_sent, stop_sent; /* we have sent it to the present supervisor */
    bool interrupted;
    int frozen_fd; /* pidfd of a stopped stage, which gets its SIGCONT at thaw_us; -1: none */
    uint64_t thaw_us;
    uint64_t counted_us; /* when the supervisor's descriptors were last counted */
};

static bool wants_more(const struct round *r)
{
    return chaos_report_kills(r->run->report) < r->run->report->kills_wanted;
}

static void plan_next(struct round *r)
{
    r->next = chaos_plan_next(r->plan);
    r->due_us = clock_monotonic_us() + r->next.wait_ms * 1000u;
}

/* --- stages --- */

static int open_stage(const struct round *r, size_t stage)
{
    const struct status_stage *seen = &r->watch.stages[stage].seen;
    return chaos_stage_open((pid_t)seen->pid, r->child.pid, seen->stage, seen->generation);
}

static void note_stage(const struct round *r, const char *what, size_t stage)
{
    const struct status_stage *seen = &r->watch.stages[stage].seen;
    log_line(LOG_DEBUG, "%s %s (pid %" PRIu64 ", generation %" PRIu64 ", acked %" PRIu64 ")", what,
             seen->stage, seen->pid, seen->generation, seen->acked);
}

/* Kills the planned stages that can be killed, one right after the other. */
static void kill_stages(struct round *r)
{
    int fds[PROCESSES_MAX];
    for (size_t i = 0; i < r->next.stage_count; i++) {
        size_t stage = r->next.stages[i];
        fds[i] = chaos_watch_may_harm(&r->watch, stage) ? open_stage(r, stage) : -1;
    }
    for (size_t i = 0; i < r->next.stage_count; i++) {
        size_t stage = r->next.stages[i];
        if (fds[i] < 0)
            continue;
        if (!wants_more(r)) {
            (void)close(fds[i]);
            continue;
        }
        uint64_t now_us = clock_monotonic_us();
        chaos_stage_signal(fds[i], SIGKILL);
        chaos_watch_killed(&r->watch, stage, fds[i], now_us);
        note_stage(r, "SIGKILL to", stage);
    }
}

static void freeze_stage(struct round *r)
{
    size_t stage = r->next.stages[0];
    int fd = open_stage(r, stage);
    if (fd < 0)
        return;
    uint64_t now_us = clock_monotonic_us();
    chaos_stage_signal(fd, SIGSTOP);
    chaos_watch_stopped(&r->watch, stage, now_us);
    note_stage(r, "SIGSTOP to", stage);
    r->frozen_fd = fd;
    r->thaw_us = now_us + r->next.hold_ms * 1000u;
}

static void thaw_stage(struct round *r)
{
    chaos_stage_signal(r->frozen_fd, SIGCONT);
    (void)close(r->frozen_fd);
    r->frozen_fd = -1;
}

/* --- the supervisor --- */

static void freeze_supervisor(struct round *r)
{
    uint64_t thaw_us = clock_monotonic_us() + r->next.hold_ms * 1000u;
    chaos_child_signal(&r->child, SIGSTOP);
    chaos_watch_supervisor_harmed(&r->watch, false, clock_monotonic_us());
    r->run->report->supervisor.stops++;
    for (uint64_t now_us; !r->interrupted && (now_us = clock_monotonic_us()) < thaw_us;)
        r->interrupted = chaos_pause((unsigned)(thaw_us - now_us));
    chaos_child_signal(&r->child, SIGCONT);
}

static void kill_supervisor(struct round *r)
{
    uint64_t now_us = clock_monotonic_us();
    chaos_child_signal(&r->child, SIGKILL);
    r->kill_sent = true;
    chaos_watch_supervisor_harmed(&r->watch, true, now_us);
    r->run->report->supervisor.kills++;
}

static void stop_supervisor(struct round *r, bool at_once)
{
    chaos_child_signal(&r->child, SIGTERM);
    if (at_once)
        chaos_child_signal(&r->child, SIGINT);
    r->stop_sent = true;
    chaos_watch_supervisor_harmed(&r->watch, false, clock_monotonic_us());
    r->run->report->drains++;
}

/* --- the next disturbance --- */

/* Whether the next disturbance can be done now. */
static bool is_possible(const struct round *r)
{
    size_t ready = 0;
    switch (r->next.kind) {
    case CHAOS_KILL_STAGE:
    case CHAOS_KILL_AGAIN:
    case CHAOS_KILL_TWO:
    case CHAOS_KILL_ALL:
        for (size_t i = 0; i < r->next.stage_count; i++)
            ready += chaos_watch_may_harm(&r->watch, r->next.stages[i]);
        return ready >= (r->next.stage_count < 2 ? 1 : 2);
    case CHAOS_FREEZE_STAGE:
        return r->frozen_fd < 0 && chaos_watch_may_harm(&r->watch, r->next.stages[0]);
    case CHAOS_KILL_SUPERVISOR: /* even before it has answered for the first time */
        return r->child.pid != 0 && r->watch.supervisor_harms < CHAOS_HARMS_MAX;
    case CHAOS_FREEZE_SUPERVISOR:
    case CHAOS_DRAIN:
    case CHAOS_STOP_AT_ONCE:
        return r->watch.answered && !r->stop_sent && r->watch.supervisor_harms < CHAOS_HARMS_MAX;
    }
    return false;
}

static void disturb(struct round *r)
{
    if (r->next.stage_count == 0)
        log_line(LOG_DEBUG, "%s (pid %ld)", chaos_kind_text(r->next.kind), (long)r->child.pid);
    switch (r->next.kind) {
    case CHAOS_KILL_STAGE:
    case CHAOS_KILL_AGAIN:
    case CHAOS_KILL_TWO:
    case CHAOS_KILL_ALL:
        kill_stages(r);
        return;
    case CHAOS_FREEZE_STAGE:
        freeze_stage(r);
        return;
    case CHAOS_FREEZE_SUPERVISOR:
        freeze_supervisor(r);
        return;
    case CHAOS_KILL_SUPERVISOR:
        kill_supervisor(r);
        return;
    case CHAOS_DRAIN:
        stop_supervisor(r, false);
        return;
    case CHAOS_STOP_AT_ONCE:
        stop_supervisor(r, true);
        return;
    }
}

static void disturb_if_due(struct round *r)
{
    uint64_t now_us = clock_monotonic_us();
    if (r->frozen_fd >= 0 && now_us >= r->thaw_us)
        thaw_stage(r);
    if (!wants_more(r) || now_us < r->due_us || r->kill_sent)
        return;
    if (is_possible(r)) {
        disturb(r);
        plan_next(r);
    } else if (now_us - r->due_us >= PATIENCE_US) {
        plan_next(r);
    }
}

/* --- what happens to the run --- */

static void ask_status(struct round *r)
{
    struct buf answer = {0};
    chaos_watch_look_for_deaths(&r->watch);
    int fd = control_client_connect(r->state_path);
    if (fd < 0)
        return;
    struct status_snapshot *seen = memory_new(1, sizeof *seen);
    /* An answer that is cut short, or that comes from an earlier supervisor, proves nothing. */
    if (control_client_exchange(fd, "status json", &answer) == 0 && answer.len > 3 &&
        memcmp(answer.data, "ok\n", 3) == 0 &&
        status_read(answer.data + 3, answer.len - 3, seen, NULL) == 0 &&
        seen->pid == (uint64_t)r->child.pid)
        chaos_watch_see(&r->watch, seen, clock_monotonic_us());
    free(seen);
    (void)close(fd);
    buf_done(&answer);
}

static bool start(struct round *r)
{
    struct err e;
    r->kill_sent = r->stop_sent = false;
    if (chaos_run_start(r->run, false, &r->child, &e) == 0)
        return true;
    buf_add_format(&r->run->report->reason, "%s\n", e.text);
    return false;
}

/* Called when the supervisor has ended. Returns whether the round continues, else with *ret_end. */
static bool goes_on(struct round *r, enum chaos_end *ret_end)
{
    int status = r->child.status;
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && r->kill_sent;
    bool ended_well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    chaos_watch_supervisor_gone(&r->watch, clock_monotonic_us());
    if (r->kill_sent && !killed)
        r->run->report->supervisor.kills--; /* it had already ended */
    if (killed || (ended_well && r->stop_sent)) {
        *ret_end = CHAOS_END_FAILED;
        return start(r);
    }
    if (ended_well) {
        *ret_end = CHAOS_END_GOOD;
        return false;
    }
    buf_add_text(&r->run->report->reason, "the run ");
    chaos_run_describe_end(r->run, status, &r->run->report->reason);
    *ret_end = CHAOS_END_FAILED;
    return false;
}

/* Reports the status of a run that hangs, before it is killed. */
static void describe_hang(struct round *r)
{
    struct buf answer = {0};
    struct buf *reason = &r->run->report->reason;
    buf_add_format(reason, "no progress for %u s, although nothing was disturbed\n",
                   HANG_US / 1000000u);
    int fd = control_client_connect(r->state_path);
    if (fd >= 0) {
        if (control_client_exchange(fd, "status", &answer) == 0)
            buf_add(reason, answer.data, answer.len);
        (void)close(fd);
    }
    buf_done(&answer);
}

/* Whether the supervisor has no more descriptors open than it can need. */
static bool has_no_leak(struct round *r)
{
    uint64_t now_us = clock_monotonic_us();
    if (now_us - r->counted_us < DESCRIPTORS_EVERY_US)
        return true;
    r->counted_us = now_us;
    unsigned limit = DESCRIPTORS_MAX(r->run->topology->stage_count);
    unsigned count = chaos_child_descriptors(&r->child);
    if (count > limit)
        buf_add_format(&r->run->report->reason,
                       "the supervisor has %u descriptors open, more than the %u it can need\n",
                       count, limit);
    return count <= limit;
}

static enum chaos_end turn_until_end(struct round *r, struct chaos_display *display)
{
    enum chaos_end end;
    if (!start(r))
        return CHAOS_END_FAILED;
    for (;;) {
        if (chaos_children_reap(&r->child) && !goes_on(r, &end))
            return end;
        ask_status(r);
        disturb_if_due(r);
        chaos_display_show(display, r->run->report);
        if (r->interrupted || chaos_pause(TURN_US))
            return CHAOS_END_INTERRUPTED;
        if (!has_no_leak(r))
            return CHAOS_END_FAILED;
        if (clock_monotonic_us() - r->watch.progress_us >= HANG_US) {
            describe_hang(r);
            return CHAOS_END_FAILED;
        }
    }
}

enum chaos_end chaos_round(struct chaos_run *run, struct chaos_plan *plan,
                           struct chaos_display *display)
{
    struct round r = {.run = run,
                      .plan = plan,
                      .state_path = chaos_run_path(run, "state", NULL),
                      .frozen_fd = -1};
    chaos_watch_init(&r.watch, run->topology, run->report, clock_monotonic_us());
    plan_next(&r);
    enum chaos_end end = turn_until_end(&r, display);
    if (r.frozen_fd >= 0)
        thaw_stage(&r);
    if (end == CHAOS_END_INTERRUPTED)
        chaos_run_stop(&r.child);
    else
        chaos_child_signal(&r.child, SIGKILL); /* if it hangs; otherwise it is gone */
    unsigned left = chaos_children_finish(ORPHANS_MS_MAX);
    if (left != 0) {
        buf_add_format(&run->report->reason, "%u %s left behind\n", left,
                       count_word(left, "process was", "processes were"));
        end = CHAOS_END_FAILED;
    }
    chaos_watch_done(&r.watch);
    free(r.state_path);
    return end;
}
