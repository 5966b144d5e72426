/* SPDX-License-Identifier: MIT */
#include "supervisor/chaos/chaos_plan.h"

#include <string.h>

#include "common/check.h"

#define HOLD_MS_MAX 40u

struct kind_row {
    const char *text;
    unsigned weight;
    size_t stages;
    bool supervisor;
};

static const struct kind_row rows[] = {
#define X(name, text_, weight_, stages_, supervisor_)                                              \
    [name] = {.text = text_, .weight = weight_, .stages = stages_, .supervisor = supervisor_},
    CHAOS_KIND_LIST(X)
#undef X
};
#define KIND_COUNT (sizeof rows / sizeof rows[0])

const char *chaos_kind_text(enum chaos_kind kind)
{
    return rows[kind].text;
}

/* SplitMix64, for which any seed is good. */
static uint64_t next_random(struct chaos_plan *plan)
{
    plan->random += 0x9e3779b97f4a7c15u;
    uint64_t mixed = plan->random;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* A number in [0, n). Low numbers are more likely, but by no more than n / 2^64. */
static uint64_t below(struct chaos_plan *plan, uint64_t n)
{
    return next_random(plan) % n;
}

static bool is_possible(const struct chaos_plan *plan, size_t kind)
{
    return rows[kind].stages <= plan->target_count && (!rows[kind].supervisor || plan->supervisor);
}

static enum chaos_kind draw_kind(struct chaos_plan *plan)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KIND_COUNT; i++)
        sum += is_possible(plan, i) ? rows[i].weight : 0;
    uint64_t drawn = below(plan, sum);
    for (size_t i = 0; i < KIND_COUNT; i++) {
        uint64_t weight = is_possible(plan, i) ? rows[i].weight : 0;
        if (drawn < weight)
            return (enum chaos_kind)i;
        drawn -= weight;
    }
    UNREACHABLE();
}

/* A third hits the recovery from the disturbance before, a tenth undisturbed flow. */
static unsigned draw_wait(struct chaos_plan *plan)
{
    uint64_t drawn = below(plan, 100);
    if (drawn < 33)
        return (unsigned)below(plan, 5);
    return drawn < 90 ? 5 + (unsigned)below(plan, 30) : 40 + (unsigned)below(plan, 80);
}

static void draw_stages(struct chaos_plan *plan, struct chaos_disturbance *d)
{
    size_t wanted = d->kind == CHAOS_KILL_ALL ? plan->target_count : rows[d->kind].stages;
    if (d->kind == CHAOS_KILL_AGAIN && plan->has_last) {
        d->stages[d->stage_count++] = plan->last;
        return;
    }
    size_t left[PROCESSES_MAX];
    memcpy(left, plan->targets, sizeof left);
    for (size_t count = plan->target_count; d->stage_count < wanted; count--) {
        size_t at = (size_t)below(plan, count);
        d->stages[d->stage_count++] = left[at];
        left[at] = left[count - 1];
    }
}

void chaos_plan_init(struct chaos_plan *plan, uint64_t seed, const size_t *targets, size_t count,
                     bool supervisor)
{
    REQUIRE(count <= PROCESSES_MAX && (count != 0 || supervisor));
    *plan = (struct chaos_plan){.random = seed, .target_count = count, .supervisor = supervisor};
    if (count != 0)
        memcpy(plan->targets, targets, count * sizeof *targets);
}

struct chaos_disturbance chaos_plan_next(struct chaos_plan *plan)
{
    struct chaos_disturbance d = {.kind = draw_kind(plan)};
    d.wait_ms = draw_wait(plan);
    d.hold_ms = 1 + (unsigned)below(plan, HOLD_MS_MAX);
    draw_stages(plan, &d);
    if (d.kind == CHAOS_KILL_AGAIN)
        d.wait_ms = 0;
    if (d.stage_count != 0) {
        plan->has_last = true;
        plan->last = d.stages[d.stage_count - 1];
    }
    return d;
}
