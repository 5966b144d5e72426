/* SPDX-License-Identifier: MIT */
/*
 * The end of a process: what caused it, how it counts, and when the next process starts.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/process_end.h"
#include "ipc/stage_protocol.h"
#include "supervisor/core/core_p.h"

static bool is_from_outside(const struct core_event *event)
{
    return event->signal == SIGKILL || event->signal == SIGTERM;
}

static bool is_for_want(const struct core_event *event)
{
    return event->signal == 0 && event->exit_code == STAGE_EXIT_WANT;
}

/*
 * Whether a process made no progress only because it had nothing to do: it lived long, had nothing
 * in hand, and no record was under way at the last observation. Its death is not in a row with
 * those before it. This does not hold for a process that we blamed and killed: that one had
 * something to do, or did not answer.
 */
static bool had_nothing_to_do(const struct core *core, const struct core_stage *stage,
                              const struct core_event *event)
{
    return stage->was_linked && !stage->blamed && event->seq == 0 && !core->pending &&
           event->now_ms - stage->spawned_at_ms >= RESTART_HEALTHY_MS;
}

/*
 * Counts a death. A life that advanced the acks clears all counts, whatever ended it. The death of
 * a process that had all its links and was killed from outside is not a strike; it is counted
 * separately, unless a user asked us for the kill. Nor is the death of one that ended for lack of a
 * resource of the host.
 */
static void count_death(const struct core *core, struct core_stage *stage,
                        const struct core_event *event)
{
    if (event->acked > stage->acked) {
        stage->acked = event->acked;
        stage->strikes = stage->outside = stage->want_tries = 0;
    } else if (is_from_outside(event) && stage->was_linked && !stage->blamed) {
        if (event->now_ms - stage->spawned_at_ms >= RESTART_HEALTHY_MS)
            stage->outside = 0;
        stage->outside += stage->kill_asked ? 0 : 1;
    } else if (!stage->kill_asked && !is_for_want(event)) {
        if (had_nothing_to_do(core, stage, event))
            stage->strikes = 0;
        stage->strikes++;
    }
}

void core_describe_end(const struct core_stage *stage, int signal, int exit_code,
                       char ret_text[CORE_CAUSE_BYTES_MAX])
{
    char end[PROCESS_END_BYTES];
    const char *text = process_end_text(signal, exit_code, end);
    if (signal == SIGKILL && stage->killed_for[0] != '\0')
        text = stage->killed_for;
    else if (signal == 0 && exit_code == CORE_EXIT_UNKNOWN)
        text = "is gone, and it is not known how it ended";
    (void)snprintf(ret_text, CORE_CAUSE_BYTES_MAX, "%s", text);
}

/* Tries again later, as often as it takes: others hold the resource now and will release it. */
static void await_resource(struct step *s, size_t index)
{
    struct core_stage *stage = &s->core->stages[index];
    if (s->event->now_ms - stage->spawned_at_ms >= RESTART_HEALTHY_MS)
        stage->want_tries = 0;
    stage->want_tries++;
    stage->restarts++;
    step_move_stage(stage, STAGE_BACKOFF);
    stage->paused = true;
    uint64_t wait_ms = core_want_wait_ms(stage->want_tries);
    stage->deadline_ms = s->event->now_ms + wait_ms;
    if (stage->want_tries == 1)
        step_warn(s, index, "ended for lack of %s; trying again until that changes",
                  want_text(stage->want));
    else
        step_note(s, index, "ended for lack of %s; trying again in %" PRIu64 " ms",
                  want_text(stage->want), wait_ms);
}

/* Starts a stage again after a death, at once or after a pause. */
static void restart(struct step *s, size_t index, const char *how)
{
    struct core_stage *stage = &s->core->stages[index];
    bool by_others = stage->outside > RESTART_OUTSIDE_FREE + stage->strikes;
    unsigned deaths = by_others ? stage->outside : stage->strikes;
    unsigned deaths_max = by_others ? RESTART_OUTSIDE_MAX : RESTART_STRIKES_MAX;
    if (deaths >= deaths_max) {
        step_move_stage(stage, STAGE_DOWN);
        step_fail(s, CORE_OUTCOME_STORM, "it %s, %u times in a row without progress", how, deaths);
        return;
    }
    stage->restarts++;
    uint64_t backoff_ms = core_backoff_ms(by_others ? deaths - RESTART_OUTSIDE_FREE : deaths);
    step_move_stage(stage, STAGE_BACKOFF);
    if (backoff_ms == 0) {
        step_note(s, index, "%s; restarting now", how);
        step_spawn(s, index);
        return;
    }
    step_note(s, index, "%s, without progress (%u of %u); restarting in %" PRIu64 " ms", how,
              deaths, deaths_max, backoff_ms);
    stage->deadline_ms = s->event->now_ms + backoff_ms;
}

void step_on_exited(struct step *s)
{
    struct core *core = s->core;
    struct core_stage *stage = &core->stages[s->event->stage];
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        if (edge->from != s->event->stage && edge->to != s->event->stage)
            continue;
        step_unlink_edge(s, edge, s->event->stage);
        /* It was the stage that failed, not the link. */
        edge->failures = edge->blamed = 0;
        edge->deadline_ms = 0;
        edge->why[0] = '\0';
        edge->want = WANT_NOTHING;
        edge->want_tries = 0;
    }
    stage->ready = stage->positioned = false;
    step_leave_question(stage);
    /* The next process may find more to read, and reports itself when it is done. */
    if (s->event->stage == core->source)
        core->source_done = false;
    /* Its memory can be trusted only if its own code did not fail: if it was ended from outside. */
    stage->image_trusted = !stage->blamed && (is_from_outside(s->event) ||
                                              (s->event->signal == 0 && s->event->exit_code == 0));
    if (!stage->wanted) {
        step_move_stage(stage, STAGE_DOWN);
        step_finish_if_all_down(s);
        return;
    }
    count_death(core, stage, s->event);
    char how[CORE_CAUSE_BYTES_MAX];
    core_describe_end(stage, s->event->signal, s->event->exit_code, how);
    if (step_judge_death(s, s->event->stage, how))
        return;
    if (is_for_want(s->event)) {
        /* It has reported the resource, unless its state could not grow, which ends it at once. */
        if (!stage->paused)
            stage->want = WANT_MEMORY;
        await_resource(s, s->event->stage);
    } else
        restart(s, s->event->stage, how);
}

/*
 * Whether it is worth waiting for a resource. The descriptors of one process have a limit: if that
 * was too low for the stage from the beginning, nothing will ever be released.
 */
static bool may_pass(const struct core_stage *stage, enum want want)
{
    return want != WANT_DESCRIPTORS || stage->was_ready;
}

void step_on_spawn_failed(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    step_leave_question(stage);
    if (!stage->wanted) {
        step_move_stage(stage, STAGE_DOWN);
        step_finish_if_all_down(s);
        return;
    }
    if (s->event->want != WANT_NOTHING && may_pass(stage, s->event->want)) {
        step_note_want(s, s->event->stage, s->event->want, s->event->text);
        await_resource(s, s->event->stage);
        return;
    }
    stage->strikes++;
    restart(s, s->event->stage, s->event->text);
}
