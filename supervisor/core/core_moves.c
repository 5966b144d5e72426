/* SPDX-License-Identifier: MIT */
/*
 * The primitives of a step: each changes one state, as its table allows, or appends one action.
 * What follows from a change is decided by their callers.
 */
#include <stdarg.h>
#include <stdio.h>

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

void step_move_pipeline(struct core *core, enum core_pipeline_state next)
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

void step_note(struct step *s, size_t stage, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_note(s, stage, false, format, args);
    va_end(args);
}

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
