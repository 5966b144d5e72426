/* SPDX-License-Identifier: MIT */
/*
 * What holds between two steps, in whatever order they come. A wrong state stops the supervisor at
 * the step that caused it, not later where it shows.
 */
#include "common/check.h"
#include "supervisor/core/core_p.h"

static bool is_at_work(const struct core_stage *stage)
{
    return stage->is == STAGE_RUNNING || stage->is == STAGE_STOPPING;
}

static void check_stage(const struct core *core, const struct core_stage *stage)
{
    bool has_lived = stage->generation != 0;
    INVARIANT(has_lived || stage->is == STAGE_DOWN);
    /* A stage that waits to restart has a time for that, and no other stage has one. */
    INVARIANT((stage->is == STAGE_BACKOFF) == (stage->deadline_ms != 0));
    INVARIANT(!stage->ready || (is_at_work(stage) && stage->was_ready));
    INVARIANT(!stage->positioned || is_at_work(stage));
    INVARIANT(stage->is != STAGE_RUNNING || stage->ready);
    INVARIANT(stage->unsettled == 0 || step_is_alive(stage));
    INVARIANT(stage->unsettled <= core->questions);
    INVARIANT(!stage->may_ask_again || !stage->ready);
    INVARIANT(stage->asked <= core->pings);
    /*
     * All stages are wanted until the pipeline ends. One that is not wanted is not started again.
     */
    bool goes_on = core->is == PIPELINE_RUNNING || core->is == PIPELINE_DRAINING;
    INVARIANT(stage->wanted == goes_on);
    INVARIANT(stage->wanted ? stage->is != STAGE_DOWN && stage->is != STAGE_STOPPING
                            : stage->is == STAGE_DOWN || stage->is == STAGE_STOPPING);
}

static bool can_be_linked(const struct core_stage *from, const struct core_stage *to)
{
    return from->is == STAGE_RUNNING && from->ready && to->is == STAGE_RUNNING && to->positioned;
}

static void check_edge(const struct core *core, const struct core_edge *edge)
{
    const struct core_stage *from = &core->stages[edge->from];
    const struct core_stage *to = &core->stages[edge->to];
    INVARIANT(edge->serial <= core->serial);
    if (edge->is == EDGE_DOWN) {
        /* No edge is left down for good: it is tried again, or one of its ends is about to die. */
        INVARIANT(!can_be_linked(from, to) || edge->deadline_ms != 0 || core_is_dying(from) ||
                  core_is_dying(to));
        return;
    }
    /* A link never outlives either of its ends. */
    INVARIANT(edge->serial != 0 && from->ready && to->positioned);
    INVARIANT(edge->is == EDGE_LISTENING || edge->heard_by == from->generation);
    INVARIANT((edge->is == EDGE_UP) == (edge->deadline_ms == 0));
}

void core_invariant(const struct core *core)
{
    size_t up = 0;
    for (size_t i = 0; i < core->stage_count; i++) {
        check_stage(core, &core->stages[i]);
        up += core->stages[i].is != STAGE_DOWN;
    }
    for (size_t i = 0; i < core->edge_count; i++)
        check_edge(core, &core->edges[i]);
    bool ends = core->is == PIPELINE_STOPPING || core->is == PIPELINE_STOPPED;
    INVARIANT(ends == (core->outcome != CORE_OUTCOME_NONE));
    /* It has stopped exactly when the last process is gone. */
    INVARIANT(core->is != PIPELINE_STOPPING || up != 0);
    INVARIANT((core->is != PIPELINE_NEW && core->is != PIPELINE_STOPPED) || up == 0);
}
