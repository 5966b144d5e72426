/* SPDX-License-Identifier: MIT */
#include "supervisor/run/event_queue.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/memory.h"

void event_queue_init(struct event_queue *queue, size_t capacity)
{
    *queue = (struct event_queue){.items = memory_new(capacity, sizeof *queue->items),
                                  .capacity = capacity};
}

void event_queue_done(struct event_queue *queue)
{
    free(queue->items);
    *queue = (struct event_queue){0};
}

void event_queue_add(struct event_queue *queue, const struct core_event *event)
{
    REQUIRE(queue->count < queue->capacity);
    struct queued_event *item = &queue->items[(queue->first + queue->count) % queue->capacity];
    item->event = *event;
    if (event->text != NULL)
        (void)snprintf(item->text, sizeof item->text, "%s", event->text);
    queue->count++;
}

bool event_queue_take(struct event_queue *queue, struct queued_event *ret_event)
{
    if (queue->count == 0)
        return false;
    *ret_event = queue->items[queue->first];
    if (ret_event->event.text != NULL)
        ret_event->event.text = ret_event->text;
    queue->first = (queue->first + 1) % queue->capacity;
    queue->count--;
    return true;
}
