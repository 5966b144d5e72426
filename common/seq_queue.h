/* SPDX-License-Identifier: MIT */
/*
 * seq_queue.h - notes about seqs until these are committed or acked
 *
 * A queue of items of one size, each of which begins with its seq. Items are added at the end with
 * rising seqs and removed from the front. Adding an item may move the others: keep no pointers.
 *
 *     struct mark {
 *         seq_number seq;
 *         uint64_t end;
 *     };
 *     struct seq_queue marks = {.item_bytes = sizeof(struct mark)};   an empty, valid queue
 */
#ifndef BULKHEAD_COMMON_SEQ_QUEUE_H
#define BULKHEAD_COMMON_SEQ_QUEUE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/value.h"

struct seq_queue {
    uint8_t *items;
    size_t item_bytes;
    size_t first, count, capacity; /* in items */
};

/* Frees the memory; the queue is then empty and usable again. */
void seq_queue_done(struct seq_queue *q);

/* Makes room for one more item. */
void seq_queue_grow(struct seq_queue *q);

/* The item at index i, counted from the front. Requires: i < q->count. */
static inline void *seq_queue_at(const struct seq_queue *q, size_t i)
{
    return q->items + (q->first + i) * q->item_bytes;
}

/* The item that was added last; NULL if there is none. */
static inline void *seq_queue_last(const struct seq_queue *q)
{
    return q->count != 0 ? seq_queue_at(q, q->count - 1) : NULL;
}

/*
 * Adds an item and returns it, with only its seq set. Inline, because stages call it for every
 * record. Requires: no item has a higher seq.
 */
static inline void *seq_queue_add(struct seq_queue *q, seq_number seq)
{
    if (__builtin_expect(q->first + q->count == q->capacity, 0))
        seq_queue_grow(q);
    void *item = seq_queue_at(q, q->count++);
    memcpy(item, &seq, sizeof seq);
    return item;
}

/* How many items have this seq or a lower one. */
size_t seq_queue_until(const struct seq_queue *q, seq_number seq);

/* Removes items from the front. Requires: count <= q->count. */
void seq_queue_drop(struct seq_queue *q, size_t count);

#endif
