/* SPDX-License-Identifier: MIT */
/*
 * From a tree of YAML to a proved graph, in this order: the head, the types, each stage's name,
 * kind and `from`, the order of the flow, then stage by stage along the flow its options and what
 * it makes of its input. A stage whose input could not be found out is checked as far as it goes
 * without adding errors that only follow from the first one.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/memory.h"
#include "common/text.h"
#include "topology/check_p.h"

#define NS_PER_MS 1000000ll

static const char *const durability_choices[] = {"host", "process", NULL};

static const struct option_spec head_specs[] = {
    {.name = "topology", .tag = OPTION_TEXT, .required = true, .meaning = "its name"},
    {.name = "version",
     .tag = OPTION_INT,
     .fallback = "1",
     .min = 1,
     .max = INT32_MAX,
     .meaning = "number of this revision"},
    {.name = "description", .tag = OPTION_TEXT, .meaning = "what it is for"},
    {.name = "durability",
     .tag = OPTION_CHOICE,
     .fallback = "host",
     .choices = durability_choices,
     .meaning = "what acked records survive"},
    {.name = "stall_timeout",
     .tag = OPTION_DURATION,
     .fallback = "30s",
     .min = STALL_TIMEOUT_MS_MIN * NS_PER_MS,
     .max = STALL_TIMEOUT_MS_MAX * NS_PER_MS,
     .meaning = "a stage that is busy with one record for so long is hung, and restarted"},
    {0},
};
static const char *const head_skip[] = {"types", "stages", NULL};
bool check_head_misspelt(const struct node *root, const char *key)
{
    return options_misspelt(root, head_specs, NULL, head_skip, key);
}

static void check_head(struct checker *c, const struct node *root)
{
    struct options_context context = {.diagnostics = c->diagnostics,
                                      .owner = "a topology",
                                      .directory = c->directory,
                                      .skip = head_skip};
    struct options *head = options_read(root, head_specs, root->place, &context);
    const struct option_value *name = options_get(head, "topology");
    if (name->text != NULL && !text_is_name(name->text))
        diagnostics_add(c->diagnostics, name->place,
                        "'%s' is no name; use a letter, then letters, digits, '-' and '_', %u "
                        "characters at most",
                        name->text, NAME_BYTES_MAX);
    else if (name->text != NULL)
        memcpy(c->topology->name, name->text, strlen(name->text) + 1);
    c->topology->version = options_get(head, "version")->number;
    c->topology->durability =
        options_get(head, "durability")->number == 1 ? DURABILITY_PROCESS : DURABILITY_HOST;
    c->topology->stall_timeout_ms =
        (uint64_t)(options_get(head, "stall_timeout")->number / NS_PER_MS);
    options_free(head);
}

static void check_stages(struct checker *c, const struct node *root)
{
    const struct node_pair *stages = node_find(root, "stages");
    if (stages == NULL && check_head_misspelt(root, "stages"))
        return; /* reported as the key that it was written as */
    if (stages == NULL || stages->value->tag != NODE_MAP || stages->value->count == 0) {
        diagnostics_add(c->diagnostics, stages != NULL ? stages->value->place : root->place,
                        "a topology needs 'stages:', a map of names, each with its kind");
        return;
    }
    if (stages->value->count > STAGES_MAX - 1) {
        diagnostics_add(c->diagnostics, stages->key_place, "more than %u stages", STAGES_MAX - 1);
        return;
    }
    c->stages_place = stages->key_place;
    check_drafts(c, stages->value);
    check_flow(c);
}

static void checker_done(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        options_free(c->drafts[i].options);
        free(c->drafts[i].inputs);
        free(c->drafts[i].outputs);
        free(c->drafts[i].output_read);
    }
    free(c->drafts);
    free(c->directory);
}

static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return memory_dup(".", 1);
    return memory_dup(file, slash == file ? 1 : (size_t)(slash - file));
}

static void call_compare(const struct checker *c, topology_compare *compare, void *context)
{
    struct stage_options stages[STAGES_MAX];
    struct topology_draft draft = {.name = c->topology->name, .stages = stages};
    for (size_t i = 0; i < c->order_count; i++) {
        const struct draft_stage *stage = &c->drafts[c->order[i]];
        if (stage->options != NULL)
            stages[draft.stage_count++] = (struct stage_options){
                .name = stage->name, .kind = stage->kind, .options = stage->options};
    }
    compare(context, &draft, c->diagnostics);
}

int topology_load(const char *file, const char *text, size_t len, kind_registry registry,
                  enum topology_form form, struct diagnostics *d, struct topology **ret_topology)
{
    return topology_load_compared(file, text, len, registry, form, d, NULL, NULL, ret_topology);
}

int topology_load_compared(const char *file, const char *text, size_t len, kind_registry registry,
                           enum topology_form form, struct diagnostics *d,
                           topology_compare *compare, void *context, struct topology **ret_topology)
{
    size_t errors_before = d->count;
    struct node *root = NULL;
    if (node_read_yaml(text, len, d, &root) != 0)
        return ERR_INVALID;
    struct checker c = {.diagnostics = d,
                        .registry = registry,
                        .form = form,
                        .directory = directory_of(file),
                        .topology = memory_new(1, sizeof *c.topology)};
    check_make_dead_letter(&c.topology->dead_letter);
    if (root->tag != NODE_MAP) {
        diagnostics_add(d, root->place, "a topology is a map that begins with 'topology: NAME'");
    } else {
        settings_apply(d->settings, root, d);
        check_head(&c, root);
        check_types(&c, root);
        check_stages(&c, root);
    }
    if (compare != NULL)
        call_compare(&c, compare, context);
    if (d->count == errors_before)
        check_build_graph(&c);
    checker_done(&c);
    node_free(root);
    if (d->count != errors_before) {
        topology_free(c.topology);
        return ERR_INVALID;
    }
    *ret_topology = c.topology;
    return 0;
}

/* What workers of one stage share is the first one's. */
static void stage_done(const struct stage *stage)
{
    if (stage->worker != 0)
        return;
    options_free((struct options *)stage->options);
    free((void *)(uintptr_t)stage->inputs);
    free((void *)(uintptr_t)stage->outputs);
    free((void *)(uintptr_t)stage->by);
}

void topology_free(struct topology *topology)
{
    if (topology == NULL)
        return;
    for (size_t i = 0; i < topology->stage_count; i++)
        stage_done(&topology->stages[i]);
    free(topology->stages);
    free(topology->edges);
    free(topology->types);
    free(topology);
}

bool topology_may_quarantine(const struct topology *topology, size_t stage)
{
    const struct kind *kind = topology->stages[stage].kind;
    return kind->role != KIND_SOURCE && !kind->internal;
}

const struct stage *topology_find_stage(const struct topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].name, name) == 0)
            return &topology->stages[i];
    }
    return NULL;
}
