/* SPDX-License-Identifier: MIT */
/*
 * The happy path: all stages are started -> each reports ready, then positioned -> edges are linked
 * one by one -> the source reports done -> all stages are told to stop -> exit. This file only
 * decides which function takes which event.
 */
#include <stdlib.h>

#include "common/check.h"
#include "common/memory.h"
#include "supervisor/core/core_p.h"

static void on_stage_time(struct step *s, size_t index)
{
    struct core_stage *stage = &s->core->stages[index];
    if (stage->deadline_ms == 0 || s->event->now_ms < stage->deadline_ms)
        return;
    INVARIANT(stage->is == STAGE_BACKOFF);
    step_spawn(s, index);
}

static void on_time_passed(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++)
        on_stage_time(s, i);
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        if (edge->deadline_ms == 0 || s->event->now_ms < edge->deadline_ms)
            continue;
        if (edge->is == EDGE_DOWN)
            step_retry_link(s, edge);
        else
            step_fail_link(s, edge, EDGE_FROM | EDGE_TO, "was not up in time");
    }
    if (core->deadline_ms != 0 && s->event->now_ms >= core->deadline_ms) {
        core->deadline_ms = 0;
        step_stop_all(s, CORE_OUTCOME_FORCED, true);
    }
}

static void dispatch(struct step *s)
{
    switch (s->event->kind) {
    case CORE_STARTED:
        step_on_started(s);
        return;
    case CORE_SPAWN_FAILED:
        step_on_spawn_failed(s);
        return;
    case CORE_STAGE_READY:
        step_on_ready(s);
        return;
    case CORE_STAGE_POSITIONED:
        step_on_positioned(s);
        return;
    case CORE_LINK_LISTENING:
        step_on_listening(s);
        return;
    case CORE_LINK_DIALED:
        step_on_dialed(s);
        return;
    case CORE_LINK_FAILED:
        step_on_link_failed(s);
        return;
    case CORE_STAGE_DONE:
        step_on_done(s);
        return;
    case CORE_STAGE_REFUSED:
        step_fail(s, CORE_OUTCOME_REFUSED, "%s", s->event->text);
        return;
    case CORE_STAGE_UNREAD:
        step_fail(s, CORE_OUTCOME_UNREAD, "%s", s->event->text);
        return;
    case CORE_STAGE_UNSETTLED:
        step_on_unsettled(s);
        return;
    case CORE_STAGE_ALL_ACKED:
        step_on_all_acked(s);
        return;
    case CORE_STAGE_SETTLED:
        step_on_settled(s);
        return;
    case CORE_STAGE_EXITED:
        step_on_exited(s);
        return;
    case CORE_STAGE_FROZEN:
        step_on_frozen(s);
        return;
    case CORE_STAGE_MISBEHAVED:
        step_on_misbehaved(s);
        return;
    case CORE_STAGE_PAUSED:
        step_on_paused(s);
        return;
    case CORE_STAGE_RESUMED:
        step_on_resumed(s);
        return;
    case CORE_STAGE_ANSWERED:
        step_on_answered(s);
        return;
    case CORE_STAGES_OBSERVED:
        step_on_observed(s);
        return;
    case CORE_KILL_REQUESTED:
        step_on_kill_requested(s);
        return;
    case CORE_STOP_REQUESTED:
        step_on_stop_requested(s);
        return;
    case CORE_TIME_PASSED:
        on_time_passed(s);
        return;
    }
    UNREACHABLE();
}

void core_step(struct core *core, const struct core_event *event, struct core_actions *actions)
{
    struct step s = {core, event, actions};
    dispatch(&s);
    core_invariant(core);
}

static void keep_earlier(uint64_t *earliest_ms, uint64_t deadline_ms)
{
    if (deadline_ms != 0 && (*earliest_ms == 0 || deadline_ms < *earliest_ms))
        *earliest_ms = deadline_ms;
}

uint64_t core_deadline_ms(const struct core *core)
{
    uint64_t earliest_ms = core->deadline_ms;
    for (size_t i = 0; i < core->stage_count; i++)
        keep_earlier(&earliest_ms, core->stages[i].deadline_ms);
    for (size_t i = 0; i < core->edge_count; i++)
        keep_earlier(&earliest_ms, core->edges[i].deadline_ms);
    return earliest_ms;
}

void core_init(struct core *core, const struct topology *topology)
{
    *core = (struct core){.stages = memory_new(topology->stage_count, sizeof *core->stages),
                          .stage_count = topology->stage_count,
                          .edges = memory_new(topology->edge_count, sizeof *core->edges),
                          .edge_count = topology->edge_count,
                          .stall_timeout_ms = topology->stall_timeout_ms,
                          .source = topology_source(topology)->index};
    for (size_t i = 0; i < topology->stage_count; i++) {
        core->stages[i].may_quarantine = topology_may_quarantine(topology, i);
        core->stages[i].memory_bytes_max = topology->stages[i].memory_bytes_max;
        core->stages[i].is_sink = topology->stages[i].kind->role == KIND_SINK;
    }
    for (size_t i = 0; i < topology->edge_count; i++) {
        core->edges[i].from = topology->edges[i].from;
        core->edges[i].to = topology->edges[i].to;
    }
}

void core_done(struct core *core)
{
    free(core->stages);
    free(core->edges);
    *core = (struct core){0};
}

void core_actions_done(struct core_actions *actions)
{
    free(actions->items);
    *actions = (struct core_actions){0};
}
