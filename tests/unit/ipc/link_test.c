/* SPDX-License-Identifier: MIT */
/*
 * Both ends of a link in one process: what is promised of sending, receiving and closing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "ipc/link.h"
#include "tests/unit/cases.h"

/* nng reaps what was closed in a thread of its own, for which the end of the program does not wait.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libnng";
}

static char directory[64];
static int dir_fd;
static const struct link_id id = {.edge = 1, .from_generation = 2, .to_generation = 3, .serial = 4};

static void no_thread(const struct err *e)
{
    (void)fprintf(stderr, "%s\n", e->text);
    _exit(1);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "/tmp/bulkhead-link-XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err e;
    return link_start(no_thread, &e);
}

static int tear_down(void **state)
{
    (void)state;
    (void)close(dir_fd);
    return rmdir(directory); /* fails if a socket was left */
}

/*
 * After a test whose dialer connects again by itself: nng_close() may meet that in the wrong moment
 * and not come back. link_close() leaves it then, with its sockets, which a supervisor removes.
 */
static int tear_down_what_hangs(void **state)
{
    DIR *listing = opendir(directory);
    if (listing == NULL)
        return -1;
    for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
        (void)unlinkat(dirfd(listing), entry->d_name, 0); /* not "." and ".." */
    (void)closedir(listing);
    return tear_down(state);
}

static void wait_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 10000), 1);
}

/* Every link has a number of its own, as in the product. */
static void connect_ends(struct link **receiver, struct link **sender)
{
    static uint64_t serial = 1000;
    struct link_id numbered = id;
    numbered.serial = ++serial;
    struct err e;
    if (link_listen(dir_fd, &numbered, receiver, &e) != 0 ||
        link_dial(dir_fd, &numbered, sender, &e) != 0)
        fail_msg("%s", e.text);
}

static void frames_go_one_way_and_acks_the_other(void **state)
{
    (void)state;
    struct link *receiver, *sender;
    connect_ends(&receiver, &sender);
    struct err e;
    uint8_t *bytes;
    size_t len;
    assert_int_equal(link_receive(receiver, &bytes, &len, &e), ERR_AGAIN);
    wait_readable(link_send_fd(sender));
    assert_int_equal(link_send(sender, "frame", 5, &e), 0);
    wait_readable(link_receive_fd(receiver));
    assert_int_equal(link_receive(receiver, &bytes, &len, &e), 0);
    assert_int_equal(len, 5);
    assert_memory_equal(bytes, "frame", 5);
    link_free(bytes, len);
    wait_readable(link_send_fd(receiver));
    assert_int_equal(link_send(receiver, "ack", 3, &e), 0);
    wait_readable(link_receive_fd(sender));
    assert_int_equal(link_receive(sender, &bytes, &len, &e), 0);
    assert_int_equal(len, 3);
    link_free(bytes, len);
    link_close(sender);
    link_close(receiver);
}

/* A receiver that does not read stops its sender soon, and loses nothing that was sent. */
static void again_means_not_sent(void **state)
{
    (void)state;
    struct link *receiver, *sender;
    connect_ends(&receiver, &sender);
    struct err e;
    size_t frame_len = 100000;
    uint8_t *frame = memory_new(frame_len, 1);
    unsigned sent = 0;
    for (int idle = 0; idle < 50;) { /* AGAIN may only mean that a message is on its way */
        memcpy(frame, &sent, sizeof sent);
        int rc = link_send(sender, frame, frame_len, &e);
        assert_true(rc == 0 || rc == ERR_AGAIN);
        if (rc == 0) {
            sent++;
            idle = 0;
        } else {
            struct pollfd p = {.fd = link_send_fd(sender), .events = POLLIN};
            idle += poll(&p, 1, 10) == 0 ? 1 : 0;
        }
        assert_true(sent < 100);
    }
    for (unsigned i = 0; i < sent; i++) {
        uint8_t *bytes;
        size_t len;
        wait_readable(link_receive_fd(receiver));
        assert_int_equal(link_receive(receiver, &bytes, &len, &e), 0);
        unsigned number;
        memcpy(&number, bytes, sizeof number);
        assert_int_equal(number, i);
        link_free(bytes, len);
    }
    free(frame);
    link_close(sender);
    link_close(receiver);
}

static void nobody_to_dial_is_an_error_at_once(void **state)
{
    (void)state;
    struct link *sender;
    struct err e;
    assert_int_equal(link_dial(dir_fd, &id, &sender, &e), ERR_IO);
    assert_non_null(strstr(e.text, "link 1"));
}

/* It would be waited for without end; and who waits is seen to move. */
static void an_end_that_says_nothing_is_not_waited_for_without_end(void **state)
{
    (void)state;
    _Atomic uint64_t beats = 0;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    (void)snprintf(at.sun_path, sizeof at.sun_path, "%s/1-2-3-4.frames", directory);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    link_use_beats(&beats);
    struct link *sender;
    struct err e;
    assert_int_equal(link_dial(dir_fd, &id, &sender, &e), ERR_IO);
    link_use_beats(NULL);
    assert_string_equal(e.text, "cannot connect link 1 (number 4): Timed out");
    assert_true(atomic_load(&beats) > 10);
    assert_int_equal(unlink(at.sun_path), 0);
    (void)close(fd);
}

/* Waits until a link says that its other end is gone; what came before is received first. */
static void expect_lost(struct link *link, unsigned messages)
{
    for (;;) {
        link_lost_seen();
        uint8_t *bytes;
        size_t len;
        struct err e;
        int rc = link_receive(link, &bytes, &len, &e);
        if (rc == 0) {
            assert_true(messages > 0);
            messages--;
            link_free(bytes, len);
            continue;
        }
        if (rc == ERR_IO) {
            assert_non_null(strstr(e.text, "the other end is gone"));
            assert_int_equal(messages, 0);
            return;
        }
        assert_int_equal(rc, ERR_AGAIN);
        wait_readable(link_lost_fd());
    }
}

static void a_lost_end_is_noticed(void **state)
{
    (void)state;
    struct link *receiver, *sender;
    connect_ends(&receiver, &sender);
    link_close(receiver);
    expect_lost(sender, 0);
    link_close(sender);

    connect_ends(&receiver, &sender);
    link_close(sender);
    expect_lost(receiver, 0);
    link_close(receiver);
}

static void the_loss_of_one_link_is_not_that_of_another(void **state)
{
    (void)state;
    struct link *receiver, *sender, *other_receiver, *other_sender;
    connect_ends(&receiver, &sender);
    connect_ends(&other_receiver, &other_sender);
    for (int i = 0; i < 100; i++) {
        struct link *a, *b;
        connect_ends(&a, &b);
        link_close(a);
        expect_lost(b, 0);
        link_close(b);
    }
    link_close(other_sender);
    expect_lost(other_receiver, 0);
    link_close(other_receiver);
    struct err e;
    uint8_t *bytes;
    size_t len;
    assert_int_equal(link_receive(receiver, &bytes, &len, &e), ERR_AGAIN);
    assert_int_equal(link_receive(sender, &bytes, &len, &e), ERR_AGAIN);
    link_close(sender);
    link_close(receiver);
}

/* nng drops the connection, and would make a new one by itself: with a message lost for good. */
static void a_message_above_the_limit_ends_the_link(void **state)
{
    (void)state;
    struct link *receiver, *sender;
    connect_ends(&receiver, &sender);
    struct err e;
    size_t len = FRAME_BYTES_MAX + 1;
    uint8_t *big = memory_new(len, 1);
    wait_readable(link_send_fd(sender));
    assert_int_equal(link_send(sender, big, len, &e), 0);
    expect_lost(receiver, 0);
    expect_lost(sender, 0);
    free(big);
    link_close(sender);
    link_close(receiver);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
        TEST(frames_go_one_way_and_acks_the_other),
        TEST(again_means_not_sent),
        TEST(nobody_to_dial_is_an_error_at_once),
        TEST(a_lost_end_is_noticed),
        TEST(the_loss_of_one_link_is_not_that_of_another),
        cmocka_unit_test_setup_teardown(a_message_above_the_limit_ends_the_link, set_up,
                                        tear_down_what_hangs),
        /* Last: what it leaves to itself may take nng's threads from others for a while. */
        TEST(an_end_that_says_nothing_is_not_waited_for_without_end),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
