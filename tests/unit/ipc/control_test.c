/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/control.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

static struct control_message sample(void)
{
    struct control_message m = {.kind = CTL_STAGE_LINK_FAILED,
                                .edge = 3,
                                .serial = 1000000007,
                                .from_generation = 2,
                                .to_generation = 9,
                                .acked = 40,
                                .expected = 57,
                                .want = WANT_INODES};
    (void)snprintf(m.text, sizeof m.text, "why it failed");
    return m;
}

static void messages_cross_a_channel(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    struct control_message sent = sample(), got;
    struct err e;
    assert_int_equal(control_receive(pair[1], &got, &e), ERR_AGAIN);
    assert_int_equal(control_send(pair[0], &sent, &e), 0);
    memset(sent.text, 'x', CONTROL_TEXT_BYTES_MAX); /* the longest there can be */
    assert_int_equal(control_send(pair[0], &sent, &e), 0);
    assert_int_equal(control_receive(pair[1], &got, &e), 0);
    assert_string_equal(got.text, "why it failed");
    assert_int_equal(got.kind, sent.kind);
    assert_int_equal(got.edge, sent.edge);
    assert_int_equal(got.want, WANT_INODES);
    assert_true(got.serial == sent.serial && got.acked == 40 && got.expected == 57);
    assert_true(got.from_generation == 2 && got.to_generation == 9);
    assert_int_equal(control_receive(pair[1], &got, &e), 0);
    assert_string_equal(got.text, sent.text);
    (void)close(pair[0]);
    assert_int_equal(control_receive(pair[1], &got, &e), ERR_END);
    assert_int_equal(control_send(pair[1], &sent, &e), ERR_END);
    (void)close(pair[1]);
}

static void a_peer_that_does_not_read_is_told_from_one_that_is_gone(void **state)
{
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    struct control_message m = sample();
    struct err e;
    int rc;
    while ((rc = control_send(pair[0], &m, &e)) == 0) {
    }
    assert_int_equal(rc, ERR_AGAIN);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[CONTROL_BYTES_MAX + 8];
    struct control_message m = sample(), got;
    struct err e;
    size_t len = control_encode(&m, bytes);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(control_decode(bytes, cut, &got, &e), ERR_PROTOCOL);
    assert_int_equal(control_decode(bytes, len + 1, &got, &e), ERR_PROTOCOL);
    bytes[6] = 200; /* a kind that nobody knows */
    assert_int_equal(control_decode(bytes, len, &got, &e), ERR_PROTOCOL);
    (void)control_encode(&m, bytes);
    bytes[14] = WANT_COUNT; /* a resource that nobody knows */
    assert_int_equal(control_decode(bytes, len, &got, &e), ERR_PROTOCOL);
    (void)control_encode(&m, bytes);
    bytes[CONTROL_HEAD_BYTES + 3] = '\0'; /* what stands behind it would be lost */
    assert_int_equal(control_decode(bytes, len, &got, &e), ERR_PROTOCOL);
    for (int round = 0; round < 20000; round++) {
        len = random_below(sizeof bytes);
        for (size_t i = 0; i < len; i++)
            bytes[i] = (uint8_t)random_below(256);
        if (random_below(2) != 0 && len >= 8) { /* with a good beginning */
            (void)control_encode(&m, bytes);
            bytes[random_below(CONTROL_HEAD_BYTES)] = (uint8_t)random_below(256);
        }
        int rc = control_decode(bytes, len, &got, &e);
        assert_true(rc == 0 || rc == ERR_PROTOCOL);
        if (rc == 0)
            assert_true(strlen(got.text) <= CONTROL_TEXT_BYTES_MAX);
    }
}

int main(int argc, char **argv)
{
    random_init("control");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_cross_a_channel),
        cmocka_unit_test(a_peer_that_does_not_read_is_told_from_one_that_is_gone),
        cmocka_unit_test(anything_else_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
