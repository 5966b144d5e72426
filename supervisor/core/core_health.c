/* SPDX-License-Identifier: MIT */
/*
 * Observing live processes: whether they move, and whether they behave.
 */
#include <inttypes.h>
#include <stdio.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

void step_on_misbehaved(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    step_warn(s, s->event->stage, "%s; killing it", s->event->text);
    step_kill_blamed(s, s->event->stage, "was killed: %s", s->event->text);
}

void step_on_frozen(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    step_warn(s, s->event->stage, "was stopped from outside; killing it");
    step_kill(s, s->event->stage, "was stopped from outside and was killed");
}

void step_on_kill_requested(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    s->core->stages[s->event->stage].kill_asked = true;
    step_kill(s, s->event->stage, "was killed on request");
}

uint64_t core_observe_interval_ms(const struct core *core)
{
    return core->stall_timeout_ms / CORE_STILL_MAX;
}

/* Whether this life has not shown any activity yet. */
static bool has_not_come_to_run(const struct core_stage *stage)
{
    return stage->is == STAGE_STARTING && !stage->has_beaten;
}

/*
 * Whether a stage is busy with one thing for too long, or says that it is waiting and does not
 * answer. A stage that is starting has nothing to wait for; its page may still show what the
 * process before it did. Late observations prove nothing: it was we, or the whole host, who did not
 * run.
 */
static bool is_hung(struct step *s, size_t index, const struct core_observation *seen)
{
    struct core_stage *stage = &s->core->stages[index];
    uint64_t passed_ms = s->event->now_ms - stage->observed_at_ms;
    bool still = step_is_alive(stage) && seen->beats == stage->beats &&
                 (!seen->waiting || stage->asked != 0 || stage->is == STAGE_STARTING) &&
                 passed_ms <= 2 * core_observe_interval_ms(s->core);
    stage->still = still ? stage->still + 1 : 0;
    /* The first observation of a life only shows where the life before it ended. */
    stage->has_beaten = stage->has_beaten || (stage->was_observed && seen->beats != stage->beats);
    stage->was_observed = step_is_alive(stage);
    bool may_be_late =
        has_not_come_to_run(stage) && s->event->now_ms - stage->spawned_at_ms < START_SILENCE_MS;
    return stage->still >= CORE_STILL_MAX && !may_be_late;
}

/* A process that hangs while it waits still shows "waiting" in its page, so it is asked. */
static void ask_waiting(struct step *s, size_t index, const struct core_observation *seen)
{
    struct core_stage *stage = &s->core->stages[index];
    if (stage->is != STAGE_RUNNING || !seen->waiting || stage->asked != 0)
        return;
    stage->asked = ++s->core->pings;
    struct control_message ping = {.kind = CTL_SUPERVISOR_PING, .serial = stage->asked};
    step_tell(s, index, &ping);
}

void step_on_answered(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->asked == 0 || s->event->serial != stage->asked) {
        s->core->late_messages++;
        return;
    }
    stage->asked = 0;
    stage->still = 0;
}

static void kill_hung(struct step *s, size_t index, const struct core_observation *seen)
{
    struct core_stage *stage = &s->core->stages[index];
    uint64_t timeout_ms = s->core->stall_timeout_ms;
    const char *held = seen->held ? " (a debugger holds it)" : "";
    stage->still = 0;
    if (stage->hung) { /* killed_for keeps the first reason */
        step_warn(s, index,
                  "was killed %" PRIu64 " ms ago and is not gone: a debugger holds it, or the "
                  "kernel is waiting for a disk; killing it again",
                  timeout_ms);
        step_kill(s, index, "was killed");
        return;
    }
    char what[CORE_CAUSE_BYTES_MAX / 2];
    if (has_not_come_to_run(stage) && timeout_ms < START_SILENCE_MS)
        (void)snprintf(what, sizeof what, "did not make progress for %u ms after it was started",
                       START_SILENCE_MS);
    else
        (void)snprintf(what, sizeof what, "did not %s for the stall_timeout of %" PRIu64 " ms",
                       seen->waiting && stage->asked != 0 ? "answer" : "make progress", timeout_ms);
    step_warn(s, index, "%s%s%s; killing it", what,
              seen->waiting && stage->asked != 0 ? ", although it reports that it is waiting" : "",
              held);
    stage->hung = true;
    stage->held = seen->held;
    if (!seen->held) {
        step_kill_blamed(s, index, "%s and was killed", what);
        return;
    }
    stage->kill_asked = true; /* like a kill from outside: the stage is not at fault */
    step_kill(s, index, "%s%s and was killed", what, held);
}

void step_on_observed(struct step *s)
{
    struct core *core = s->core;
    const struct core_observation *source = &s->event->observations[core->source];
    core->pending = source->processed > source->acked;
    bool moved = false, late = false;
    for (size_t i = 0; i < core->stage_count; i++) {
        struct core_stage *stage = &core->stages[i];
        const struct core_observation *seen = &s->event->observations[i];
        bool hung = is_hung(s, i, seen);
        uint64_t progress = seen->processed + seen->acked;
        late =
            late || s->event->now_ms - stage->observed_at_ms > 2 * core_observe_interval_ms(core);
        moved = moved || stage->is != STAGE_RUNNING || core_stage_want(core, i) != WANT_NOTHING ||
                !seen->waiting || seen->unread || progress != stage->progress ||
                stage->still != 0 || hung;
        stage->beats = seen->beats;
        stage->progress = progress;
        stage->observed_at_ms = s->event->now_ms;
        ask_waiting(s, i, seen);
        if (hung)
            kill_hung(s, i, seen);
    }
    bool link_stands = step_judge_links(s, late);
    step_judge_standstill(s, moved || late || link_stands);
}
