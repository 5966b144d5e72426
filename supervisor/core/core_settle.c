/* SPDX-License-Identifier: MIT */
/*
 * What former lives of a sink have shown and not committed comes again, unless the topology or the
 * input is another one by now. Only the source can tell when all that there is has come: so a sink
 * that finds more than was committed asks, the source answers when everything that there is was
 * given out and is acked, and the sink takes away what is left. An answer is for the processes
 * that asked before the source was: a later one may have shown more.
 */
#include "supervisor/core/core_p.h"

static bool is_asked(const struct core *core)
{
    for (size_t i = 0; i < core->stage_count; i++) {
        if (core->stages[i].unsettled != 0)
            return true;
    }
    return false;
}

void step_ask_source(struct step *s)
{
    struct core *core = s->core;
    struct control_message ask = {.kind = CTL_SUPERVISOR_ASK_ALL, .serial = core->questions};
    if (core->stages[core->source].is == STAGE_RUNNING && is_asked(core))
        step_tell(s, core->source, &ask);
}

void step_leave_question(struct core_stage *stage)
{
    stage->may_ask_again = stage->may_ask_again || stage->unsettled != 0;
    stage->unsettled = 0;
}

void step_on_unsettled(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_STARTING) {
        s->core->late_messages++;
        return;
    }
    stage->unsettled = ++s->core->questions;
    step_ask_source(s);
}

void step_on_all_acked(struct step *s)
{
    struct core *core = s->core;
    struct control_message settle = {.kind = CTL_SUPERVISOR_SETTLE};
    if (s->event->stage != core->source) {
        core->late_messages++;
        return;
    }
    for (size_t i = 0; i < core->stage_count; i++) {
        struct core_stage *stage = &core->stages[i];
        if (stage->unsettled != 0 && stage->unsettled <= s->event->serial && step_is_alive(stage))
            step_tell(s, i, &settle);
    }
}

void step_on_settled(struct step *s)
{
    s->core->stages[s->event->stage].unsettled = 0;
    step_stop_if_done(s);
}
