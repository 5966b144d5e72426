/* SPDX-License-Identifier: MIT */
/*
 * The happy path: start all -> every stage says ready, then positioned -> edges are linked one by
 * one -> the source says done -> all are told to stop -> exit. Links, what former lives have shown,
 * deaths and what is seen of the living have files of their own.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "supervisor/core/core_p.h"

struct state_row {
    const char *text;
    unsigned next;
};

#define TO(state) (1u << (state))
#define X(name, text_, next_) [name] = {.text = text_, .next = next_},
static const struct state_row stage_rows[] = {CORE_STAGE_STATE_LIST(X)};
static const struct state_row edge_rows[] = {CORE_EDGE_STATE_LIST(X)};
static const struct state_row pipeline_rows[] = {CORE_PIPELINE_STATE_LIST(X)};
#undef X

const char *core_stage_state_text(enum core_stage_state state)
{
    return stage_rows[state].text;
}

const char *core_pipeline_state_text(enum core_pipeline_state state)
{
    return pipeline_rows[state].text;
}

void step_move_stage(struct core_stage *stage, enum core_stage_state next)
{
    INVARIANT((stage_rows[stage->is].next & TO(next)) != 0);
    stage->is = next;
    stage->deadline_ms = 0;
    stage->paused = stage->paused && next != STAGE_DOWN;
}

void step_move_edge(struct core_edge *edge, enum core_edge_state next)
{
    INVARIANT((edge_rows[edge->is].next & TO(next)) != 0);
    edge->is = next;
}

static void move_pipeline(struct core *core, enum core_pipeline_state next)
{
    INVARIANT((pipeline_rows[core->is].next & TO(next)) != 0);
    core->is = next;
    core->deadline_ms = 0;
}

struct core_action *step_add_action(struct step *s, enum core_action_kind kind, size_t stage)
{
    struct core_actions *a = s->actions;
    if (a->count == a->capacity) {
        a->capacity = a->capacity != 0 ? 2 * a->capacity : 64;
        a->items = memory_resize(a->items, a->capacity, sizeof *a->items);
    }
    struct core_action *action = &a->items[a->count++];
    *action = (struct core_action){.kind = kind, .stage = stage};
    return action;
}

static void add_note(struct step *s, size_t stage, bool serious, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void add_note(struct step *s, size_t stage, bool serious, const char *format, va_list args)
{
    struct core_action *action = step_add_action(s, CORE_NOTE, stage);
    action->serious = serious;
    (void)vsnprintf(action->text, sizeof action->text, format, args);
}

/* What belongs to a life in which stages may be killed. */
void step_note(struct step *s, size_t stage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_note(s, stage, false, format, args);
    va_end(args);
}

/* What somebody should do something about. */
void step_warn(struct step *s, size_t stage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_note(s, stage, true, format, args);
    va_end(args);
}

void step_tell(struct step *s, size_t stage, const struct control_message *message)
{
    step_add_action(s, CORE_TELL, stage)->message = *message;
}

void step_tell_edge(struct step *s, size_t stage, enum control_kind kind,
                    const struct core_edge *edge, uint64_t acked, uint64_t expected,
                    uint64_t furthest)
{
    const struct core *core = s->core;
    struct control_message message = {.kind = kind,
                                      .edge = (uint32_t)(edge - core->edges),
                                      .serial = edge->serial,
                                      .from_generation = core->stages[edge->from].generation,
                                      .to_generation = core->stages[edge->to].generation,
                                      .acked = acked,
                                      .expected = expected,
                                      .furthest = furthest};
    step_tell(s, stage, &message);
}

bool core_is_dying(const struct core_stage *stage)
{
    return step_is_alive(stage) && stage->killed_for[0] != '\0';
}

/* Whether there is a process that can be told something. */
bool step_is_alive(const struct core_stage *stage)
{
    return stage->is == STAGE_STARTING || stage->is == STAGE_RUNNING || stage->is == STAGE_STOPPING;
}

void step_spawn(struct step *s, size_t index)
{
    struct core_stage *stage = &s->core->stages[index];
    step_move_stage(stage, STAGE_STARTING);
    stage->generation++;
    stage->ready = stage->positioned = stage->was_linked = false;
    stage->kill_asked = stage->blamed = stage->hung = stage->held = stage->paused = false;
    stage->killed_for[0] = '\0';
    stage->still = 0;
    stage->asked = 0;
    stage->has_beaten = stage->was_observed = false;
    stage->spawned_at_ms = s->event->now_ms;
    struct core_action *action = step_add_action(s, CORE_SPAWN, index);
    action->generation = stage->generation;
    action->keep_image = stage->image_trusted;
}

static void add_kill(struct step *s, size_t index, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void add_kill(struct step *s, size_t index, const char *format, va_list args)
{
    struct core_stage *stage = &s->core->stages[index];
    if (stage->killed_for[0] == '\0')
        (void)vsnprintf(stage->killed_for, sizeof stage->killed_for, format, args);
    (void)step_add_action(s, CORE_KILL, index);
}

void step_kill(struct step *s, size_t index, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_kill(s, index, format, args);
    va_end(args);
}

void step_kill_blamed(struct step *s, size_t index, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    s->core->stages[index].blamed = true;
    add_kill(s, index, format, args);
    va_end(args);
}

void step_finish_if_all_down(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++) {
        if (core->stages[i].is != STAGE_DOWN)
            return;
    }
    if (core->is == PIPELINE_STOPPING) {
        move_pipeline(core, PIPELINE_STOPPED);
        (void)step_add_action(s, CORE_EXIT, 0);
    }
}

/* Wants all stages gone, along the flow: told to stop, or killed if there is no time for that. */
static void stop_all(struct step *s, enum core_outcome outcome, bool at_once)
{
    struct core *core = s->core;
    if (core->is == PIPELINE_STOPPED)
        return;
    if (core->is != PIPELINE_STOPPING) {
        move_pipeline(core, PIPELINE_STOPPING);
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
            step_kill(s, i, "was killed because the run was to end at once");
    }
    step_finish_if_all_down(s);
}

/* Stops the topology in order for a reason; the first reason stays. */
void step_fail(struct step *s, enum core_outcome outcome, const char *format, ...)
{
    struct core *core = s->core;
    bool ending_well = core->outcome == CORE_OUTCOME_DONE || core->outcome == CORE_OUTCOME_STOPPED;
    if (core->reason[0] == '\0' && (core->is != PIPELINE_STOPPING || ending_well)) {
        core->outcome = outcome; /* a failure while all stop is one still */
        va_list args;
        va_start(args, format);
        (void)vsnprintf(core->reason, sizeof core->reason, format, args);
        va_end(args);
        core->reason_stage = s->event->stage;
    }
    stop_all(s, outcome, false);
}

/*
 * The end of the input ends the run, but not before every stage has opened what it works with: a
 * run with nothing to do must find a broken output just as any other does. Nor before what former
 * lives have shown and did not come again is gone; but a drain leaves that to the next run.
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
        stop_all(s, core->is == PIPELINE_DRAINING ? CORE_OUTCOME_STOPPED : CORE_OUTCOME_DONE,
                 false);
}

static void on_ready(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_STARTING) {
        s->core->late_messages++;
        return;
    }
    step_move_stage(stage, STAGE_RUNNING);
    stage->ready = stage->was_ready = true;
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

static void on_positioned(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_RUNNING) {
        s->core->late_messages++;
        return;
    }
    stage->positioned = true;
    step_link_edges(s);
}

static void on_stop_requested(struct step *s)
{
    struct core *core = s->core;
    if (core->is != PIPELINE_RUNNING) {
        stop_all(s, CORE_OUTCOME_FORCED, true);
        return;
    }
    move_pipeline(core, PIPELINE_DRAINING);
    core->deadline_ms = s->event->now_ms + DRAIN_DEADLINE_MS;
    struct control_message drain = {.kind = CTL_SUPERVISOR_DRAIN};
    if (core->stages[core->source].is == STAGE_RUNNING)
        step_tell(s, core->source, &drain);
}

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
        stop_all(s, CORE_OUTCOME_FORCED, true);
    }
}

static void on_done(struct step *s)
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

static void on_kill_requested(struct step *s)
{
    if (!step_is_alive(&s->core->stages[s->event->stage]))
        return;
    s->core->stages[s->event->stage].kill_asked = true;
    step_kill(s, s->event->stage, "was killed on request");
}

static void on_started(struct step *s)
{
    move_pipeline(s->core, PIPELINE_RUNNING);
    for (size_t i = 0; i < s->core->stage_count; i++) {
        s->core->stages[i].wanted = true;
        step_spawn(s, i);
    }
}

void core_step(struct core *core, const struct core_event *event, struct core_actions *actions)
{
    struct step s = {core, event, actions};
    switch (event->kind) {
    case CORE_STARTED:
        on_started(&s);
        return;
    case CORE_SPAWN_FAILED:
        step_on_spawn_failed(&s);
        return;
    case CORE_STAGE_READY:
        on_ready(&s);
        return;
    case CORE_STAGE_POSITIONED:
        on_positioned(&s);
        return;
    case CORE_LINK_LISTENING:
        step_on_listening(&s);
        return;
    case CORE_LINK_DIALED:
        step_on_dialed(&s);
        return;
    case CORE_LINK_FAILED:
        step_on_link_failed(&s);
        return;
    case CORE_STAGE_DONE:
        on_done(&s);
        return;
    case CORE_STAGE_REFUSED:
        step_fail(&s, CORE_OUTCOME_REFUSED, "%s", event->text);
        return;
    case CORE_STAGE_UNREAD:
        step_fail(&s, CORE_OUTCOME_UNREAD, "%s", event->text);
        return;
    case CORE_STAGE_UNSETTLED:
        step_on_unsettled(&s);
        return;
    case CORE_STAGE_ALL_ACKED:
        step_on_all_acked(&s);
        return;
    case CORE_STAGE_SETTLED:
        step_on_settled(&s);
        return;
    case CORE_STAGE_EXITED:
        step_on_exited(&s);
        return;
    case CORE_STAGE_FROZEN:
        step_on_frozen(&s);
        return;
    case CORE_STAGE_MISBEHAVED:
        step_on_misbehaved(&s);
        return;
    case CORE_STAGE_PAUSED:
        step_on_paused(&s);
        return;
    case CORE_STAGE_RESUMED:
        step_on_resumed(&s);
        return;
    case CORE_STAGE_ANSWERED:
        step_on_answered(&s);
        return;
    case CORE_STAGES_OBSERVED:
        step_on_observed(&s);
        return;
    case CORE_KILL_REQUESTED:
        on_kill_requested(&s);
        return;
    case CORE_STOP_REQUESTED:
        on_stop_requested(&s);
        return;
    case CORE_TIME_PASSED:
        on_time_passed(&s);
        return;
    }
    UNREACHABLE();
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
                          .stall_timeout_ms = topology->stall_timeout_ms};
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (topology->stages[i].kind->role == KIND_SOURCE)
            core->source = i;
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
