/* SPDX-License-Identifier: MIT */
/*
 * The order of the items in their ranks. Each item is moved to the mean of its neighbours, rank by
 * rank, down and up; then adjacent items of a rank are swapped where that saves crossings. The best
 * order found is kept.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "supervisor/graph/graph_layout_p.h"

#define SWEEPS 12

struct ordering {
    struct graph_layout *layout;
    size_t *position; /* the position of each item in its rank */
    double *key;      /* the sort key of each item */
};

static void number(struct ordering *o, size_t rank)
{
    const struct graph_layout *l = o->layout;
    for (size_t i = l->first[rank]; i < l->first[rank + 1]; i++)
        o->position[l->order[i]] = i - l->first[rank];
}

/* Whether two lines between the same ranks cross. */
static bool crosses(const struct ordering *o, const struct graph_link *a,
                    const struct graph_link *b)
{
    size_t au = o->position[a->upper], bu = o->position[b->upper];
    size_t al = o->position[a->lower], bl = o->position[b->lower];
    return (au < bu && al > bl) || (au > bu && al < bl);
}

static size_t count_crossings(const struct ordering *o)
{
    const struct graph_layout *l = o->layout;
    size_t count = 0;
    for (size_t r = 0; r < l->rank_count; r++) {
        for (size_t i = l->first_link[r]; i < l->first_link[r + 1]; i++) {
            for (size_t k = i + 1; k < l->first_link[r + 1]; k++)
                count += crosses(o, &l->links[i], &l->links[k]);
        }
    }
    return count;
}

/* Sorts a rank by the positions of the neighbours above (or below). The sort is stable. */
static void sort_rank(struct ordering *o, size_t rank, bool above)
{
    struct graph_layout *l = o->layout;
    for (size_t i = l->first[rank]; i < l->first[rank + 1]; i++) {
        size_t item = l->order[i], count = 0;
        double sum = 0;
        size_t upper = above ? rank - 1 : rank;
        for (size_t k = l->first_link[upper]; k < l->first_link[upper + 1]; k++) {
            const struct graph_link *link = &l->links[k];
            if ((above ? link->lower : link->upper) == item) {
                sum += (double)o->position[above ? link->upper : link->lower];
                count++;
            }
        }
        o->key[item] = count != 0 ? sum / (double)count : (double)o->position[item];
    }
    for (size_t i = l->first[rank] + 1; i < l->first[rank + 1]; i++) {
        size_t item = l->order[i], k = i;
        for (; k > l->first[rank] && o->key[l->order[k - 1]] > o->key[item]; k--)
            l->order[k] = l->order[k - 1];
        l->order[k] = item;
    }
    number(o, rank);
}

/* How often the lines of two items cross each other. */
static size_t crossings_of(const struct ordering *o, size_t a, size_t b)
{
    const struct graph_layout *l = o->layout;
    size_t rank = l->items[a].rank, count = 0;
    size_t first = l->first_link[rank > 0 ? rank - 1 : 0], end = l->first_link[rank + 1];
    for (size_t i = first; i < end; i++) {
        const struct graph_link *one = &l->links[i];
        if (one->upper != a && one->lower != a)
            continue;
        for (size_t k = first; k < end; k++) {
            const struct graph_link *other = &l->links[k];
            if ((one->upper == a && other->upper == b) || (one->lower == a && other->lower == b))
                count += crosses(o, one, other);
        }
    }
    return count;
}

/* Swaps adjacent items where that saves crossings. Returns whether any were swapped. */
static bool exchange(struct ordering *o, size_t rank)
{
    struct graph_layout *l = o->layout;
    bool changed = false;
    for (size_t i = l->first[rank]; i + 1 < l->first[rank + 1]; i++) {
        size_t a = l->order[i], b = l->order[i + 1];
        size_t before = crossings_of(o, a, b);
        if (before == 0)
            continue;
        l->order[i] = b;
        l->order[i + 1] = a;
        number(o, rank);
        if (crossings_of(o, a, b) < before) {
            changed = true;
            continue;
        }
        l->order[i] = a;
        l->order[i + 1] = b;
        number(o, rank);
    }
    return changed;
}

static void sweep(struct ordering *o, bool down)
{
    size_t ranks = o->layout->rank_count;
    for (size_t i = 1; i < ranks; i++)
        sort_rank(o, down ? i : ranks - 1 - i, down);
    bool changed = true;
    for (int turn = 0; changed && turn < SWEEPS; turn++) {
        changed = false;
        for (size_t r = 0; r < ranks; r++)
            changed |= exchange(o, r);
    }
}

void graph_order(struct graph_layout *layout)
{
    size_t count = layout->item_count;
    struct ordering o = {.layout = layout,
                         .position = memory_new(count + 1, sizeof *o.position),
                         .key = memory_new(count + 1, sizeof *o.key)};
    size_t *best = memory_new(count + 1, sizeof *best);
    for (size_t r = 0; r < layout->rank_count; r++)
        number(&o, r);
    memcpy(best, layout->order, count * sizeof *best);
    size_t fewest = count_crossings(&o);
    for (int i = 0; i < SWEEPS && fewest > 0; i++) {
        sweep(&o, i % 2 == 0);
        size_t now = count_crossings(&o);
        if (now < fewest) {
            fewest = now;
            memcpy(best, layout->order, count * sizeof *best);
        }
    }
    memcpy(layout->order, best, count * sizeof *best);
    free(best);
    free(o.key);
    free(o.position);
}
