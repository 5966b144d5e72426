/* SPDX-License-Identifier: MIT */
#include "topology/graph.h"

#include <stdlib.h>
#include <string.h>

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
