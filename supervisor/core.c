/* SPDX-License-Identifier: MIT */
/*
 * The happy path: start all -> every stage says ready, then positioned -> edges are linked one by
 * one -> the source says done -> all are told to stop -> exit. Deaths take the way of on_exited().
 */
#include "supervisor/core.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/memory.h"

#include <signal.h>

/* Failures of a link that lie further apart than this are not "in a row". */
#define LINK_HEALTHY_MS 10000u

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

/* What a step works with. */
struct step {
    struct core *core;
    const struct core_event *event;
    struct core_actions *actions;
};

static void move_stage(struct core_stage *stage, enum core_stage_state next)
{
    INVARIANT((stage_rows[stage->is].next & TO(next)) != 0);
    stage->is = next;
    stage->deadline_ms = 0;
}

static void move_edge(struct core_edge *edge, enum core_edge_state next)
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

static struct core_action *add_action(struct step *s, enum core_action_kind kind, size_t stage)
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

static void note(struct step *s, size_t stage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void note(struct step *s, size_t stage, const char *format, ...)
{
    struct core_action *action = add_action(s, CORE_NOTE, stage);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(action->text, sizeof action->text, format, args);
    va_end(args);
}

static void tell(struct step *s, size_t stage, const struct control_message *message)
{
    add_action(s, CORE_TELL, stage)->message = *message;
}

static void tell_edge(struct step *s, size_t stage, enum control_kind kind,
                      const struct core_edge *edge, uint64_t acked, uint64_t expected)
{
    const struct core *core = s->core;
    struct control_message message = {.kind = kind,
                                      .edge = (uint32_t)(edge - core->edges),
                                      .serial = edge->serial,
                                      .from_generation = core->stages[edge->from].generation,
                                      .to_generation = core->stages[edge->to].generation,
                                      .acked = acked,
                                      .expected = expected};
    tell(s, stage, &message);
}

/* Whether there is a process that can be told something. */
static bool is_alive(const struct core_stage *stage)
{
    return stage->is == STAGE_STARTING || stage->is == STAGE_RUNNING || stage->is == STAGE_STOPPING;
}

static void spawn(struct step *s, size_t index)
{
    struct core_stage *stage = &s->core->stages[index];
    move_stage(stage, STAGE_STARTING);
    stage->generation++;
    stage->ready = stage->positioned = stage->was_linked = false;
    stage->kill_asked = stage->blamed = false;
    stage->deadline_ms = s->event->now_ms + READY_DEADLINE_MS;
    struct core_action *action = add_action(s, CORE_SPAWN, index);
    action->generation = stage->generation;
    action->keep_image = stage->image_trusted;
}

/* Ends a process for what it did or did not do: that counts against it. */
static void kill_blamed(struct step *s, size_t index)
{
    s->core->stages[index].blamed = true;
    (void)add_action(s, CORE_KILL, index);
}

/* Links every edge whose ends can be linked. */
static void link_edges(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        const struct core_stage *from = &core->stages[edge->from];
        const struct core_stage *to = &core->stages[edge->to];
        if (edge->is != EDGE_DOWN || from->is != STAGE_RUNNING || !from->ready ||
            to->is != STAGE_RUNNING || !to->positioned)
            continue;
        move_edge(edge, EDGE_LISTENING);
        edge->serial = ++core->serial;
        edge->deadline_ms = s->event->now_ms + LINK_DEADLINE_MS;
        tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_LISTEN, edge, 0, 0);
    }
}

/* Takes a link down and tells those of its ends that are alive, but for `except`. */
static void unlink_edge(struct step *s, struct core_edge *edge, size_t except)
{
    if (edge->is == EDGE_DOWN)
        return;
    move_edge(edge, EDGE_DOWN);
    edge->deadline_ms = 0;
    if (edge->from != except && is_alive(&s->core->stages[edge->from]))
        tell_edge(s, edge->from, CTL_SUPERVISOR_LINK_CLOSE, edge, 0, 0);
    if (edge->to != except && is_alive(&s->core->stages[edge->to]))
        tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_CLOSE, edge, 0, 0);
}

static void note_linked(struct core *core, size_t index)
{
    for (size_t i = 0; i < core->edge_count; i++) {
        if ((core->edges[i].from == index || core->edges[i].to == index) &&
            core->edges[i].is != EDGE_UP)
            return;
    }
    core->stages[index].was_linked = true;
}

static void finish_if_all_down(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++) {
        if (core->stages[i].is != STAGE_DOWN)
            return;
    }
    if (core->is == PIPELINE_STOPPING) {
        move_pipeline(core, PIPELINE_STOPPED);
        (void)add_action(s, CORE_EXIT, 0);
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
            move_stage(stage, STAGE_DOWN);
        if (stage->is == STAGE_STARTING || stage->is == STAGE_RUNNING) {
            move_stage(stage, STAGE_STOPPING);
            struct control_message stop = {.kind = CTL_SUPERVISOR_STOP};
            if (!at_once)
                tell(s, i, &stop);
        }
        if (at_once && stage->is == STAGE_STOPPING)
            (void)add_action(s, CORE_KILL, i);
    }
    finish_if_all_down(s);
}

static void fail(struct step *s, enum core_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Stops the topology in order for a reason; the first reason stays. */
static void fail(struct step *s, enum core_outcome outcome, const char *format, ...)
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

uint64_t core_backoff_ms(unsigned strikes)
{
    if (strikes == 0)
        return 0;
    uint64_t backoff_ms = RESTART_BACKOFF_MS_FIRST;
    for (unsigned i = 1; i < strikes && backoff_ms < RESTART_BACKOFF_MS_MAX; i++)
        backoff_ms *= 2;
    return backoff_ms < RESTART_BACKOFF_MS_MAX ? backoff_ms : RESTART_BACKOFF_MS_MAX;
}

static bool is_from_outside(const struct core_event *event)
{
    return event->signal == SIGKILL || event->signal == SIGTERM;
}

/*
 * Whether a life was worth something: it moved the acks on; or it stood in the pipeline with all
 * its links and was killed by somebody else, which says nothing against it; or we killed it
 * because a user asked.
 */
static bool made_progress(const struct core_stage *stage, const struct core_event *event)
{
    return event->acked > stage->acked || stage->kill_asked ||
           (is_from_outside(event) && stage->was_linked && !stage->blamed);
}

static void describe_end(const struct core_event *event, char text[64])
{
    if (event->signal != 0)
        (void)snprintf(text, 64, "was killed by signal %d (SIG%s)", event->signal,
                       sigabbrev_np(event->signal) != NULL ? sigabbrev_np(event->signal) : "?");
    else
        (void)snprintf(text, 64, "exited with code %d", event->exit_code);
}

/* Starts a stage again after a death, at once or after a pause. */
static void restart(struct step *s, size_t index, const char *how)
{
    struct core_stage *stage = &s->core->stages[index];
    if (stage->strikes >= RESTART_STRIKES_MAX) {
        move_stage(stage, STAGE_DOWN);
        fail(s, CORE_OUTCOME_STORM, "it %s, %u times in a row without progress", how,
             stage->strikes);
        return;
    }
    stage->restarts++;
    uint64_t backoff_ms = core_backoff_ms(stage->strikes);
    move_stage(stage, STAGE_BACKOFF);
    if (backoff_ms == 0) {
        note(s, index, "%s; restarting now", how);
        spawn(s, index);
        return;
    }
    note(s, index, "%s, without progress (%u of %u); restarting in %" PRIu64 " ms", how,
         stage->strikes, RESTART_STRIKES_MAX, backoff_ms);
    stage->deadline_ms = s->event->now_ms + backoff_ms;
}

static void on_exited(struct step *s)
{
    struct core *core = s->core;
    struct core_stage *stage = &core->stages[s->event->stage];
    for (size_t i = 0; i < core->edge_count; i++) {
        if (core->edges[i].from == s->event->stage || core->edges[i].to == s->event->stage)
            unlink_edge(s, &core->edges[i], s->event->stage);
    }
    stage->ready = stage->positioned = false;
    /* Its memory is as good as its last instruction: good if it was ended from outside. */
    stage->image_trusted = !stage->blamed && (is_from_outside(s->event) ||
                                              (s->event->signal == 0 && s->event->exit_code == 0));
    if (!stage->wanted) {
        move_stage(stage, STAGE_DOWN);
        finish_if_all_down(s);
        return;
    }
    stage->strikes = made_progress(stage, s->event) ? 0 : stage->strikes + 1;
    if (s->event->acked > stage->acked)
        stage->acked = s->event->acked;
    char how[64];
    describe_end(s->event, how);
    restart(s, s->event->stage, how);
}

static void on_spawn_failed(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (!stage->wanted) {
        move_stage(stage, STAGE_DOWN);
        finish_if_all_down(s);
        return;
    }
    stage->strikes++;
    restart(s, s->event->stage, s->event->text);
}

/*
 * The end of the input ends the run, but not before every stage has opened what it works with: a
 * run with nothing to do must find a broken output just as any other does.
 */
static void stop_if_done(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++) {
        if (!core->stages[i].was_ready)
            return;
    }
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
    move_stage(stage, STAGE_RUNNING);
    stage->ready = stage->was_ready = true;
    struct control_message drain = {.kind = CTL_SUPERVISOR_DRAIN};
    if (s->core->is == PIPELINE_DRAINING && s->event->stage == s->core->source)
        tell(s, s->event->stage, &drain);
    link_edges(s);
    stop_if_done(s);
}

static void on_positioned(struct step *s)
{
    struct core_stage *stage = &s->core->stages[s->event->stage];
    if (stage->is != STAGE_RUNNING) {
        s->core->late_messages++;
        return;
    }
    stage->positioned = true;
    link_edges(s);
}

/* The edge that a message is about, if it is about its present link; NULL for a late message. */
static struct core_edge *present_link(struct step *s, enum core_edge_state is, bool from_sender)
{
    struct core *core = s->core;
    if (s->event->edge < core->edge_count) {
        struct core_edge *edge = &core->edges[s->event->edge];
        size_t sayer = from_sender ? edge->from : edge->to;
        if (edge->is == is && edge->serial == s->event->serial && sayer == s->event->stage)
            return edge;
    }
    core->late_messages++;
    return NULL;
}

static void on_listening(struct step *s)
{
    struct core_edge *edge = present_link(s, EDGE_LISTENING, false);
    if (edge == NULL)
        return;
    move_edge(edge, EDGE_DIALING);
    tell_edge(s, edge->from, CTL_SUPERVISOR_LINK_DIAL, edge, s->event->acked, s->event->expected);
}

static void on_dialed(struct step *s)
{
    struct core_edge *edge = present_link(s, EDGE_DIALING, true);
    if (edge == NULL)
        return;
    move_edge(edge, EDGE_UP);
    edge->deadline_ms = 0;
    tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_UP, edge, 0, 0);
    note_linked(s->core, edge->from);
    note_linked(s->core, edge->to);
}

/* A link did not come up, or broke. It is made anew; when that does not help, both its ends are. */
static void fail_link(struct step *s, struct core_edge *edge, const char *why)
{
    if (s->event->now_ms - edge->failed_at_ms > LINK_HEALTHY_MS)
        edge->failures = 0;
    edge->failures++;
    edge->failed_at_ms = s->event->now_ms;
    unlink_edge(s, edge, SIZE_MAX);
    if (edge->failures <= LINK_ATTEMPTS_MAX) {
        note(s, edge->from, "link %zu: %s; making it anew", (size_t)(edge - s->core->edges), why);
        link_edges(s);
        return;
    }
    note(s, edge->from, "link %zu: %s; restarting both its ends", (size_t)(edge - s->core->edges),
         why);
    edge->failures = 0;
    kill_blamed(s, edge->from);
    kill_blamed(s, edge->to);
}

static void on_link_failed(struct step *s)
{
    struct core *core = s->core;
    const struct core_event *event = s->event;
    struct core_edge *edge = event->edge < core->edge_count ? &core->edges[event->edge] : NULL;
    if (edge == NULL || edge->is == EDGE_DOWN || edge->serial != event->serial ||
        (edge->from != event->stage && edge->to != event->stage)) {
        core->late_messages++;
        return;
    }
    fail_link(s, edge, event->text);
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
        tell(s, core->source, &drain);
}

static void on_misbehaved(struct step *s)
{
    if (!is_alive(&s->core->stages[s->event->stage]))
        return;
    note(s, s->event->stage, "%s; killing it", s->event->text);
    kill_blamed(s, s->event->stage);
}

static void on_frozen(struct step *s)
{
    if (!is_alive(&s->core->stages[s->event->stage]))
        return;
    note(s, s->event->stage, "was stopped from outside; a stage that does not run is killed");
    (void)add_action(s, CORE_KILL, s->event->stage);
}

static void on_stage_time(struct step *s, size_t index)
{
    struct core_stage *stage = &s->core->stages[index];
    if (stage->deadline_ms == 0 || s->event->now_ms < stage->deadline_ms)
        return;
    stage->deadline_ms = 0;
    if (stage->is == STAGE_BACKOFF) {
        spawn(s, index);
    } else {
        note(s, index, "did not say ready in %u s; killing it", READY_DEADLINE_MS / 1000);
        kill_blamed(s, index);
    }
}

static void on_time_passed(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->stage_count; i++)
        on_stage_time(s, i);
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        if (edge->deadline_ms != 0 && s->event->now_ms >= edge->deadline_ms)
            fail_link(s, edge, "was not up in time");
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
    stop_if_done(s);
}

static void on_kill_requested(struct step *s)
{
    if (!is_alive(&s->core->stages[s->event->stage]))
        return;
    s->core->stages[s->event->stage].kill_asked = true;
    (void)add_action(s, CORE_KILL, s->event->stage);
}

static void on_started(struct step *s)
{
    move_pipeline(s->core, PIPELINE_RUNNING);
    for (size_t i = 0; i < s->core->stage_count; i++) {
        s->core->stages[i].wanted = true;
        spawn(s, i);
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
        on_spawn_failed(&s);
        return;
    case CORE_STAGE_READY:
        on_ready(&s);
        return;
    case CORE_STAGE_POSITIONED:
        on_positioned(&s);
        return;
    case CORE_LINK_LISTENING:
        on_listening(&s);
        return;
    case CORE_LINK_DIALED:
        on_dialed(&s);
        return;
    case CORE_LINK_FAILED:
        on_link_failed(&s);
        return;
    case CORE_STAGE_DONE:
        on_done(&s);
        return;
    case CORE_STAGE_REFUSED:
        fail(&s, CORE_OUTCOME_REFUSED, "%s", event->text);
        return;
    case CORE_STAGE_EXITED:
        on_exited(&s);
        return;
    case CORE_STAGE_FROZEN:
        on_frozen(&s);
        return;
    case CORE_STAGE_MISBEHAVED:
        on_misbehaved(&s);
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
                          .edge_count = topology->edge_count};
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (topology->stages[i].kind->role == KIND_SOURCE)
            core->source = i;
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
