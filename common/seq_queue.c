/* SPDX-License-Identifier: MIT */
#include "common/seq_queue.h"

#include <stdlib.h>

#include "common/check.h"
#include "common/memory.h"

#define CAPACITY_FIRST 64

void seq_queue_done(struct seq_queue *q)
{
    free(q->items);
    *q = (struct seq_queue){.item_bytes = q->item_bytes};
}

/* At most half of the items move, after as many were added: on average one move for each item. */
void seq_queue_grow(struct seq_queue *q)
{
    REQUIRE(q->item_bytes >= sizeof(seq_number));
    if (q->first > q->capacity / 2) {
        memmove(q->items, seq_queue_at(q, 0), q->count * q->item_bytes);
        q->first = 0;
        return;
    }
    q->capacity = q->capacity != 0 ? 2 * q->capacity : CAPACITY_FIRST;
    q->items = memory_resize(q->items, q->capacity, q->item_bytes);
}

static seq_number seq_at(const struct seq_queue *q, size_t i)
{
    seq_number seq;
    memcpy(&seq, seq_queue_at(q, i), sizeof seq);
    return seq;
}

size_t seq_queue_until(const struct seq_queue *q, seq_number seq)
{
    size_t low = 0, high = q->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (seq_at(q, middle) <= seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void seq_queue_drop(struct seq_queue *q, size_t count)
{
    REQUIRE(count <= q->count);
    q->first += count;
    q->count -= count;
    if (q->count == 0)
        q->first = 0;
}
