/* SPDX-License-Identifier: MIT */
/*
 * Which version holds from which seq on. docs/decisions/0030-version.md, "The timeline" and "One
 * seq".
 */
#include <inttypes.h>
#include <string.h>

#include "common/count.h"
#include "supervisor/run/start_p.h"

/* The seqs after which the stages that the new version alters begin with it. */
struct altered {
    bool any;
    seq_number least, most;
    const char *least_name, *most_name;
};

/* A stage that is new alters what is made of its first record, unless all are new. */
static bool is_altered(const struct start *s, const struct start_stage *stage)
{
    return stage->known ? stage->alters : stage->keeps && s->found;
}

static struct altered find_altered(const struct start *s)
{
    struct altered all = {.least = SEQ_MAX};
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct start_stage *stage = &s->plan.stages[i];
        if (s->topology->stages[i].worker != 0 || !is_altered(s, stage))
            continue;
        all.any = true;
        if (stage->goes_on_after <= all.least) {
            all.least = stage->goes_on_after;
            all.least_name = stage->name;
        }
        if (stage->goes_on_after >= all.most) {
            all.most = stage->goes_on_after;
            all.most_name = stage->name;
        }
    }
    return all;
}

/*
 * The furthest seq of all stages and workers. A version that alters no stage, such as one in which
 * a stage has another name, begins after it, because what was decided up to it is shown already.
 */
static seq_number furthest(const struct start *s)
{
    seq_number most = 0;
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const struct start_stage *stage = &s->plan.stages[i];
        if (s->topology->stages[i].worker != 0)
            continue;
        if (stage->goes_on_after > most)
            most = stage->goes_on_after;
        if (stage->known && stage->found && stage->most > most)
            most = stage->most;
    }
    return most;
}

static const struct start_stage *source_of(const struct start *s)
{
    return &s->plan.stages[topology_source(s->topology)->index];
}

static void refuse_two(struct start *s, const struct altered *all)
{
    char range[COUNT_RANGE_BYTES];
    count_range(all->least + 1, all->most, "record", "records", range);
    if (s->options->accept_gap)
        start_plan_warn(&s->plan,
                        "stages '%s' and '%s' were changed at different records: some of %s belong "
                        "to both versions, because of --accept-gap",
                        all->least_name, all->most_name, range);
    else
        s->plan.needs_old = true;
    if (!s->options->accept_gap)
        start_plan_refuse(
            &s->plan,
            "stage '%s' was changed and resumes at record %" PRIu64 ", and so was '%s', which "
            "resumes at record %" PRIu64 ": there is no record at which the new version begins; "
            "first run the old topology to its end or stop it in order, or use --accept-gap to let "
            "both versions decide %s",
            all->least_name, all->least + 1, all->most_name, all->most + 1, range);
}

/* The last version that has decided a record, of those in the old manifest; or NULL. */
static const struct manifest_version *last_used(const struct start *s, seq_number first)
{
    const struct manifest_version *last = NULL;
    for (size_t i = 0; i < s->old.version_count; i++) {
        if (s->old.versions[i].first < first)
            last = &s->old.versions[i];
    }
    return last;
}

/* A number stands for one text. */
static void check_number(struct start *s, const struct manifest_version *was)
{
    const struct version *is = s->version;
    if (is->number == 0 || was->number != is->number ||
        strcmp(was->written.text, is->written.text) == 0)
        return;
    start_plan_refuse(&s->plan,
                      "'version: %" PRId64 "' is taken: from record %" PRIu64 " on it was a "
                      "topology with other types, stages or options (%.*s, in '%s/versions/%s'); "
                      "give this one a number of its own, or remove 'version:'",
                      is->number, was->first, (int)DIGEST_DIGITS_SHOWN, was->id.text, s->path,
                      was->id.text);
}

static bool is_same(const struct manifest_version *was, const struct version *is)
{
    return was != NULL && strcmp(was->id.text, is->id.text) == 0;
}

/* The seq from which on the version holds, if it is another one than before. */
static seq_number choose_first(struct start *s)
{
    struct altered all = find_altered(s);
    if (s->options->fresh || !s->found)
        return 1;
    if (s->running) /* where it will be stopped is not known yet */
        return SEQ_MAX;
    /* An older build wrote no versions. If nothing was changed, this one holds from now on. */
    if (!all.any)
        all.least = all.most =
            s->old.version_count == 0 ? source_of(s)->goes_on_after : furthest(s);
    if (all.least != all.most)
        refuse_two(s, &all);
    return all.most < SEQ_MAX ? all.most + 1 : SEQ_MAX;
}

/* Says that another version holds from now on. */
static void say_change(struct start *s, const struct manifest_version *was)
{
    char now[VERSION_SHOWN_BYTES], before[VERSION_SHOWN_BYTES];
    if (was != NULL && s->first != was->first)
        start_plan_note(&s->plan, "version %s holds from seq %" PRIu64 " on; before it: %s",
                        timeline_show_version(s->version->id.text, s->version->number, now),
                        s->first, timeline_show_version(was->id.text, was->number, before));
}

void start_choose_version(struct start *s)
{
    seq_number first = choose_first(s);
    const struct manifest_version *last = s->last = last_used(s, first);
    int64_t number = s->version->number;
    bool goes_on =
        is_same(last, s->version) && (number == 0 || last->number == 0 || number == last->number);
    for (size_t i = 0; !s->options->fresh && i < s->old.version_count; i++) {
        const struct manifest_version *was = &s->old.versions[i];
        if (was->first >= first)
            break;
        manifest_add_version(&s->new, was);
        check_number(s, was);
    }
    if (goes_on) {
        /* A number that was given once is kept, and one that is new for the same text is added. */
        if (number != 0)
            s->new.versions[s->new.version_count - 1].number = number;
        s->first = last->first;
    } else {
        s->first = first;
        manifest_add_version(&s->new, &(struct manifest_version){.first = first,
                                                                 .id = s->version->id,
                                                                 .written = s->version->written,
                                                                 .number = number});
    }
    say_change(s, last);
}

void start_fill_timeline(const struct start *s, struct timeline *timeline)
{
    const struct manifest *m = &s->new;
    seq_number done = source_of(s)->goes_on_after;
    for (size_t i = 0; i < m->version_count; i++) {
        bool is_past = i + 1 < m->version_count && m->versions[i + 1].first <= done + 1;
        if (!is_past)
            timeline_add(timeline, m->versions[i].first, m->versions[i].id.text,
                         m->versions[i].number);
    }
}
