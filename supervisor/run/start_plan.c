/* SPDX-License-Identifier: MIT */
#include "supervisor/run/start_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/count.h"
#include "common/err.h"
#include "common/memory.h"

void start_plan_init(struct start_plan *plan, const struct topology *topology)
{
    *plan = (struct start_plan){.topology = topology};
    plan->stages = memory_new(topology->stage_count, sizeof *plan->stages);
    for (size_t i = 0; i < topology->stage_count; i++) {
        plan->stages[i].name = topology->stages[i].base;
        plan->stages[i].kind = topology->stages[i].kind->name;
    }
}

void start_plan_done(struct start_plan *plan)
{
    free(plan->stages);
    buf_done(&plan->errors);
    buf_done(&plan->warnings);
    buf_done(&plan->notes);
}

static void __attribute__((format(printf, 2, 0)))
add_line(struct buf *out, const char *format, va_list arguments)
{
    char line[2 * ERR_TEXT_BYTES_MAX];
    (void)vsnprintf(line, sizeof line, format, arguments);
    buf_add_text(out, line);
    buf_add_byte(out, '\n');
}

void start_plan_refuse(struct start_plan *plan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(&plan->errors, format, arguments);
    va_end(arguments);
    plan->error_count++;
}

void start_plan_warn(struct start_plan *plan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(&plan->warnings, format, arguments);
    va_end(arguments);
}

void start_plan_note(struct start_plan *plan, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_line(&plan->notes, format, arguments);
    va_end(arguments);
}

/* The first worker of the stage at an index, which represents all its workers. */
static size_t first_worker(const struct topology *t, size_t index)
{
    return index - t->stages[index].worker;
}

/*
 * How far a stage is, as seen by the stages downstream. A stage that keeps nothing is as far as
 * those upstream of it. Workers can be at different positions after a kill, and a key group that
 * moved can be ahead of its worker.
 */
struct reach {
    seq_number least; /* it may be given the records after this one again */
    seq_number most;  /* some of the records up to this one cannot be replayed by it any more */
    const char *who;  /* the stage that is at `most`; NULL: none has any records */
};

/* The furthest of all that feed a stage: records up to there cannot be replayed any more. */
static struct reach furthest_before(const struct start_plan *plan, size_t index,
                                    const struct reach *reached)
{
    const struct topology *t = plan->topology;
    struct reach furthest = {0};
    for (size_t i = 0; i < t->edge_count; i++) {
        if (first_worker(t, t->edges[i].to) != index)
            continue;
        const struct reach *from = &reached[first_worker(t, t->edges[i].from)];
        if (from->least > furthest.least)
            furthest.least = from->least;
        if (from->most > furthest.most) {
            furthest.most = from->most;
            furthest.who = from->who;
        }
    }
    return furthest;
}

/* The position after which a stage resumes: the last record that all its workers have. */
static seq_number position_of(const struct start_stage *stage)
{
    return stage->found && stage->least > stage->begins_after ? stage->least : stage->begins_after;
}

/* The last record that any of its workers or key groups has. */
static seq_number most_of(const struct start_stage *stage)
{
    return stage->found && stage->most > stage->begins_after ? stage->most : stage->begins_after;
}

/* The lowest and the highest position of all stages that have run before. */
struct extent {
    bool any;
    seq_number least, most;
    const char *least_name, *most_name;
};

static struct extent extent_of_others(const struct start_plan *plan)
{
    struct extent all = {.least = UINT64_MAX};
    size_t source = topology_source(plan->topology)->index;
    for (size_t i = 0; i < plan->topology->stage_count; i++) {
        const struct start_stage *stage = &plan->stages[i];
        if (i == source || plan->topology->stages[i].worker != 0 || !stage->keeps || !stage->known)
            continue;
        seq_number least = position_of(stage), most = most_of(stage);
        all.any = true;
        if (least < all.least) {
            all.least = least;
            all.least_name = stage->name;
        }
        if (most >= all.most) {
            all.most = most;
            all.most_name = stage->name;
        }
    }
    return all;
}

static struct start_stage *source_of(const struct start_plan *plan)
{
    return &plan->stages[topology_source(plan->topology)->index];
}

/* Whether the source keeps a journal of what comes only once. */
static bool takes_stdin(const struct start_plan *plan)
{
    return topology_source(plan->topology)->kind->takes_stdin;
}

static void judge_known_source(struct start_plan *plan, const struct extent *others)
{
    struct start_stage *source = source_of(plan);
    source->goes_on_after = position_of(source);
    bool is_gone = !source->found && others->any && others->most > source->begins_after;
    if (!is_gone && !source->missing)
        return;
    start_plan_refuse(plan,
                      "stage '%s': its position is gone, but '%s' has its records up to %" PRIu64
                      ", and it is not known which lines those were; restore the state directory "
                      "as a whole, or use --discard %s to %s as new, from record %" PRIu64 " on",
                      source->name, others->most_name, others->most, source->name,
                      takes_stdin(plan)
                          ? "discard what is left of its journal and read standard input"
                          : "read its whole input",
                      others->most + 1);
}

/* A new source gives its first record the number after the last one that any stage has. */
static void judge_new_source(struct start_plan *plan, const struct extent *others)
{
    struct start_stage *source = source_of(plan);
    if (!others->any)
        return;
    source->goes_on_after = others->most;
    if (others->least != others->most && !plan->accept_gap)
        start_plan_refuse(plan,
                          "stage '%s' is new, but the source that it replaces has not finished: "
                          "'%s' has records up to %" PRIu64 ", '%s' up to %" PRIu64
                          "; first run the old topology to its end or stop it in order, or use "
                          "--accept-gap to continue without the records that some stages lack",
                          source->name, others->least_name, others->least, others->most_name,
                          others->most);
    else if (others->most != 0 && source->discarded)
        start_plan_warn(plan,
                        "stage '%s' begins again, because of --discard: it reads %s, and its first "
                        "record is number %" PRIu64 "; %s",
                        source->name,
                        takes_stdin(plan) ? "standard input" : "its input from the beginning",
                        others->most + 1,
                        takes_stdin(plan) ? "any records of its journal that were not done are lost"
                                          : "lines of another input that it had not read are not "
                                            "read");
    else if (others->most != 0)
        start_plan_warn(
            plan, "stage '%s' is new: it reads %s, and its first record is number %" PRIu64,
            source->name, takes_stdin(plan) ? "standard input" : "its input from the beginning",
            others->most + 1);
}

static void refuse_gone(struct start_plan *plan, const struct start_stage *stage, seq_number need,
                        const char *who)
{
    start_plan_refuse(
        plan,
        "stage '%s': its state is gone: %s in 'stages/%s', but '%s' upstream of it resumes at "
        "record %" PRIu64 "; restore the state directory as a whole, or use --discard %s to begin "
        "with an empty state at record %" PRIu64 ", knowing nothing of the records before that",
        stage->name, stage->found ? "the state of a worker is missing" : "there is nothing",
        stage->name, who, need + 1, stage->name, need + 1);
}

static void refuse_behind(struct start_plan *plan, const struct start_stage *stage, seq_number need,
                          const char *who)
{
    seq_number at = position_of(stage);
    char gap[COUNT_RANGE_BYTES];
    start_plan_refuse(
        plan,
        "stage '%s' resumes at record %" PRIu64 ", but '%s' upstream of it at "
        "%" PRIu64 ": their states do not belong together, and %s cannot be replayed; restore the "
        "state directory as a whole, or use --accept-gap to run '%s' without %s",
        stage->name, at + 1, who, need + 1, count_range(at + 1, need, "record", "records", gap),
        stage->name, count_word(need - at, "it", "them"));
}

/* Judges a stage that keeps a position. */
static void judge_stage(struct start_plan *plan, struct start_stage *stage, seq_number need,
                        const char *who)
{
    seq_number at = position_of(stage);
    bool has_past = source_of(plan)->known || need != 0;
    if (!stage->known) {
        stage->goes_on_after = need;
        if (has_past && stage->discarded)
            start_plan_note(plan,
                            "stage '%s' begins again, because of --discard: it has an empty state, "
                            "and begins with record %" PRIu64,
                            stage->name, need + 1);
        else if (has_past)
            start_plan_note(plan, "stage '%s' is new: it begins with record %" PRIu64, stage->name,
                            need + 1);
        return;
    }
    if (stage->missing || (at < need && !stage->found)) {
        refuse_gone(plan, stage, need, who);
    } else if (at < need && plan->accept_gap) {
        stage->gap_first = at + 1;
        char gap[COUNT_RANGE_BYTES];
        start_plan_warn(plan, "stage '%s' never receives %s, because of --accept-gap", stage->name,
                        count_range(at + 1, need, "record", "records", gap));
    } else if (at < need) {
        refuse_behind(plan, stage, need, who);
    }
    stage->goes_on_after = at > need ? at : need;
}

/* Marks the stage at an index and all stages downstream of it. */
static bool *find_behind(const struct topology *t, size_t index)
{
    bool *behind = memory_new(t->stage_count, sizeof *behind);
    behind[index] = true;
    for (size_t i = index + 1; i < t->stage_count; i++) {
        for (size_t k = 0; k < t->edge_count; k++) {
            if (first_worker(t, t->edges[k].to) == i)
                behind[i] |= behind[first_worker(t, t->edges[k].from)];
        }
    }
    return behind;
}

static void refuse_change(struct start_plan *plan, const struct start_stage *stage, seq_number from,
                          const struct start_stage *ahead, seq_number most)
{
    char range[COUNT_RANGE_BYTES];
    count_range(from + 1, most, "record", "records", range);
    const char *what = stage->known ? "was changed" : "begins again with an empty state";
    if (plan->accept_gap) {
        start_plan_warn(plan,
                        "stage '%s' %s: for %s, some outputs are from before the change and some "
                        "from after it, because of --accept-gap",
                        stage->name, what, range);
        return;
    }
    plan->needs_old = true;
    start_plan_refuse(
        plan,
        "stage '%s' %s, but resumes at record %" PRIu64 ", while '%s' has records up to %" PRIu64
        " from before the change: those in between would be lost or duplicated; first run the old "
        "topology to its end or stop it in order, or use --accept-gap to accept that",
        stage->name, what, from + 1, ahead->name, most);
}

/*
 * A stage that may turn a record into a different one than before must not do so again for records
 * that some stages downstream already have: these would have the old result, the others the new
 * one.
 */
static void judge_change(struct start_plan *plan, size_t index, seq_number from)
{
    const struct topology *t = plan->topology;
    bool *behind = find_behind(t, index);
    for (size_t i = index; i < t->stage_count; i++) {
        const struct start_stage *stage = &plan->stages[i];
        if (!behind[i] || !stage->keeps || !stage->known || t->stages[i].worker != 0)
            continue;
        seq_number most = most_of(stage);
        if (most <= from)
            continue;
        refuse_change(plan, &plan->stages[index], from, stage, most);
        break;
    }
    free(behind);
}

/* How far a stage that keeps a position is, after it was judged. */
static struct reach reach_of(const struct start_stage *stage)
{
    seq_number least = stage->goes_on_after;
    seq_number most = stage->known ? most_of(stage) : least;
    return (struct reach){.least = least, .most = most > least ? most : least, .who = stage->name};
}

void start_plan_judge(struct start_plan *plan)
{
    const struct topology *t = plan->topology;
    struct extent others = extent_of_others(plan);
    size_t source = topology_source(t)->index;
    if (plan->stages[source].known)
        judge_known_source(plan, &others);
    else
        judge_new_source(plan, &others);
    struct reach *reached = memory_new(t->stage_count, sizeof *reached);
    reached[source] = reach_of(&plan->stages[source]);
    if (plan->stages[source].changed || plan->stages[source].rewired)
        judge_change(plan, source, reached[source].least);
    /* If the source cannot continue, nothing can be said about the stages downstream of it. */
    for (size_t i = 0; plan->error_count == 0 && i < t->stage_count; i++) {
        if (t->stages[i].worker != 0 || i == source)
            continue;
        struct start_stage *stage = &plan->stages[i];
        struct reach before = reached[i] = furthest_before(plan, i, reached);
        if (stage->keeps) {
            judge_stage(plan, stage, before.most,
                        before.who != NULL ? before.who : plan->stages[source].name);
            reached[i] = reach_of(stage);
        } else {
            stage->goes_on_after = before.least;
        }
        /* An empty state makes other records, too. */
        if (stage->keeps && stage->discarded && t->stages[i].kind->role == KIND_STEP)
            judge_change(plan, i, reached[i].least);
        if (stage->rewired || stage->changed)
            judge_change(plan, i, stage->rewired ? before.least : reached[i].least);
    }
    free(reached);
}
