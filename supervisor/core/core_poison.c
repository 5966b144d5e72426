/* SPDX-License-Identifier: MIT */
/*
 * What is to blame for a death by a stage's own fault. If the stage was working on a record, that
 * record is: the third death at it quarantines it. If it was doing other work that is due at that
 * seq, such as closing windows, no record is to blame, and to quarantine the one that happens to be
 * there would not help. Then the topology stops and reports what to do.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

/* Whether a record can have caused the death. Reaching memory_max ends in SIGABRT. */
static bool is_self_inflicted(const struct core_stage *stage, const struct core_event *event)
{
    switch (event->signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGSYS:
    case SIGTRAP:
        return true;
    default:
        return stage->hung && !stage->held;
    }
}

/*
 * Whether no life of a stage has emitted any output for a seq: every stage downstream has told the
 * present process upstream of it what it expects, and none expects a seq beyond this one. (In this
 * life the stage has died before it was done with the seq.) A record that kills only sometimes may
 * have passed once; then it must pass again. The next stage alone cannot tell: one without state
 * that was restarted no longer knows what it passed on. Stages are in the order of the flow, and
 * there are no cycles.
 */
static bool is_unheard_of(const struct core *core, size_t index, uint64_t seq)
{
    bool reached[PROCESSES_MAX] = {false};
    reached[index] = true;
    for (size_t from = index; from < core->stage_count; from++) {
        for (size_t i = 0; reached[from] && i < core->edge_count; i++) {
            const struct core_edge *edge = &core->edges[i];
            if (edge->from != from)
                continue;
            if (edge->heard_by != core->stages[from].generation || edge->expected > seq)
                return false;
            reached[edge->to] = true;
        }
    }
    return true;
}

/* Whether this death in a row, with the same thing to blame, reaches the limit. */
static bool has_died_enough(struct core_stage *stage, const struct core_event *event)
{
    if (stage->poison_seq != event->seq || stage->poison_work != event->work)
        stage->poison_deaths = 0;
    stage->poison_seq = event->seq;
    stage->poison_work = event->work;
    return ++stage->poison_deaths >= POISON_DEATHS_MAX;
}

/* Stops the topology. No record is blamed, and none is quarantined. */
static void stop_blaming_nobody(struct step *s, size_t index, const char *how)
{
    struct core_stage *stage = &s->core->stages[index];
    const struct core_event *event = s->event;
    const char *work = status_work_text(event->work);
    step_move_stage(stage, STAGE_DOWN);
    if (event->out_of_memory)
        step_fail(s, CORE_OUTCOME_STORM,
                  "it exceeded its memory_max of %" PRIu64
                  " bytes, %u times in a row at seq %" PRIu64
                  ", %s: no record is to blame, and none is lost; raise memory_max, or let one "
                  "record cause less work (smaller windows, fewer branches that meet, more "
                  "workers), and run it again",
                  stage->memory_bytes_max, stage->poison_deaths, event->seq, work);
    else
        step_fail(s, CORE_OUTCOME_STORM,
                  "it %s, %u times in a row at seq %" PRIu64 ", %s: no record is to blame, and "
                  "none is lost; once the fault is fixed, the next run resumes from there",
                  how, stage->poison_deaths, event->seq, work);
}

/*
 * Quarantines the record. That is made durable before the next process starts, so that all later
 * processes decide the same.
 */
static void take_out(struct step *s, size_t index, const char *how)
{
    struct core_stage *stage = &s->core->stages[index];
    struct core_action *action = step_add_action(s, CORE_QUARANTINE, index);
    action->seq = s->event->seq;
    (void)snprintf(action->text, sizeof action->text, "%s", how);
    stage->poison_deaths = 0;
    stage->strikes = 0; /* the next process will get further */
}

bool step_judge_death(struct step *s, size_t index, const char *how)
{
    struct core_stage *stage = &s->core->stages[index];
    if (!stage->may_quarantine || s->event->seq == 0 || !is_self_inflicted(stage, s->event))
        return false;
    /* A sink that does not move is waiting for a disk, whatever record it has in hand. */
    if (stage->hung && stage->is_sink)
        return false;
    if (!has_died_enough(stage, s->event) || !is_unheard_of(s->core, index, s->event->seq))
        return false;
    how = stage->hung ? "hung" : how;
    if (s->event->work == STATUS_ON_RECORD) {
        take_out(s, index, how);
        return false;
    }
    stop_blaming_nobody(s, index, how);
    return true;
}
