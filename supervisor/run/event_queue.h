/* SPDX-License-Identifier: MIT */
/*
 * event_queue.h - events that are waiting for the core, oldest first
 *
 * It is a ring of fixed size: its owner knows how many events can wait at once.
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_EVENT_QUEUE_H
#define BULKHEAD_SUPERVISOR_RUN_EVENT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"
#include "supervisor/core/core.h"

struct queued_event {
    struct core_event event;
    char text[ERR_TEXT_BYTES_MAX]; /* what event.text points to, if the event has a text */
};

struct event_queue {
    struct queued_event *items;
    size_t capacity;
    size_t first, count;
};

/* Prepares a queue with room for `capacity` events. Free it with event_queue_done(). */
void event_queue_init(struct event_queue *queue, size_t capacity);
void event_queue_done(struct event_queue *queue);

/*
 * Appends an event. Its text is copied, and cut to the length of an error. Its observations are not
 * copied; they must live until the event is taken.
 * Requires: there is room.
 */
void event_queue_add(struct event_queue *queue, const struct core_event *event);

/* Takes the oldest event. Returns false if there is none. */
bool event_queue_take(struct event_queue *queue, struct queued_event *ret_event);

#endif
