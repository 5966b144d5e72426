/* SPDX-License-Identifier: MIT */
/*
 * From a YAML tree to a proved graph, in this order: the head, the types, the name, kind and `from`
 * of each stage, the order of the flow; then, stage by stage along the flow, its options and what
 * it makes of its input. A stage whose input is unknown is checked as far as possible, without
 * adding errors that only follow from an earlier one.
 */
#include "topology/load.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/memory.h"
#include "common/path.h"
#include "topology/check_p.h"
#include "topology/expand.h"
#include "topology/settings_apply.h"
#include "topology/yaml.h"

static void checker_done(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        if (c->drafts[i].plan != NULL)
            c->drafts[i].kind->free_plan(c->drafts[i].plan);
        options_free(c->drafts[i].options);
        free(c->drafts[i].inputs);
        free(c->drafts[i].outputs);
        free(c->drafts[i].output_read);
    }
    free(c->drafts);
    free(c->directory);
}

static void call_compare(const struct checker *c, topology_compare *compare, void *context)
{
    struct stage_options stages[STAGES_MAX];
    struct topology_draft draft = {.name = c->topology->name, .stages = stages};
    for (size_t i = 0; i < c->order_count; i++) {
        const struct draft_stage *stage = &c->drafts[c->order[i]];
        if (stage->options != NULL)
            stages[draft.stage_count++] = (struct stage_options){.name = stage->name,
                                                                 .place = stage->place,
                                                                 .kind = stage->kind,
                                                                 .options = stage->options};
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
    if (yaml_read(text, len, d, &root) != 0)
        return ERR_INVALID;
    struct checker c = {.diagnostics = d,
                        .errors_before = errors_before,
                        .registry = registry,
                        .form = form,
                        .directory = path_directory(file),
                        .topology = memory_new(1, sizeof *c.topology)};
    topology_make_dead_letter(&c.topology->dead_letter);
    if (root->tag != NODE_MAP) {
        diagnostics_add(d, root->place, "a topology is a map that begins with 'topology: NAME'");
    } else {
        settings_apply(d->settings, root, d);
        check_head(&c, root);
        check_types(&c, root);
        check_stages(&c, root);
        check_flow(&c);
    }
    if (compare != NULL)
        call_compare(&c, compare, context);
    if (d->count == errors_before) {
        check_build_graph(&c);
        c.topology->resolved = expand_node(root, c.directory);
    }
    checker_done(&c);
    node_free(root);
    if (d->count != errors_before) {
        topology_free(c.topology);
        return ERR_INVALID;
    }
    *ret_topology = c.topology;
    return 0;
}
