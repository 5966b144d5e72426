/* SPDX-License-Identifier: MIT */
/*
 * The end of the pipeline: after the last record, on request, or because of a failure.
 */
#include <stdarg.h>
#include <stdio.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

void step_finish_if_all_down(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++) {
        if (core->stages[i].is != STAGE_DOWN)
            return;
    }
    if (core->is == PIPELINE_STOPPING) {
        step_move_pipeline(core, PIPELINE_STOPPED);
        (void)step_add_action(s, CORE_EXIT, 0);
    }
}

void step_stop_all(struct step *s, enum core_outcome outcome, bool at_once)
{
    struct core *core = s->core;
    if (core->is == PIPELINE_STOPPED)
        return;
    if (core->is != PIPELINE_STOPPING) {
        step_move_pipeline(core, PIPELINE_STOPPING);
        core->outcome = outcome;
        core->deadline_ms = s->event->now_ms + STOP_DEADLINE_MS;
    }
    for (size_t i = 0; i < core->stage_count; i++) {
        struct core_stage *stage = &core->stages[i];
        stage->wanted = false;
        if (stage->is == STAGE_BACKOFF)
            step_move_stage(stage, STAGE_DOWN);
        if (stage->is == STAGE_STARTING || stage->is == STAGE_RUNNING) {
            step_move_stage(stage, STAGE_STOPPING);
            struct control_message stop = {.kind = CTL_SUPERVISOR_STOP};
            if (!at_once)
                step_tell(s, i, &stop);
        }
        if (at_once && stage->is == STAGE_STOPPING)
            step_kill(s, i, "was killed because the run was to stop without waiting");
    }
    step_finish_if_all_down(s);
}

void step_fail(struct step *s, enum core_outcome outcome, const char *format, ...)
{
    struct core *core = s->core;
    bool ending_well = core->outcome == CORE_OUTCOME_DONE || core->outcome == CORE_OUTCOME_STOPPED;
    if (core->reason[0] == '\0' && (core->is != PIPELINE_STOPPING || ending_well)) {
        core->outcome = outcome; /* a failure counts even while all stages are stopping */
        va_list args;
        va_start(args, format);
        (void)vsnprintf(core->reason, sizeof core->reason, format, args);
        va_end(args);
        core->reason_stage = s->event->stage;
    }
    step_stop_all(s, outcome, false);
}

bool step_is_unsettled(const struct step *s)
{
    for (size_t i = 0; i < s->core->stage_count; i++) {
        if (s->core->stages[i].unsettled != 0 || s->core->stages[i].may_ask_again)
            return true;
    }
    return false;
}

/*
 * The end of the input ends the run, but only once every stage has opened its files and state: a
 * run with nothing to do must find a broken output just as any other run does. Output of former
 * lives that was not replayed must be removed first, too; a drain leaves that to the next run.
 */
void step_stop_if_done(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++) {
        if (!core->stages[i].was_ready)
            return;
    }
    if (core->is == PIPELINE_RUNNING && step_is_unsettled(s))
        return;
    if (core->source_done && (core->is == PIPELINE_RUNNING || core->is == PIPELINE_DRAINING))
        step_stop_all(s, core->is == PIPELINE_DRAINING ? CORE_OUTCOME_STOPPED : CORE_OUTCOME_DONE,
                      false);
}

void step_on_stop_requested(struct step *s)
{
    struct core *core = s->core;
    if (core->is != PIPELINE_RUNNING) {
        step_stop_all(s, CORE_OUTCOME_FORCED, true);
        return;
    }
    step_move_pipeline(core, PIPELINE_DRAINING);
    core->deadline_ms = s->event->now_ms + DRAIN_DEADLINE_MS;
    struct control_message drain = {.kind = CTL_SUPERVISOR_DRAIN};
    if (core->stages[core->source].is == STAGE_RUNNING)
        step_tell(s, core->source, &drain);
}

void step_on_done(struct step *s)
{
    struct core *core = s->core;
    if (s->event->stage != core->source ||
        (core->is != PIPELINE_RUNNING && core->is != PIPELINE_DRAINING)) {
        core->late_messages++;
        return;
    }
    core->source_done = true;
    step_stop_if_done(s);
}
