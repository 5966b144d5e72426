/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "supervisor/run/event_queue.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

/*
 * Compared with an array that is never full: adds and takes in any order, often until it is full.
 */
static void events_come_in_their_order(void **state)
{
    (void)state;
    enum { CAPACITY = 5, EVENTS = 2000 };
    struct event_queue queue;
    struct queued_event taken;
    uint64_t added = 0, seen = 0;
    event_queue_init(&queue, CAPACITY);
    while (seen < EVENTS) {
        if (added < EVENTS && queue.count < CAPACITY && random_below(2) == 0) {
            char text[32];
            (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)added);
            struct core_event event = {.now_ms = added, .text = added % 3 != 0 ? text : NULL};
            event_queue_add(&queue, &event);
            memset(text, 'x', sizeof text); /* the queue has its own copy */
            added++;
        } else if (random_below(2) == 0) {
            assert_int_equal(event_queue_take(&queue, &taken), seen < added);
            if (seen == added)
                continue;
            assert_int_equal(taken.event.now_ms, seen);
            if (seen % 3 != 0) {
                char text[32];
                (void)snprintf(text, sizeof text, "event %llu", (unsigned long long)seen);
                assert_ptr_equal(taken.event.text, taken.text);
                assert_string_equal(taken.event.text, text);
            } else {
                assert_null(taken.event.text);
            }
            seen++;
        }
    }
    event_queue_done(&queue);
}

static void a_long_text_is_cut(void **state)
{
    (void)state;
    static char text[ERR_TEXT_BYTES_MAX + 10];
    memset(text, 'x', sizeof text - 1);
    struct event_queue queue;
    struct queued_event taken;
    event_queue_init(&queue, 1);
    for (unsigned i = 0; i < 3; i++) {
        event_queue_add(&queue, &(struct core_event){.text = text});
        assert_true(event_queue_take(&queue, &taken));
        assert_int_equal(strlen(taken.event.text), ERR_TEXT_BYTES_MAX - 1);
        assert_false(event_queue_take(&queue, &taken));
    }
    event_queue_done(&queue);
}

int main(int argc, char **argv)
{
    random_init("event_queue_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_in_their_order),
        cmocka_unit_test(a_long_text_is_cut),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
