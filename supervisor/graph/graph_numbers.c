/* SPDX-License-Identifier: MIT */
#include "supervisor/graph/graph_live.h"

#include <string.h>

/* Whether a process is of this stage: "parse" itself, or the worker "parse.2". */
static bool is_of(const struct status_stage *process, const struct graph_node *node)
{
    size_t len = strlen(node->name);
    return strncmp(process->stage, node->name, len) == 0 &&
           (process->stage[len] == '\0' || process->stage[len] == '.');
}

/* What the processes of a node have done, all together. */
struct sum {
    size_t processes, alive;
    uint64_t records; /* the records that its rate counts */
    uint64_t done;    /* the seq that the slowest of them has reached */
};

static struct sum sum_up(const struct status_snapshot *seen, const struct graph_node *node)
{
    struct sum sum = {.done = UINT64_MAX};
    for (size_t i = 0; i < seen->stage_count; i++) {
        const struct status_stage *process = &seen->stages[i];
        if (!is_of(process, node))
            continue;
        sum.processes++;
        sum.alive += process->pid != 0;
        sum.records += node->source ? process->out : process->in;
        sum.done = process->processed < sum.done ? process->processed : sum.done;
    }
    return sum;
}

bool graph_numbers_make(const struct graph_view *view, const struct status_snapshot *before,
                        const struct status_snapshot *now, struct graph_numbers *ret_numbers)
{
    uint64_t given[STAGES_MAX] = {0}; /* the last seq of the sources upstream of each node */
    uint64_t elapsed_ms = now->up_ms - before->up_ms;
    bool comparable = before->pid == now->pid && now->up_ms > before->up_ms;
    for (size_t i = 0; i < view->node_count; i++) {
        const struct graph_node *node = &view->nodes[i];
        struct sum then = sum_up(before, node), sum = sum_up(now, node);
        if (sum.processes == 0)
            return false;
        if (node->source)
            given[i] = sum.done;
        /* Nets are sorted by node, and each node comes after all that feed it. */
        for (size_t n = 0; n < view->net_count; n++) {
            const struct graph_net *net = &view->nets[n];
            for (size_t k = 0; net->from == i && k < net->to_count; k++) {
                uint64_t *below = &given[net->to[k]];
                *below = given[i] > *below ? given[i] : *below;
            }
        }
        uint64_t records = sum.records > then.records ? sum.records - then.records : 0;
        ret_numbers[i] = (struct graph_numbers){
            .running = sum.alive == sum.processes,
            .rate = comparable ? (uint64_t)((double)records * 1000.0 / (double)elapsed_ms) : 0,
            .lag = given[i] > sum.done ? given[i] - sum.done : 0};
    }
    return true;
}
