/* SPDX-License-Identifier: MIT */
/*
 * Output that former lives of a sink wrote but did not commit comes again, unless the topology or
 * the input has changed since. Only the source can tell when everything has been replayed. So a
 * sink that finds more output than was committed asks; the source answers once it has emitted
 * everything that it has and all of that is acked; then the sink removes what is left. The answer
 * holds only for processes that asked before the source was asked: a later one may have written
 * more.
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
