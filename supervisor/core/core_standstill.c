/* SPDX-License-Identifier: MIT */
/*
 * Whether records and acks that are under way arrive. A link is judged on its own, by what the
 * status pages of its two ends show, whatever happens at the source and on other links. It stands
 * still if records that were sent are not received for stall_timeout, or acks that were sent are
 * not heard. If no link is known to stand still and yet nothing moves anywhere, all links are
 * judged together.
 */
#include "common/bounds.h"
#include "common/count.h"
#include "supervisor/core/core_p.h"

/* How often in a row links that have stalled are re-established before their ends are restarted. */
#define STANDSTILLS_MAX 2u

/* --- one link --- */

/*
 * Whether a stage can be expected to serve its links. A stage that owes an answer, or that waits
 * for a resource, cannot: it is judged on its own.
 */
static bool is_in_action(const struct step *s, size_t index)
{
    const struct core_stage *stage = &s->core->stages[index];
    return stage->is == STAGE_RUNNING && stage->still == 0 && !stage->hung &&
           core_stage_want(s->core, index) == WANT_NOTHING;
}

/*
 * Notes how far one direction of a link has come. A direction that has something to carry stands
 * still if it has not moved while both ends were asleep; an end that is busy may get to it later.
 * Returns whether it has stood still for stall_timeout.
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
    step_fail_link(s, edge, EDGE_FROM | EDGE_TO, "stalled");
    if (standstills > STANDSTILLS_MAX)
        edge->failures = LINK_ATTEMPTS_MAX + 1;
}

static void warn_of_standstill(struct step *s, size_t index, size_t stage, uint64_t first,
                               uint64_t last)
{
    char range[COUNT_RANGE_BYTES];
    step_warn(s, stage, "link %zu: %s %s under way, but stalled", index,
              count_range(first, last, "seq", "seqs", range),
              count_word(last - first + 1, "is", "are"));
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
    char range[COUNT_RANGE_BYTES];
    if (records_stand)
        warn_of_standstill(s, index, edge->to, link->taken + 1, link->given);
    else
        step_warn(s, edge->from, "link %zu: acks of %s are under way, but stalled", index,
                  count_range(link->heard + 1, to->acked, "seq", "seqs", range));
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

/* Whether the receiver has records of an edge to process, or the sender acks of it to hear. */
static bool stands_at(const struct step *s, const struct core_edge *edge)
{
    const struct core_observation *from = &s->event->observations[edge->from];
    const struct core_observation *to = &s->event->observations[edge->to];
    return from->processed > to->processed || to->acked > from->acked;
}

/*
 * Records are under way, all stages are waiting and have answered, and nothing moves: a link has
 * lost something. If making the links again at which records are held up does not help, one of
 * their ends is at fault.
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
        warn_of_standstill(s, i, edge->to, source->acked + 1, source->processed);
        make_anew(s, edge, core->standstills);
    }
}
