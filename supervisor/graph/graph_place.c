/* SPDX-License-Identifier: MIT */
/*
 * The columns of items and line ends.
 *
 * A rank is placed as near as possible, by least squares, to where its neighbours want its items,
 * keeping its order and the gaps between the items. (If the width of all items to the left is
 * subtracted from an item's column, these columns must not decrease: the pool adjacent violators
 * algorithm finds the best such columns.) This is repeated a few times, down and up.
 */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"
#include "supervisor/graph/graph_layout_p.h"

#define PASSES 10
/* Straight lanes are worth more than centred boxes. */
#define LANE_WEIGHT 16.0
#define BOX_WEIGHT 1.0

/* Places the outputs of a box side by side, ordered by how far to the left their ends are. */
static void place_ports(struct graph_layout *l, const size_t *position, size_t item)
{
    size_t *nets = memory_new(l->view->net_count + 1, sizeof *nets), count = 0;
    double *means = memory_new(l->view->net_count + 1, sizeof *means);
    size_t rank = l->items[item].rank;
    int used = 0;
    const struct graph_net *all = l->view->nets;
    for (size_t i = l->first_link[rank]; i < l->first_link[rank + 1];) {
        size_t net = l->links[i].net, ends = 0, k = i;
        double sum = 0;
        for (; k < l->first_link[rank + 1] && l->links[k].net == net; k++, ends++)
            sum += (double)position[l->links[k].lower];
        if (l->links[i].upper == item) {
            double mean = sum / (double)ends;
            size_t at = count++;
            for (; at > 0 && means[at - 1] > mean; at--) {
                nets[at] = nets[at - 1];
                means[at] = means[at - 1];
            }
            nets[at] = net;
            means[at] = mean;
            int label = (int)strlen(all[net].label);
            used += label != 0 ? label + 3 : 3;
        }
        i = k;
    }
    int inner = l->items[item].width - 2;
    int column = count == 1 ? 1 + inner / 2 : 2 + (inner - used) / 2;
    for (size_t n = 0; n < count; n++) {
        for (size_t i = l->first_link[rank]; i < l->first_link[rank + 1]; i++) {
            if (l->links[i].upper == item && l->links[i].net == nets[n])
                l->links[i].port = column;
        }
        int label = (int)strlen(all[nets[n]].label);
        column += label != 0 ? label + 3 : 3;
    }
    free(means);
    free(nets);
}

/* Where lines should enter an item, counted from its left. */
static double entry_of(const struct graph_item *item)
{
    return item->node == GRAPH_LANE ? 0 : 1 + (item->width - 2) / 2;
}

/* The left column where an item's neighbours want it; its present one if it has none. */
static double wanted_left(const struct graph_layout *l, size_t number, bool above, bool below)
{
    const struct graph_item *item = &l->items[number];
    double sum = 0;
    size_t count = 0;
    /* The only bend of a line is where it begins. */
    above &= !below || item->node != GRAPH_LANE;
    for (size_t i = l->first_link[item->rank > 0 ? item->rank - 1 : 0];
         i < l->first_link[item->rank + 1]; i++) {
        const struct graph_link *link = &l->links[i];
        const struct graph_item *upper = &l->items[link->upper], *lower = &l->items[link->lower];
        if (above && link->lower == number)
            sum += upper->left + link->port - entry_of(item);
        else if (below && link->upper == number)
            sum += lower->left + entry_of(lower) - link->port;
        else
            continue;
        count++;
    }
    return count != 0 ? sum / (double)count : item->left;
}

struct pool {
    double mean, weight;
    size_t count;
};

static void place_rank(struct graph_layout *l, size_t rank, bool above, bool below, int columns_max)
{
    size_t first = l->first[rank], count = l->first[rank + 1] - first, pools = 0;
    struct pool *pool = memory_new(count + 1, sizeof *pool);
    int taken = 0;
    for (size_t i = 0; i < count; i++) {
        size_t item = l->order[first + i];
        double weight = l->items[item].node == GRAPH_LANE ? LANE_WEIGHT : BOX_WEIGHT;
        pool[pools++] = (struct pool){wanted_left(l, item, above, below) - taken, weight, 1};
        while (pools > 1 && pool[pools - 2].mean > pool[pools - 1].mean) {
            struct pool *a = &pool[pools - 2], *b = &pool[pools - 1];
            a->mean = (a->mean * a->weight + b->mean * b->weight) / (a->weight + b->weight);
            a->weight += b->weight;
            a->count += b->count;
            pools--;
        }
        taken += l->items[item].width + GRAPH_GAP;
    }
    int most = columns_max - (taken - GRAPH_GAP);
    INVARIANT(count == 0 || most >= 0);
    size_t i = first;
    taken = 0;
    for (size_t p = 0; p < pools; p++) {
        double bounded = pool[p].mean < 0 ? 0 : pool[p].mean > most ? most : pool[p].mean;
        for (size_t k = 0; k < pool[p].count; k++, i++) {
            struct graph_item *item = &l->items[l->order[i]];
            item->left = (int)(bounded + 0.5) + taken;
            taken += item->width + GRAPH_GAP;
        }
    }
    free(pool);
}

void graph_place(struct graph_layout *layout, int columns_max)
{
    size_t *position = memory_new(layout->item_count + 1, sizeof *position);
    for (size_t r = 0; r < layout->rank_count; r++) {
        for (size_t i = layout->first[r]; i < layout->first[r + 1]; i++)
            position[layout->order[i]] = i - layout->first[r];
    }
    for (size_t i = 0; i < layout->item_count; i++) {
        struct graph_item *item = &layout->items[i];
        /* Away from the edge, so that items below can move to the left. */
        item->left = columns_max / 2 - item->width / 2;
        if (item->node != GRAPH_LANE)
            place_ports(layout, position, i);
    }
    free(position);
    for (size_t r = 0; r < layout->rank_count; r++)
        place_rank(layout, r, true, false, columns_max);
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < layout->rank_count; i++) {
            bool down = pass % 2 == 0;
            size_t rank = down ? i : layout->rank_count - 1 - i;
            bool both = pass >= PASSES / 2;
            place_rank(layout, rank, down || both, !down || both, columns_max);
        }
    }
    int least = columns_max;
    for (size_t i = 0; i < layout->item_count; i++)
        least = layout->items[i].left < least ? layout->items[i].left : least;
    for (size_t i = 0; i < layout->item_count; i++) {
        struct graph_item *item = &layout->items[i];
        item->left -= least;
        if (item->left + item->width > layout->columns)
            layout->columns = item->left + item->width;
    }
}

/* --- the ends of the lines --- */

/* Whether a line of another output leaves the rank above in this column. */
static bool is_foreign(const struct graph_layout *l, size_t rank, int column, size_t net)
{
    for (size_t i = l->first_link[rank - 1]; i < l->first_link[rank]; i++) {
        if (l->links[i].from == column && l->links[i].net != net)
            return true;
    }
    return false;
}

static void connect_lane(struct graph_layout *l, struct graph_item *lane, struct graph_link *link)
{
    bool beside = link->from == lane->left + 1 ||
                  (link->from != lane->left && is_foreign(l, lane->rank, lane->left, link->net));
    link->to = lane->column = lane->left + (beside ? 1 : 0);
}

struct entry {
    struct graph_link *link;
    double wanted;
};

/* The cost of ending a line in a column; negative if it cannot end there. */
static double cost_of(const struct graph_layout *l, const struct graph_item *box,
                      const struct entry *entry, int offset)
{
    int column = box->left + 1 + offset;
    if (is_foreign(l, box->rank, column, entry->link->net))
        return -1;
    if (entry->link->from == column)
        return 0;
    double away = column - entry->wanted;
    return 1 + (away < 0 ? -away : away);
}

/*
 * Chooses columns for the ends of `count` lines, from left to right and with at least one column
 * between them, at the least total cost. least[i][c] is the least cost of the first i lines within
 * the first c columns.
 */
static void connect_entries(const struct graph_layout *l, const struct graph_item *box,
                            const struct entry *entries, size_t count)
{
    size_t inner = (size_t)box->width - 2, row = inner + 2;
    const double never = 1e9;
    double *least = memory_new((count + 1) * row, sizeof *least);
    for (size_t i = 1; i <= count; i++) {
        least[i * row] = least[i * row + 1] = never;
        for (size_t c = 0; c < inner; c++) {
            double cost = cost_of(l, box, &entries[i - 1], (int)c);
            /* The entry for n columns is at n + 1; the line before is in the first c - 1. */
            double with = cost >= 0 ? least[(i - 1) * row + c] + cost : never;
            double without = least[i * row + c + 1];
            least[i * row + c + 2] = with < without ? with : without;
        }
    }
    size_t c = inner;
    for (size_t i = count; i > 0; i--) {
        while (c > 0 && least[i * row + c] <= least[i * row + c + 1])
            c--;
        INVARIANT(c > 0);
        entries[i - 1].link->to = box->left + (int)c;
        c = c > 2 ? c - 2 : 0;
    }
    free(least);
}

static void connect_box(struct graph_layout *l, size_t number)
{
    const struct graph_item *box = &l->items[number];
    size_t count = 0;
    struct entry *entries = memory_new(l->link_count + 1, sizeof *entries);
    for (size_t i = l->first_link[box->rank - 1]; i < l->first_link[box->rank]; i++) {
        if (l->links[i].lower != number)
            continue;
        size_t at = count++;
        for (; at > 0 && entries[at - 1].link->from > l->links[i].from; at--)
            entries[at] = entries[at - 1];
        entries[at].link = &l->links[i];
    }
    double step = (double)(box->width - 2) / (double)(count + 1);
    for (size_t i = 0; i < count; i++)
        entries[i].wanted = box->left + (double)(i + 1) * step;
    connect_entries(l, box, entries, count);
    free(entries);
}

void graph_connect(struct graph_layout *layout)
{
    for (size_t r = 0; r < layout->rank_count; r++) {
        for (size_t i = layout->first_link[r]; i < layout->first_link[r + 1]; i++) {
            struct graph_link *link = &layout->links[i];
            const struct graph_item *upper = &layout->items[link->upper];
            link->from = upper->node == GRAPH_LANE ? upper->column : upper->left + link->port;
        }
        for (size_t i = layout->first_link[r]; i < layout->first_link[r + 1]; i++) {
            struct graph_item *lower = &layout->items[layout->links[i].lower];
            if (lower->node == GRAPH_LANE)
                connect_lane(layout, lower, &layout->links[i]);
        }
        for (size_t i = 0; i < layout->item_count && r > 0; i++) {
            const struct graph_item *item = &layout->items[i];
            if (item->rank == r && item->node != GRAPH_LANE)
                connect_box(layout, i);
        }
    }
}
