/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/run/start_p.h"

static char *copy(const char *text)
{
    return text != NULL ? memory_dup(text, strlen(text)) : NULL;
}

static enum start_becomes becomes(const struct start *s, const struct stage *stage)
{
    const struct start_stage *verdict = &s->plan.stages[stage->index];
    const struct manifest_stage *was = manifest_find(&s->old, stage->base);
    if (s->facts[stage->index].lost)
        return START_LOST;
    if (was != NULL && was->keeps && !verdict->known && !verdict->discarded)
        return START_LOST; /* it is of another kind */
    if (verdict->known)
        return s->facts[stage->index].converted ? START_CONVERTED : START_GOES_ON;
    return was != NULL && verdict->keeps ? START_BEGINS_AGAIN : START_BEGINS;
}

/*
 * Marks the stages whose records may differ from those of the former version: the altered ones and
 * all that are downstream of them.
 */
static bool *find_differing(const struct start *s)
{
    const struct topology *t = s->topology;
    bool *differs = memory_new(t->stage_count, sizeof *differs);
    for (size_t i = 0; s->found && i < t->stage_count; i++) {
        size_t first = i - t->stages[i].worker;
        differs[i] = s->plan.stages[first].alters || !s->plan.stages[first].known;
        for (size_t k = 0; k < t->edge_count; k++) {
            if (t->edges[k].to == i)
                differs[i] |= differs[t->edges[k].from];
        }
    }
    return differs;
}

/* The place of a sink that writes no file. */
static const char *place_of(struct start *s, const struct stage *stage)
{
    if (stage->kind->role != KIND_SINK || stage->kind->internal)
        return NULL;
    return stage->kind->takes_stdout ? "standard output" : start_output(s, stage);
}

static struct start_view_stage view_stage(struct start *s, const struct stage *stage, bool differs)
{
    const struct start_stage *verdict = &s->plan.stages[stage->index];
    struct start_facts *facts = &s->facts[stage->index];
    bool is_known = s->plan.error_count == 0 && !s->running && verdict->goes_on_after < SEQ_MAX;
    return (struct start_view_stage){.name = copy(stage->base),
                                     .was = copy(facts->was),
                                     .kind = copy(stage->kind->name),
                                     .becomes = becomes(s, stage),
                                     .keeps = verdict->keeps,
                                     .has_state = stage->kind->store_spec != NULL,
                                     .at = is_known ? verdict->goes_on_after + 1 : 0,
                                     .changes = copy(buf_text(&facts->changes)),
                                     .conversion = copy(buf_text(&facts->conversion)),
                                     .output = copy(place_of(s, stage)),
                                     .output_changes = differs};
}

static bool is_removed(const struct start *s, const struct manifest_stage *was)
{
    for (size_t i = 0; i < s->topology->stage_count; i++) {
        const char *former = s->facts[i].was;
        if (former != NULL && strcmp(former, was->name) == 0)
            return false;
    }
    return manifest_find(&s->new, was->name) == NULL;
}

/* A stage that is gone has lost its state, if that is not to be removed. */
static struct start_view_stage view_removed(const struct start *s, const struct manifest_stage *was)
{
    bool discards = false;
    for (size_t i = 0; i < s->new.remove_count; i++)
        discards |= strcmp(s->new.removes[i], was->name) == 0;
    /* What reads from others and has a path writes there. */
    bool is_source = manifest_option_text(was, "from") == NULL;
    const char *output = is_source ? NULL : manifest_option_text(was, "path");
    return (struct start_view_stage){.name = copy(was->name),
                                     .kind = copy(was->kind),
                                     .becomes = discards ? START_REMOVED : START_LOST,
                                     .keeps = was->keeps,
                                     .output = copy(output),
                                     .output_changes = output != NULL,
                                     .changes = copy(""),
                                     .conversion = copy("")};
}

static void view_versions(const struct start *s, struct start_view *view)
{
    view->is = (struct start_version){
        .id = s->version->id, .number = s->version->number, .first = s->running ? 0 : s->first};
    if (s->new.version_count != 0)
        view->is.number = s->new.versions[s->new.version_count - 1].number;
    if (s->old.version_count == 0)
        return;
    const struct manifest_version *was = &s->old.versions[s->old.version_count - 1];
    view->was = (struct start_version){.id = was->id, .number = was->number, .first = was->first};
    view->was_is_unused = s->first != 0 && !s->running && s->last != was;
    bool same_id = strcmp(was->id.text, s->version->id.text) == 0;
    bool same_number = view->is.number == was->number;
    if (same_id && same_number && (s->running || s->first == 0))
        view->is.first = was->first;
}

void start_make_view(struct start *s, struct start_view *ret_view)
{
    const struct topology *t = s->topology;
    bool *differs = find_differing(s);
    *ret_view = (struct start_view){
        .is_first = !s->found,
        .running = s->running,
        .state_path = copy(s->path),
        .refused = s->plan.error_count != 0,
        .stages = memory_new(t->stage_count + s->old.stage_count, sizeof *ret_view->stages)};
    view_versions(s, ret_view);
    for (size_t i = 0; i < t->stage_count; i++) {
        const struct stage *stage = &t->stages[i];
        bool begins_again = s->found && !s->plan.stages[i].known;
        if (stage->worker == 0 && (!stage->kind->internal || begins_again))
            ret_view->stages[ret_view->stage_count++] = view_stage(s, stage, differs[i]);
    }
    for (size_t i = 0; i < s->old.stage_count; i++) {
        if (is_removed(s, &s->old.stages[i]))
            ret_view->stages[ret_view->stage_count++] = view_removed(s, &s->old.stages[i]);
    }
    free(differs);
}
