/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor and a stage say to each other. A message that is refused has a reason; one that is
 * taken, written again, is the same to the byte; and over a channel it is the same as out of memory,
 * however long it is.
 */
#include "tests/fuzz/binary.h"

#include <sys/socket.h>

#include "ipc/control.h"

/* The parts of an input: nothing, and a message. */
enum { PART_MESSAGE = 1 };

static int channel[2];

static void add_message(enum control_kind kind, const char *text)
{
    struct control_message m = {.kind = kind, .edge = 3, .serial = 7, .acked = 40, .expected = 41};
    m.want = text[0] != '\0' ? WANT_INODES : WANT_NOTHING;
    (void)snprintf(m.text, sizeof m.text, "%s", text);
    uint8_t bytes[CONTROL_BYTES_MAX];
    struct buf seed = {0};
    fuzz_add_part(&seed, NULL, 0);
    fuzz_add_part(&seed, bytes, control_encode(&m, bytes));
    fuzz_seed(&seed);
    buf_done(&seed);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ALWAYS(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel) == 0);
    add_message(CTL_SUPERVISOR_LINK_DIAL, "");
    add_message(CTL_STAGE_REFUSED, "what does not verify");
    char longest[CONTROL_TEXT_BYTES_MAX + 1] = {0};
    memset(longest, 'x', sizeof longest - 1);
    add_message(CTL_STAGE_PAUSED, longest);
    return 0;
}

/* The same over a channel; an empty packet would be the end of it. */
static void send_it(const uint8_t *bytes, size_t len, int expected)
{
    struct control_message got;
    struct err e = {0};
    if (len == 0 || len > 4 * CONTROL_BYTES_MAX)
        return;
    ALWAYS(send(channel[0], bytes, len, MSG_DONTWAIT) == (ssize_t)len);
    ALWAYS(control_receive(channel[1], &got, &e) == expected);
    ALWAYS(control_receive(channel[1], &got, &e) == ERR_AGAIN);
}

static void try_message(const uint8_t *bytes, size_t len)
{
    struct control_message m;
    struct err e = {0};
    fuzz_memory_begin();
    int rc = control_decode(bytes, len, &m, &e);
    fuzz_memory_end(0);
    send_it(bytes, len, rc);
    if (rc != 0) {
        ALWAYS_REASON(rc, &e);
        ALWAYS(rc == ERR_PROTOCOL);
        return;
    }
    uint8_t again[CONTROL_BYTES_MAX];
    ALWAYS(strcmp(control_kind_name(m.kind), "unknown") != 0 && m.want < WANT_COUNT);
    ALWAYS(control_encode(&m, again) == len && memcmp(again, bytes, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_parts parts = fuzz_split(data, size);
    struct fuzz_part content = fuzz_part(&parts, PART_MESSAGE);
    uint8_t *bytes = malloc(content.len != 0 ? content.len : 1);
    if (content.len != 0)
        memcpy(bytes, content.bytes, content.len);
    try_message(bytes, content.len);
    free(bytes);
    return 0;
}
