/* SPDX-License-Identifier: MIT */
/*
 * How edges are linked: listen, listening, dial, dialed, up. A link that does not come up or breaks
 * is made anew a moment later; one that fails again and again, with neither end dead in between,
 * costs the end that said it cannot listen its life, or both if nobody can tell which it was.
 */
#include <stdio.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

/* Failures of a link that lie further apart than this are not "in a row". */
#define LINK_HEALTHY_MS 10000u
/*
 * How long a link that failed stays down. Most fail because one end has died, which is known a
 * moment later; then it was not the link.
 */
#define LINK_PAUSE_MS 20u

void step_link_edges(struct step *s)
{
    struct core *core = s->core;
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        const struct core_stage *from = &core->stages[edge->from];
        const struct core_stage *to = &core->stages[edge->to];
        if (edge->is != EDGE_DOWN || from->is != STAGE_RUNNING || !from->ready ||
            to->is != STAGE_RUNNING || !to->positioned || edge->deadline_ms > s->event->now_ms)
            continue;
        step_move_edge(edge, EDGE_LISTENING);
        edge->serial = ++core->serial;
        edge->deadline_ms = s->event->now_ms + LINK_DEADLINE_MS;
        if (edge->why[0] != '\0')
            step_note(s, edge->from, "link %zu: %s; making it anew", i, edge->why);
        edge->why[0] = '\0';
        step_tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_LISTEN, edge, 0, 0, 0);
    }
}

void step_unlink_edge(struct step *s, struct core_edge *edge, size_t except)
{
    if (edge->is == EDGE_DOWN)
        return;
    step_move_edge(edge, EDGE_DOWN);
    edge->deadline_ms = 0;
    if (edge->from != except && step_is_alive(&s->core->stages[edge->from]))
        step_tell_edge(s, edge->from, CTL_SUPERVISOR_LINK_CLOSE, edge, 0, 0, 0);
    if (edge->to != except && step_is_alive(&s->core->stages[edge->to]))
        step_tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_CLOSE, edge, 0, 0, 0);
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

/*
 * What the one expects that expects most of all that lie behind a link, however far: a stage
 * without a state that was restarted has forgotten what it passed on. Stages stand in the order of
 * the flow, and there are no circles.
 */
static uint64_t furthest_expected(const struct core *core, const struct core_edge *link)
{
    bool reached[PROCESSES_MAX] = {false};
    uint64_t furthest = link->expected;
    reached[link->to] = true;
    for (size_t from = link->to; from < core->stage_count; from++) {
        for (size_t i = 0; reached[from] && i < core->edge_count; i++) {
            const struct core_edge *edge = &core->edges[i];
            if (edge->from != from)
                continue;
            reached[edge->to] = true;
            if (edge->expected > furthest)
                furthest = edge->expected;
        }
    }
    return furthest;
}

void step_on_listening(struct step *s)
{
    struct core_edge *edge = present_link(s, EDGE_LISTENING, false);
    if (edge == NULL)
        return;
    step_move_edge(edge, EDGE_DIALING);
    edge->heard_by = s->core->stages[edge->from].generation;
    edge->expected = s->event->expected;
    step_tell_edge(s, edge->from, CTL_SUPERVISOR_LINK_DIAL, edge, s->event->acked,
                   s->event->expected, furthest_expected(s->core, edge));
}

void step_on_dialed(struct step *s)
{
    struct core_edge *edge = present_link(s, EDGE_DIALING, true);
    if (edge == NULL)
        return;
    step_move_edge(edge, EDGE_UP);
    edge->deadline_ms = 0;
    if (edge->want != WANT_NOTHING)
        step_warn(s, edge->want_stage, "link %zu is made: it has %s again",
                  (size_t)(edge - s->core->edges), want_text(edge->want));
    edge->want = WANT_NOTHING;
    edge->want_tries = 0;
    step_tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_UP, edge, 0, 0, 0);
    note_linked(s->core, edge->from);
    note_linked(s->core, edge->to);
}

/* Whether a stage says that it waits, and has not answered. */
static bool owes_answer(const struct step *s, size_t stage)
{
    return s->core->stages[stage].still != 0;
}

void step_retry_link(struct step *s, struct core_edge *edge)
{
    edge->deadline_ms = 0;
    if (edge->failures <= LINK_ATTEMPTS_MAX) {
        step_link_edges(s);
        return;
    }
    size_t index = (size_t)(edge - s->core->edges);
    edge->failures = 0;
    if (owes_answer(s, edge->from) || owes_answer(s, edge->to)) {
        step_link_edges(s); /* that one will be killed for itself */
    } else if (edge->blamed == EDGE_TO) {
        step_warn(s, edge->to,
                  "link %zu: %s, again and again because of this end of it; restarting it", index,
                  edge->why);
        step_kill_blamed(s, edge->to, "was killed because link %zu failed at it: %s", index,
                         edge->why);
    } else {
        /* Nobody can tell which of them it was, so it counts against neither. */
        step_warn(s, edge->from, "link %zu: %s, again and again; restarting both its ends", index,
                  edge->why);
        s->core->stages[edge->from].kill_asked = s->core->stages[edge->to].kill_asked = true;
        step_kill(s, edge->from, "was killed because link %zu failed: %s", index, edge->why);
        step_kill(s, edge->to, "was killed because link %zu failed: %s", index, edge->why);
    }
}

void step_fail_link(struct step *s, struct core_edge *edge, unsigned blamed, const char *why)
{
    if (s->event->now_ms - edge->failed_at_ms > LINK_HEALTHY_MS)
        edge->failures = edge->blamed = 0;
    edge->failures++;
    edge->blamed = edge->failures == 1 || edge->blamed == blamed ? blamed : EDGE_FROM | EDGE_TO;
    edge->want = WANT_NOTHING;
    edge->failed_at_ms = s->event->now_ms;
    step_unlink_edge(s, edge, SIZE_MAX);
    edge->deadline_ms = s->event->now_ms + LINK_PAUSE_MS;
    (void)snprintf(edge->why, sizeof edge->why, "%.*s", (int)sizeof edge->why - 1, why);
}

/*
 * One end has not got what it needs for the link. That is nobody's fault, and no failure of the
 * link: it is made as soon as that works.
 */
static void await_link(struct step *s, struct core_edge *edge)
{
    step_unlink_edge(s, edge, SIZE_MAX);
    if (edge->want != s->event->want)
        edge->want_tries = 0;
    edge->want = s->event->want;
    edge->want_stage = s->event->stage;
    edge->deadline_ms = s->event->now_ms + core_want_wait_ms(++edge->want_tries);
    if (edge->want_tries == 1)
        step_warn(s, s->event->stage, "link %zu: %s; waiting, for want of %s",
                  (size_t)(edge - s->core->edges), s->event->text, want_text(edge->want));
}

void step_on_link_failed(struct step *s)
{
    struct core *core = s->core;
    const struct core_event *event = s->event;
    struct core_edge *edge = event->edge < core->edge_count ? &core->edges[event->edge] : NULL;
    if (edge == NULL || edge->is == EDGE_DOWN || edge->serial != event->serial ||
        (edge->from != event->stage && edge->to != event->stage)) {
        core->late_messages++;
        return;
    }
    /* An end that says that it cannot listen has its own reasons; all else takes two. */
    if (event->want != WANT_NOTHING)
        await_link(s, edge);
    else
        step_fail_link(s, edge, edge->is == EDGE_LISTENING ? EDGE_TO : EDGE_FROM | EDGE_TO,
                       event->text);
}
