/* SPDX-License-Identifier: MIT */
/*
 * Starting up: all stages are started, and each of them reports ready, then positioned.
 */
#include "supervisor/core/core_p.h"

void step_on_started(struct step *s)
{
    step_move_pipeline(s->core, PIPELINE_RUNNING);
    for (size_t i = 0; i < s->core->stage_count; i++) {
        s->core->stages[i].wanted = true;
        step_spawn(s, i);
    }
}

void step_on_ready(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_STARTING) {
        s->core->late_messages++;
        return;
    }
    step_move_stage(stage, STAGE_RUNNING);
    stage->ready = stage->was_ready = true;
    stage->may_ask_again = false;
    if (!stage->want_at_work)
        step_on_resumed(s);
    struct control_message drain = {.kind = CTL_SUPERVISOR_DRAIN};
    if (s->core->is == PIPELINE_DRAINING && s->event->stage == s->core->source)
        step_tell(s, s->event->stage, &drain);
    if (s->event->stage == s->core->source)
        step_ask_source(s);
    step_link_edges(s);
    step_stop_if_done(s);
}

void step_on_positioned(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_RUNNING) {
        s->core->late_messages++;
        return;
    }
    stage->positioned = true;
    step_link_edges(s);
}
