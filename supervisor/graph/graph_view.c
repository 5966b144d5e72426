/* SPDX-License-Identifier: MIT */
#include "supervisor/graph/graph_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"

/* The logical form has each stage once, so only the options give the number of workers. */
static size_t workers_of(const struct stage *stage)
{
    size_t count = stage->options != NULL ? stage->options->count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct option_value *option = &stage->options->items[i];
        if (strcmp(option->spec->name, "workers") == 0 && option->present && option->number > 0)
            return (size_t)option->number;
    }
    return stage->workers > 0 ? stage->workers : 1;
}

static void name_net(struct graph_net *net, const struct stage *from)
{
    net->label[0] = '\0';
    if (net->port == PORT_DEAD)
        (void)snprintf(net->label, sizeof net->label, ".dead");
    if (net->port < PORT_NAMED)
        return;
    REQUIRE(net->port - PORT_NAMED < from->output_count);
    (void)snprintf(net->label, sizeof net->label, ".%s",
                   from->outputs[net->port - PORT_NAMED].name);
}

/* The net of an output; made if there is none yet. */
static struct graph_net *net_of(struct graph_view *view, size_t from, port_number port,
                                const struct stage *stage)
{
    size_t at = 0;
    while (at < view->net_count && (view->nets[at].from < from ||
                                    (view->nets[at].from == from && view->nets[at].port < port)))
        at++;
    if (at < view->net_count && view->nets[at].from == from && view->nets[at].port == port)
        return &view->nets[at];
    view->nets = memory_resize(view->nets, view->net_count + 1, sizeof *view->nets);
    memmove(view->nets + at + 1, view->nets + at, (view->net_count - at) * sizeof *view->nets);
    view->net_count++;
    view->nets[at] = (struct graph_net){.from = from, .port = port};
    name_net(&view->nets[at], stage);
    return &view->nets[at];
}

void graph_view_init(struct graph_view *view, const struct topology *topology, bool all)
{
    REQUIRE(topology->stage_count <= STAGES_MAX);
    *view = (struct graph_view){.name = topology->name};
    size_t nodes[STAGES_MAX];
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        nodes[i] = STAGES_MAX;
        if (!all && strcmp(stage->base, DEAD_LETTERS_STAGE) == 0)
            continue;
        nodes[i] = view->node_count;
        view->nodes[view->node_count++] =
            (struct graph_node){.name = stage->base,
                                .kind = stage->kind->name,
                                .source = stage->kind->role == KIND_SOURCE,
                                .workers = workers_of(stage)};
    }
    for (size_t i = 0; i < topology->edge_count; i++) {
        const struct edge *edge = &topology->edges[i];
        if (nodes[edge->to] == STAGES_MAX) {
            view->dead_left_out++;
            continue;
        }
        struct graph_net *net =
            net_of(view, nodes[edge->from], edge->port, &topology->stages[edge->from]);
        net->to = memory_resize(net->to, net->to_count + 1, sizeof *net->to);
        net->to[net->to_count++] = nodes[edge->to];
    }
}

void graph_view_done(struct graph_view *view)
{
    for (size_t i = 0; i < view->net_count; i++)
        free(view->nets[i].to);
    free(view->nets);
    *view = (struct graph_view){0};
}

/* Names consist of letters, digits, '_', '-' and '.', so nothing in them needs an escape. */
void graph_write_dot(const struct graph_view *view, struct buf *out)
{
    buf_add_format(out, "digraph \"%s\" {\n    node [shape=box];\n", view->name);
    for (size_t i = 0; i < view->node_count; i++) {
        const struct graph_node *node = &view->nodes[i];
        buf_add_format(out, "    \"%s\" [label=\"%s", node->name, node->name);
        if (node->workers > 1)
            buf_add_format(out, " ×%zu", node->workers);
        buf_add_format(out, "\\n%s\"];\n", node->kind);
    }
    for (size_t i = 0; i < view->net_count; i++) {
        const struct graph_net *net = &view->nets[i];
        for (size_t k = 0; k < net->to_count; k++) {
            buf_add_format(out, "    \"%s\" -> \"%s\"", view->nodes[net->from].name,
                           view->nodes[net->to[k]].name);
            if (net->label[0] != '\0')
                buf_add_format(out, " [label=\"%s\"]", net->label);
            buf_add_text(out, ";\n");
        }
    }
    buf_add_text(out, "}\n");
}

/* The ids are our own numbers, because Mermaid reserves words such as "end". */
void graph_write_mermaid(const struct graph_view *view, struct buf *out)
{
    buf_add_text(out, "flowchart TD\n");
    for (size_t i = 0; i < view->node_count; i++) {
        const struct graph_node *node = &view->nodes[i];
        buf_add_format(out, "    s%zu[\"%s", i, node->name);
        if (node->workers > 1)
            buf_add_format(out, " ×%zu", node->workers);
        buf_add_format(out, "<br/>%s\"]\n", node->kind);
    }
    for (size_t i = 0; i < view->net_count; i++) {
        const struct graph_net *net = &view->nets[i];
        for (size_t k = 0; k < net->to_count; k++) {
            buf_add_format(out, "    s%zu -->", net->from);
            if (net->label[0] != '\0')
                buf_add_format(out, "|\"%s\"|", net->label);
            buf_add_format(out, " s%zu\n", net->to[k]);
        }
    }
}
