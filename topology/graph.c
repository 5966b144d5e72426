/* SPDX-License-Identifier: MIT */
#include "topology/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "topology/node.h"

void topology_make_dead_letter(struct contract *ret_contract)
{
    static const struct type number = {.tag = VALUE_INT};
    static const struct type text = {.tag = VALUE_STRING};
    static const struct type bytes = {.tag = VALUE_BYTES};
    static const struct type truth = {.tag = VALUE_BOOL};
    int rc = contract_add(ret_contract, "seq", number);
    rc |= contract_add(ret_contract, "line", number);
    rc |= contract_add(ret_contract, "stage", text);
    rc |= contract_add(ret_contract, "reason", text);
    rc |= contract_add(ret_contract, "message", text);
    rc |= contract_add(ret_contract, "content", bytes);
    rc |= contract_add(ret_contract, "content_is_json", truth);
    INVARIANT(rc == 0 && ret_contract->count == DEAD_LETTER_FIELDS);
}

void stage_set_name(struct stage *stage)
{
    int len = stage->workers == 1
                  ? snprintf(stage->name, sizeof stage->name, "%s", stage->base)
                  : snprintf(stage->name, sizeof stage->name, "%s.%zu", stage->base, stage->worker);
    INVARIANT(len > 0 && (size_t)len < sizeof stage->name);
}

/* The first worker of a stage owns what its workers share. */
static void stage_done(const struct stage *stage)
{
    if (stage->shares)
        return;
    if (stage->plan != NULL)
        stage->kind->free_plan((void *)(uintptr_t)stage->plan);
    options_free((struct options *)stage->options);
    node_free((struct node *)(uintptr_t)stage->resolved);
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
    free(topology->contracts);
    timeline_done(&topology->timeline);
    node_free((struct node *)(uintptr_t)topology->resolved);
    free(topology);
}

bool topology_may_quarantine(const struct topology *topology, size_t stage)
{
    const struct kind *kind = topology->stages[stage].kind;
    return kind->role != KIND_SOURCE && !kind->internal;
}

const struct stage *topology_source(const struct topology *topology)
{
    size_t at = 0;
    while (topology->stages[at].kind->role != KIND_SOURCE) {
        at++;
        INVARIANT(at < topology->stage_count);
    }
    return &topology->stages[at];
}

const struct stage *topology_dead_letters(const struct topology *topology)
{
    const struct stage *stage = topology_find_stage(topology, DEAD_LETTERS_STAGE);
    INVARIANT(stage != NULL);
    return stage;
}

const struct stage *topology_find_stage(const struct topology *topology, const char *name)
{
    for (size_t i = 0; i < topology->stage_count; i++) {
        if (strcmp(topology->stages[i].name, name) == 0)
            return &topology->stages[i];
    }
    return NULL;
}
