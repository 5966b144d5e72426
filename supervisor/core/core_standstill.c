/* SPDX-License-Identifier: MIT */
/*
 * Whether what is under way arrives. A link is judged by itself, by what the pages of its two ends
 * show of it: whatever comes in at the source, and whatever other links do, records that were given
 * and not taken do not move for stall_timeout, or acks that were sent and not heard. If no link is
 * known to stand and yet nothing moves anywhere, all are looked at together.
 */
#include <inttypes.h>

#include "common/bounds.h"
#include "supervisor/core/core_p.h"

/* So often in a row links are made anew because nothing moves, before their ends are. */
#define STANDSTILLS_MAX 2u

/* --- one link --- */

/*
 * Whether it can be told that an end does what it has to at its links. Not of one that owes an
 * answer, or waits for what there is none of: these are judged for themselves.
 */
static bool is_in_action(const struct step *s, size_t index)
{
    const struct core_stage *stage = &s->core->stages[index];
    return stage->is == STAGE_RUNNING && stage->still == 0 && !stage->hung &&
           core_stage_want(s->core, index) == WANT_NOTHING;
}

/*
 * Takes down how far one direction of a link has come. One that has something to bring stands when
 * both its ends sleep and it has not moved: an end that works may come to it later.
 * Returns whether it has stood for stall_timeout.
 */
static bool note_flow(struct core_flow *flow, uint64_t seq, uint64_t part, bool brings, bool asleep)
{
    bool moved = seq != flow->seq || part != flow->part;
    flow->seq = seq;
    flow->part = part;
    if (moved || !brings)
        flow->still = 0;
    else if (asleep)
        flow->still++;
    return flow->still >= CORE_STILL_MAX;
}

static void forget_flows(struct core_edge *edge)
{
    edge->records.still = edge->acks.still = 0;
}

static void make_anew(struct step *s, struct core_edge *edge, unsigned standstills)
{
    step_fail_link(s, edge, EDGE_FROM | EDGE_TO, "nothing moves");
    if (standstills > STANDSTILLS_MAX)
        edge->failures = LINK_ATTEMPTS_MAX + 1;
}

static void judge_link(struct step *s, size_t index)
{
    struct core_edge *edge = &s->core->edges[index];
    const struct core_link_observation *link = &s->event->links[index];
    const struct core_observation *from = &s->event->observations[edge->from];
    const struct core_observation *to = &s->event->observations[edge->to];
    bool asleep = from->waiting && to->waiting;
    bool records_stand = note_flow(&edge->records, link->taken, link->part,
                                   link->given > link->taken && !link->full, asleep);
    bool acks_stand = note_flow(&edge->acks, link->heard, 0, to->acked > link->heard, asleep);
    if (link->taken > edge->stood_taken || link->heard > edge->stood_heard)
        edge->standstills = 0;
    if (!records_stand && !acks_stand)
        return;
    if (records_stand)
        step_warn(s, edge->to,
                  "link %zu: seqs %" PRIu64 " to %" PRIu64 " are under way, and nothing moves",
                  index, link->taken + 1, link->given);
    else
        step_warn(s, edge->from,
                  "link %zu: acks of seqs %" PRIu64 " to %" PRIu64
                  " are under way, and nothing moves",
                  index, link->heard + 1, to->acked);
    forget_flows(edge);
    edge->stood_taken = link->taken;
    edge->stood_heard = link->heard;
    make_anew(s, edge, ++edge->standstills);
}

bool step_judge_links(struct step *s, bool late)
{
    struct core *core = s->core;
    bool unclear = false;
    for (size_t i = 0; s->event->links != NULL && i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        if (edge->is != EDGE_UP || late || core->is == PIPELINE_STOPPING ||
            !is_in_action(s, edge->from) || !is_in_action(s, edge->to))
            forget_flows(edge);
        else
            judge_link(s, i);
        unclear |= edge->is != EDGE_UP || edge->records.still != 0 || edge->acks.still != 0;
    }
    return unclear;
}

/* --- all of them together --- */

/* Whether there is something at an edge that its receiver has not done, or its sender not heard. */
static bool stands_at(const struct step *s, const struct core_edge *edge)
{
    const struct core_observation *from = &s->event->observations[edge->from];
    const struct core_observation *to = &s->event->observations[edge->to];
    return from->processed > to->processed || to->acked > from->acked;
}

/*
 * Records are under way, everybody waits and has answered, and nothing moves: a link has lost
 * something. When the links at which records stand were made anew, and that did not help, it is one
 * of their ends.
 */
void step_judge_standstill(struct step *s, bool moved)
{
    struct core *core = s->core;
    const struct core_observation *source = &s->event->observations[core->source];
    if (moved || !core->pending || core->is == PIPELINE_STOPPING) {
        core->all_still = core->standstills = 0;
        return;
    }
    if (++core->all_still < CORE_STILL_MAX)
        return;
    core->all_still = 0;
    core->standstills++;
    bool known = false;
    for (size_t i = 0; i < core->edge_count; i++)
        known |= core->edges[i].is == EDGE_UP && stands_at(s, &core->edges[i]);
    for (size_t i = 0; i < core->edge_count; i++) {
        struct core_edge *edge = &core->edges[i];
        if (edge->is != EDGE_UP || (known && !stands_at(s, edge)))
            continue;
        step_warn(s, edge->to,
                  "link %zu: seqs %" PRIu64 " to %" PRIu64 " are under way, and nothing moves", i,
                  source->acked + 1, source->processed);
        make_anew(s, edge, core->standstills);
    }
}
