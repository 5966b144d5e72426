/* SPDX-License-Identifier: MIT */
#include "supervisor/graph/graph_layout.h"

#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/graph/graph_layout_p.h"

#define LANE_COLUMNS 2
/* Columns of a box for every line that comes in: its end, one column to dodge, and a gap. */
#define ENTRY_COLUMNS 3

static void rank_nodes(const struct graph_view *view, size_t *ranks)
{
    memset(ranks, 0, STAGES_MAX * sizeof *ranks);
    /* Nets are sorted by node, and each node comes after all that feed it. */
    for (size_t i = 0; i < view->net_count; i++) {
        const struct graph_net *net = &view->nets[i];
        for (size_t k = 0; k < net->to_count; k++) {
            if (ranks[net->to[k]] <= ranks[net->from])
                ranks[net->to[k]] = ranks[net->from] + 1;
        }
    }
}

/* The lowest rank that an output reaches. */
static size_t reach(const struct graph_net *net, const size_t *ranks)
{
    size_t lowest = 0;
    for (size_t k = 0; k < net->to_count; k++)
        lowest = ranks[net->to[k]] > lowest ? ranks[net->to[k]] : lowest;
    return lowest;
}

/* The columns that the outputs of a node, with their labels, need below its box. */
static int ports_width(const struct graph_view *view, size_t node)
{
    int width = 0;
    size_t count = 0, labelled = 0;
    for (size_t i = 0; i < view->net_count; i++) {
        const struct graph_net *net = &view->nets[i];
        if (net->from != node)
            continue;
        count++;
        labelled = strlen(net->label);
        width += labelled != 0 ? (int)labelled + 3 : 3;
    }
    /* A single output leaves in the middle, with its label to the right. */
    return count == 1 && labelled != 0 ? 2 * (int)labelled + 5 : width;
}

static int box_width(const struct graph_view *view, size_t node, int text_width)
{
    size_t entries = 0;
    for (size_t i = 0; i < view->net_count; i++) {
        for (size_t k = 0; k < view->nets[i].to_count; k++)
            entries += view->nets[i].to[k] == node;
    }
    int inner = text_width + 2, ports = ports_width(view, node);
    inner = ports > inner ? ports : inner;
    inner = (int)entries * ENTRY_COLUMNS > inner ? (int)entries * ENTRY_COLUMNS : inner;
    /* A box of odd width has a middle column. */
    return (inner | 1) + 2;
}

/* Whether the items of every rank fit next to each other. */
static bool fits(const struct graph_view *view, const size_t *ranks, const int *widths,
                 int columns_max)
{
    int *used = memory_new(view->node_count + 1, sizeof *used);
    for (size_t i = 0; i < view->node_count; i++)
        used[ranks[i]] += widths[i] + GRAPH_GAP;
    for (size_t i = 0; i < view->net_count; i++) {
        size_t end = reach(&view->nets[i], ranks);
        for (size_t r = ranks[view->nets[i].from] + 1; r < end; r++)
            used[r] += LANE_COLUMNS + GRAPH_GAP;
    }
    bool good = true;
    for (size_t r = 0; r < view->node_count; r++)
        good &= used[r] - GRAPH_GAP <= columns_max;
    free(used);
    return good;
}

static size_t add_item(struct graph_layout *layout, struct graph_item item)
{
    layout->items = memory_resize(layout->items, layout->item_count + 1, sizeof *layout->items);
    layout->items[layout->item_count] = item;
    return layout->item_count++;
}

static void add_link(struct graph_layout *layout, size_t upper, size_t lower, size_t net)
{
    layout->links = memory_resize(layout->links, layout->link_count + 1, sizeof *layout->links);
    layout->links[layout->link_count++] =
        (struct graph_link){.upper = upper, .lower = lower, .net = net};
}

/* Adds the lanes and links of one output, from its node downwards. */
static void add_net(struct graph_layout *layout, size_t number, const size_t *ranks)
{
    const struct graph_net *net = &layout->view->nets[number];
    size_t upper = net->from, end = reach(net, ranks);
    for (size_t r = ranks[net->from] + 1; r <= end; r++) {
        for (size_t k = 0; k < net->to_count; k++) {
            if (ranks[net->to[k]] == r)
                add_link(layout, upper, net->to[k], number);
        }
        if (r == end)
            break;
        size_t lane = add_item(
            layout, (struct graph_item){
                        .node = GRAPH_LANE, .net = number, .rank = r, .width = LANE_COLUMNS});
        add_link(layout, upper, lane, number);
        upper = lane;
    }
}

static void sort_links(struct graph_layout *layout)
{
    struct graph_link *sorted = memory_new(layout->link_count + 1, sizeof *sorted);
    layout->first_link = memory_new(layout->rank_count + 1, sizeof *layout->first_link);
    size_t count = 0;
    for (size_t r = 0; r < layout->rank_count; r++) {
        layout->first_link[r] = count;
        for (size_t i = 0; i < layout->link_count; i++) {
            if (layout->items[layout->links[i].upper].rank == r)
                sorted[count++] = layout->links[i];
        }
    }
    layout->first_link[layout->rank_count] = count;
    free(layout->links);
    layout->links = sorted;
}

static void sort_items(struct graph_layout *layout)
{
    layout->order = memory_new(layout->item_count + 1, sizeof *layout->order);
    layout->first = memory_new(layout->rank_count + 1, sizeof *layout->first);
    size_t count = 0;
    for (size_t r = 0; r < layout->rank_count; r++) {
        layout->first[r] = count;
        for (size_t i = 0; i < layout->item_count; i++) {
            if (layout->items[i].rank == r)
                layout->order[count++] = i;
        }
    }
    layout->first[layout->rank_count] = count;
}

bool graph_layout_make(const struct graph_view *view, const int *text_widths, int columns_max,
                       struct graph_layout *ret_layout)
{
    size_t ranks[STAGES_MAX];
    int widths[STAGES_MAX];
    rank_nodes(view, ranks);
    for (size_t i = 0; i < view->node_count; i++)
        widths[i] = box_width(view, i, text_widths[i]);
    if (!fits(view, ranks, widths, columns_max))
        return false;
    struct graph_layout layout = {.view = view};
    for (size_t i = 0; i < view->node_count; i++) {
        (void)add_item(&layout,
                       (struct graph_item){.node = i, .rank = ranks[i], .width = widths[i]});
        if (ranks[i] + 1 > layout.rank_count)
            layout.rank_count = ranks[i] + 1;
    }
    for (size_t i = 0; i < view->net_count; i++)
        add_net(&layout, i, ranks);
    sort_items(&layout);
    sort_links(&layout);
    graph_order(&layout);
    graph_place(&layout, columns_max);
    graph_connect(&layout);
    *ret_layout = layout;
    return true;
}

void graph_layout_done(struct graph_layout *layout)
{
    free(layout->items);
    free(layout->links);
    free(layout->order);
    free(layout->first);
    free(layout->first_link);
    *layout = (struct graph_layout){0};
}
