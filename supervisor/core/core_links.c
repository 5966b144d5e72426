/* SPDX-License-Identifier: MIT */
/*
 * How edges are linked: listen, listening, dial, dialed, up. A link that does not come up, or
 * breaks, is re-established a moment later. If it fails repeatedly, with neither end dead in
 * between, the end that reported that it cannot listen is killed, or both ends if either may be at
 * fault.
 */
#include <stdio.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

/* Failures of a link that are further apart than this are not "in a row". */
#define LINK_HEALTHY_MS 10000u
/*
 * How long a failed link stays down. Most links fail because one end has died, which we learn a
 * moment later; then the link was not at fault.
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
            step_note(s, edge->from, "link %zu: %s; re-establishing it", i, edge->why);
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

/* The edge that a message is about; NULL if the message is not about its present link, but late. */
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
 * The highest next-expected seq among all stages downstream of a link. The receiver alone does not
 * know it: a stage without state that was restarted no longer knows what it passed on. Stages are
 * in the order of the flow, and there are no cycles.
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
        step_warn(s, edge->want_stage, "link %zu has %s again; continuing",
                  (size_t)(edge - s->core->edges), want_text(edge->want));
    edge->want = WANT_NOTHING;
    edge->want_tries = 0;
    step_tell_edge(s, edge->to, CTL_SUPERVISOR_LINK_UP, edge, 0, 0, 0);
    note_linked(s->core, edge->from);
    note_linked(s->core, edge->to);
}

/* Whether a stage says that it is waiting, but has not answered. */
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
        step_link_edges(s); /* that stage will be killed because it does not answer */
    } else if (edge->blamed == EDGE_TO) {
        step_warn(s, edge->to, "link %zu: %s, repeatedly and because of this end; restarting it",
                  index, edge->why);
        step_kill_blamed(s, edge->to, "was killed because link %zu failed at its end: %s", index,
                         edge->why);
    } else {
        /* It is not known which of them is at fault, so it counts against neither. */
        step_warn(s, edge->from, "link %zu: %s, repeatedly; restarting both its ends", index,
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
 * One end lacks a resource for the link. Neither end is at fault, and it is not a failure of the
 * link, which is made as soon as possible.
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
        step_warn(s, s->event->stage, "link %zu: %s; waiting for %s",
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
    /* That an end cannot listen is its own fault; any other failure may be that of either end. */
    if (event->want != WANT_NOTHING)
        await_link(s, edge);
    else
        step_fail_link(s, edge, edge->is == EDGE_LISTENING ? EDGE_TO : EDGE_FROM | EDGE_TO,
                       event->text);
}
