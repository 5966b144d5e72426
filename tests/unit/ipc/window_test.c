/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "ipc/window.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static void push(struct window *w, seq_number first, seq_number last)
{
    struct buf bytes = {0};
    buf_add_format(&bytes, "%llu-%llu", (unsigned long long)first, (unsigned long long)last);
    window_push_take(w, &bytes, first, last, false);
    buf_done(&bytes);
}

/* All that would be sent now, as text: "1-3 4-9 ". Marks it as sent. */
static const char *send_all(struct window *w, struct buf *out)
{
    buf_reset(out);
    struct window_frame *frame;
    while ((frame = window_next(w)) != NULL) {
        buf_add(out, frame->bytes.data, frame->bytes.len);
        buf_add_byte(out, ' ');
        window_sent(w);
    }
    return buf_text(out);
}

static void frames_leave_with_their_last_ack(void **state)
{
    (void)state;
    struct window w;
    struct buf out = {0};
    window_init(&w, 0);
    push(&w, 1, 3);
    push(&w, 4, 9);
    push(&w, 10, 10);
    assert_string_equal(send_all(&w, &out), "1-3 4-9 10-10 ");
    window_ack(&w, 8); /* half of 4-9: it stays whole */
    assert_int_equal(w.count, 2);
    assert_int_equal(window_rewind(&w, 9), 0);
    assert_string_equal(send_all(&w, &out), "4-9 10-10 ");
    window_ack(&w, 3); /* a late one changes nothing */
    assert_int_equal(w.acked, 8);
    window_ack(&w, 10);
    assert_int_equal(w.count, 0);
    assert_int_equal(w.bytes, 0);
    buf_done(&out);
    window_done(&w);
}

static void a_peer_that_is_ahead_gets_nothing_twice(void **state)
{
    (void)state;
    struct window w;
    struct buf out = {0};
    window_init(&w, 100); /* restarted at 100; the peer has acked 250 and expects 301 */
    window_ack(&w, 250);
    assert_int_equal(window_rewind(&w, 301), 0);
    push(&w, 101, 200);
    assert_int_equal(w.count, 0); /* acked before it was made again */
    push(&w, 201, 300);
    assert_int_equal(w.count, 1);
    assert_int_equal(window_rewind(&w, 301), 0);
    assert_string_equal(send_all(&w, &out), "");
    push(&w, 301, 302);
    assert_string_equal(send_all(&w, &out), "301-302 ");
    /* The peer dies and comes back at what it acked. */
    assert_int_equal(window_rewind(&w, 251), 0);
    assert_string_equal(send_all(&w, &out), "201-300 301-302 ");
    buf_done(&out);
    window_done(&w);
}

static void what_is_gone_cannot_be_asked_for(void **state)
{
    (void)state;
    struct window w;
    window_init(&w, 0);
    assert_int_equal(window_rewind(&w, 1), 0);
    push(&w, 1, 5);
    push(&w, 6, 7);
    window_ack(&w, 5);
    assert_int_equal(window_rewind(&w, 5), ERR_PROTOCOL);
    assert_int_equal(window_rewind(&w, 6), 0);
    window_ack(&w, 7);
    assert_int_equal(window_rewind(&w, 7), ERR_PROTOCOL);
    assert_int_equal(window_rewind(&w, 8), 0);
    window_done(&w);
}

/* A seq whose first frames are gone cannot be asked for, though its last frame is there. */
static void a_seq_in_parts_is_held_whole_or_not_at_all(void **state)
{
    (void)state;
    struct window w;
    struct buf out = {0}, bytes = {0};
    window_init(&w, 0);
    buf_add_text(&bytes, "1-4a");
    window_push_take(&w, &bytes, 1, 4, true);
    buf_add_text(&bytes, "4b");
    window_push_take(&w, &bytes, 4, 4, true);
    assert_int_equal(w.pushed, 3);
    buf_add_text(&bytes, "4c-6");
    window_push_take(&w, &bytes, 4, 6, false);
    assert_int_equal(w.pushed, 6);
    assert_int_equal(window_rewind(&w, 4), 0);
    assert_string_equal(send_all(&w, &out), "1-4a 4b 4c-6 ");
    window_ack(&w, 3);
    assert_int_equal(window_rewind(&w, 4), 0);
    assert_string_equal(send_all(&w, &out), "1-4a 4b 4c-6 ");
    window_ack(&w, 4);
    assert_int_equal(w.count, 1);
    assert_int_equal(window_rewind(&w, 4), ERR_PROTOCOL);
    assert_int_equal(window_rewind(&w, 5), 0);
    assert_string_equal(send_all(&w, &out), "4c-6 ");
    buf_done(&bytes);
    buf_done(&out);
    window_done(&w);
}

/* Random frames, acks and rewinds: what can be sent is exactly what is not acked, in order. */
static void every_unacked_seq_is_held(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct window w;
        window_init(&w, random_below(50));
        seq_number pushed = w.pushed, acked = w.acked;
        for (int i = 0; i < 200; i++) {
            if (random_below(2) == 0) {
                seq_number last = pushed + 1 + random_below(20);
                push(&w, pushed + 1, last);
                pushed = last;
            } else if (pushed > acked) {
                acked += random_below(pushed - acked + 1);
                window_ack(&w, acked);
            }
            seq_number expected = acked + 1 + random_below(pushed - acked + 1);
            assert_int_equal(window_rewind(&w, expected), 0);
            size_t bytes = 0;
            for (size_t k = 0; k < w.count; k++)
                bytes += w.frames[(w.head + k) % w.capacity].bytes.len;
            assert_int_equal(bytes, w.bytes);
            const struct window_frame *next = window_next(&w);
            if (next == NULL) {
                assert_true(expected > pushed);
                continue;
            }
            assert_true(next->first <= expected && expected <= next->last);
        }
        window_done(&w);
    }
}

static void a_gap_between_frames_is_our_own_fault(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct window w;
        (void)close(STDERR_FILENO);
        window_init(&w, 0);
        push(&w, 2, 3);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(int argc, char **argv)
{
    random_init("window");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_leave_with_their_last_ack),
        cmocka_unit_test(a_peer_that_is_ahead_gets_nothing_twice),
        cmocka_unit_test(what_is_gone_cannot_be_asked_for),
        cmocka_unit_test(a_seq_in_parts_is_held_whole_or_not_at_all),
        cmocka_unit_test(every_unacked_seq_is_held),
        cmocka_unit_test(a_gap_between_frames_is_our_own_fault),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
