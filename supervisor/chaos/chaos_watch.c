/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_watch.h"

#include <string.h>
#include <unistd.h>

#include "supervisor/chaos/chaos_child.h"

static void forget_recovery(struct chaos_watched *stage)
{
    if (stage->pid_fd >= 0)
        (void)close(stage->pid_fd);
    stage->pid_fd = -1;
    stage->recovering = stage->died = false;
}

void chaos_watch_init(struct chaos_watch *w, const struct topology *topology,
                      struct chaos_report *report, uint64_t now_us)
{
    *w = (struct chaos_watch){.topology = topology, .report = report, .progress_us = now_us};
    w->source = topology_source(topology)->index;
    for (size_t i = 0; i < topology->stage_count; i++) {
        w->stages[i].pid_fd = -1;
    }
}

void chaos_watch_look_for_deaths(struct chaos_watch *w)
{
    for (size_t i = 0; i < w->topology->stage_count; i++) {
        struct chaos_watched *stage = &w->stages[i];
        if (stage->pid_fd < 0 || !chaos_stage_is_dead(stage->pid_fd))
            continue;
        (void)close(stage->pid_fd);
        stage->pid_fd = -1;
        stage->died = true;
    }
}

/* The first status after the death shows what the stage had acked when it died. */
static void follow_recovery(struct chaos_watch *w, struct chaos_watched *stage, uint64_t now_us)
{
    if (stage->died) {
        stage->died = false;
        stage->acked_then = stage->seen.acked;
        return;
    }
    /* After its death only a later generation can advance its acks. */
    if (!stage->recovering || stage->pid_fd >= 0 || stage->seen.acked <= stage->acked_then)
        return;
    stage->recovering = false;
    chaos_times_add(&w->report->stage_recovery, now_us - stage->killed_us);
}

static void see_stage(struct chaos_watch *w, size_t i, const struct status_stage *seen,
                      uint64_t now_us)
{
    struct chaos_watched *stage = &w->stages[i];
    stage->seen = *seen;
    follow_recovery(w, stage, now_us);
    if (seen->acked <= stage->acked_best)
        return;
    stage->acked_best = seen->acked;
    stage->harms = 0;
    w->supervisor_harms = 0;
    w->progress_us = now_us;
    if (i == w->source && w->supervisor_recovering) {
        w->supervisor_recovering = false;
        chaos_times_add(&w->report->supervisor_recovery, now_us - w->supervisor_killed_us);
    }
}

void chaos_watch_see(struct chaos_watch *w, const struct status_snapshot *seen, uint64_t now_us)
{
    if (seen->stage_count != w->topology->stage_count)
        return;
    for (size_t i = 0; i < seen->stage_count; i++) {
        if (strcmp(seen->stages[i].stage, w->topology->stages[i].name) != 0)
            return;
    }
    w->answered = true;
    for (size_t i = 0; i < seen->stage_count; i++)
        see_stage(w, i, &seen->stages[i], now_us);
}

bool chaos_watch_may_harm(const struct chaos_watch *w, size_t stage)
{
    const struct chaos_watched *s = &w->stages[stage];
    return s->seen.pid != 0 && s->seen.generation > s->harmed && s->harms < CHAOS_HARMS_MAX;
}

static void note_harm(struct chaos_watch *w, struct chaos_watched *stage, uint64_t now_us)
{
    forget_recovery(stage);
    stage->harms++;
    stage->harmed = stage->seen.generation;
    w->progress_us = now_us;
}

void chaos_watch_killed(struct chaos_watch *w, size_t stage, int pid_fd, uint64_t now_us)
{
    struct chaos_watched *s = &w->stages[stage];
    note_harm(w, s, now_us);
    s->pid_fd = pid_fd;
    s->recovering = true;
    s->killed_us = now_us;
    w->report->stages[stage].kills++;
}

void chaos_watch_stopped(struct chaos_watch *w, size_t stage, uint64_t now_us)
{
    note_harm(w, &w->stages[stage], now_us);
    w->report->stages[stage].stops++;
}

void chaos_watch_supervisor_harmed(struct chaos_watch *w, bool killed, uint64_t now_us)
{
    for (size_t i = 0; i < w->topology->stage_count; i++)
        forget_recovery(&w->stages[i]);
    w->supervisor_harms++;
    w->supervisor_recovering = killed;
    w->supervisor_killed_us = now_us;
    w->progress_us = now_us;
}

void chaos_watch_supervisor_gone(struct chaos_watch *w, uint64_t now_us)
{
    for (size_t i = 0; i < w->topology->stage_count; i++) {
        struct chaos_watched *stage = &w->stages[i];
        forget_recovery(stage);
        w->report->restarts += stage->seen.restarts;
        stage->seen = (struct status_stage){0};
        stage->harmed = 0;
    }
    w->answered = false;
    w->progress_us = now_us;
}

void chaos_watch_done(struct chaos_watch *w)
{
    for (size_t i = 0; i < w->topology->stage_count; i++)
        forget_recovery(&w->stages[i]);
}
