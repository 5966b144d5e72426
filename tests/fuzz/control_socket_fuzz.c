/* SPDX-License-Identifier: MIT */
/*
 * The control socket of a supervisor, from both ends. The server hands on what stands before the
 * first newline, if that comes within the bytes that a request may have, and nothing otherwise; it
 * closes what says more, less, or nothing, and goes on. The client takes any answer as it is.
 */
#include "tests/fuzz/binary.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>

#include "ipc/control.h"
#include "supervisor/client/control_client.h"
#include "supervisor/run/control_server_loop.h"

/* The parts of an input: choices, the request, and the answer. */
enum {
    CHOICE_CUT,   /* so many bytes of the request come first, and the others later */
    CHOICE_LEAVE, /* the client goes without waiting */
};

enum { PART_REQUEST = 1, PART_ANSWER };

static struct ev_loop *loop;
static struct control_server *server;

static struct fuzz_part answer_now;
static char asked[CONTROL_REQUEST_BYTES_MAX + 1];
static unsigned times_asked;

static void answer(void *context, const char *request, struct buf *ret_answer)
{
    (void)context;
    ALWAYS(strlen(request) < CONTROL_REQUEST_BYTES_MAX);
    (void)snprintf(asked, sizeof asked, "%s", request);
    times_asked++;
    buf_add(ret_answer, answer_now.bytes, answer_now.len);
}

static void add_seed(const char *request, const char *text)
{
    uint8_t choices[2] = {0};
    struct buf seed = {0};
    fuzz_add_part(&seed, choices, sizeof choices);
    fuzz_add_part(&seed, request, strlen(request));
    fuzz_add_part(&seed, text, strlen(text));
    fuzz_seed(&seed);
    buf_done(&seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    struct err e;
    loop = ev_loop_new(EVBACKEND_EPOLL);
    ALWAYS(loop != NULL);
    ALWAYS(control_server_new(loop, fuzz_directory(), answer, NULL, &server, &e) == 0);
    add_seed("status json\n", "ok\n{}\n");
    add_seed("kill parse.2\n", "error: stage 'parse.2' has no process now\n");
    char longest[CONTROL_REQUEST_BYTES_MAX + 1] = {0};
    memset(longest, 'k', CONTROL_REQUEST_BYTES_MAX);
    add_seed(longest, "ok\n");
    longest[CONTROL_REQUEST_BYTES_MAX - 1] = '\n';
    add_seed(longest, "ok\n");
    return 0;
}

static void turn(unsigned times)
{
    while (times-- > 0)
        (void)ev_run(loop, EVRUN_NOWAIT);
}

static void send_piece(int fd, const uint8_t *bytes, size_t len)
{
    /* The server may have closed it, after too much of it or what was a request. */
    if (len != 0)
        (void)send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    turn(2);
}

/* What came back until the server closed, which it has done by now. */
static void expect_answer(int fd, bool is_request)
{
    struct buf came = {0};
    for (;;) {
        ssize_t n = recv(fd, buf_reserve(&came, 65536), 65536, MSG_DONTWAIT);
        if (n < 0)
            ALWAYS(errno == EAGAIN || errno == ECONNRESET);
        if (n < 0 && errno == ECONNRESET) {
            buf_done(&came);
            return; /* it closed with bytes of ours that nobody wants */
        }
        if (n <= 0)
            break;
        came.len += (size_t)n;
        turn(1);
    }
    size_t expected = is_request ? answer_now.len : 0;
    ALWAYS(came.len == expected &&
           (expected == 0 || memcmp(came.data, answer_now.bytes, expected) == 0));
    buf_done(&came);
}

static void ask(const struct fuzz_parts *parts)
{
    struct fuzz_part choices = fuzz_part(parts, 0), request = fuzz_part(parts, PART_REQUEST);
    size_t cut = fuzz_u8(choices, CHOICE_CUT);
    cut = cut < request.len ? cut : request.len;
    int fd = control_client_connect(fuzz_directory_path);
    ALWAYS(fd >= 0);
    times_asked = 0;
    turn(1);
    send_piece(fd, request.bytes, cut);
    const uint8_t *newline = cut != 0 ? memchr(request.bytes, '\n', cut) : NULL;
    if (newline == NULL && cut < request.len)
        send_piece(fd, request.bytes + cut, request.len - cut);
    turn(3);
    if (newline == NULL && request.len != 0)
        newline = memchr(request.bytes, '\n', request.len);
    size_t read_at_once =
        newline != NULL && (size_t)(newline - request.bytes) < cut ? cut : request.len;
    bool is_request = newline != NULL && read_at_once <= CONTROL_REQUEST_BYTES_MAX;
    if (is_request) {
        size_t len = strnlen((const char *)request.bytes, (size_t)(newline - request.bytes));
        ALWAYS(times_asked == 1 && strlen(asked) == len && memcmp(asked, request.bytes, len) == 0);
    }
    ALWAYS(times_asked <= (newline != NULL ? 1 : 0));
    if (fuzz_u8(choices, CHOICE_LEAVE) % 2 == 0)
        expect_answer(fd, times_asked != 0);
    (void)close(fd);
    turn(2);
}

/* The client's end, with a server that says anything, and an end. */
static void hear(struct fuzz_part text)
{
    int pair[2];
    struct buf came = {0};
    if (text.len > 32768)
        return;
    ALWAYS(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    if (text.len != 0)
        ALWAYS(send(pair[1], text.bytes, text.len, 0) == (ssize_t)text.len);
    (void)shutdown(pair[1], SHUT_WR);
    ALWAYS(control_client_exchange(pair[0], "status", &came) == 0);
    ALWAYS(came.len == text.len && (came.len == 0 || memcmp(came.data, text.bytes, came.len) == 0));
    buf_done(&came);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    answer_now = fuzz_part(&parts, PART_ANSWER);
    ask(&parts);
    hear(answer_now);
    return 0;
}
