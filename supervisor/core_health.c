/* SPDX-License-Identifier: MIT */
/*
 * What is seen of the living: whether they move, whether they wait for space, whether they behave.
 */
#include <inttypes.h>

#include "common/limits.h"
#include "supervisor/core_p.h"

/* A stage is hung when so many observations in a row, stall_timeout in all, saw it not move. */
#define STILL_MAX 4u

void step_on_misbehaved(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    step_warn(s, s->event->stage, "%s; killing it", s->event->text);
    step_kill_blamed(s, s->event->stage);
}

void step_on_frozen(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    step_warn(s, s->event->stage, "was stopped from outside; a stage that does not run is killed");
    (void)step_add_action(s, CORE_KILL, s->event->stage);
}

uint64_t core_observe_interval_ms(const struct core *core)
{
    return core->stall_timeout_ms / STILL_MAX;
}

/*
 * Whether a stage is busy with one thing for too long. Observations that come late say nothing:
 * then it was us, or the whole host, that did not run.
 */
static bool is_hung(struct step *s, size_t index, const struct core_observation *seen)
{
    struct core_stage *stage = &s->core->stages[index];
    uint64_t passed_ms = s->event->now_ms - stage->observed_at_ms;
    bool still = step_is_alive(stage) && seen->beats == stage->beats && !seen->waiting &&
                 passed_ms <= 2 * core_observe_interval_ms(s->core);
    stage->still = still ? stage->still + 1 : 0;
    return stage->still >= STILL_MAX;
}

/* Records are under way, everybody waits, and nothing moves: a link has lost something. */
static void judge_standstill(struct step *s, bool moved)
{
    struct core *core = s->core;
    bool pending = s->event->observations[core->source].pending;
    core->all_still = moved || !pending || core->is == PIPELINE_STOPPING ? 0 : core->all_still + 1;
    if (core->all_still < STILL_MAX)
        return;
    core->all_still = 0;
    for (size_t i = 0; i < core->edge_count; i++) {
        if (core->edges[i].is == EDGE_UP)
            step_fail_link(s, &core->edges[i], "records are under way, and nothing moves");
    }
}

void step_on_observed(struct step *s)
{
    struct core *core = s->core;
    bool moved = false;
    for (size_t i = 0; i < core->stage_count; i++) {
        struct core_stage *stage = &core->stages[i];
        const struct core_observation *seen = &s->event->observations[i];
        bool hung = is_hung(s, i, seen);
        moved = moved || stage->is != STAGE_RUNNING || stage->paused || !seen->waiting ||
                seen->unread || seen->progress != stage->progress ||
                s->event->now_ms - stage->observed_at_ms > 2 * core_observe_interval_ms(core);
        stage->beats = seen->beats;
        stage->progress = seen->progress;
        stage->observed_at_ms = s->event->now_ms;
        if (!hung)
            continue;
        stage->still = 0;
        stage->hung = true;
        step_warn(s, i, "did not move for %" PRIu64 " ms; killing it", core->stall_timeout_ms);
        step_kill_blamed(s, i);
    }
    judge_standstill(s, moved);
}

void step_on_paused(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (!step_is_alive(stage))
        return;
    stage->paused = true;
    step_warn(s, s->event->stage, "%s; pausing until there is space", s->event->text);
}

void step_on_resumed(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (!step_is_alive(stage))
        return;
    stage->paused = false;
    step_warn(s, s->event->stage, "there is space again; going on");
}
