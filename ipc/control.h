/* SPDX-License-Identifier: MIT */
/*
 * control.h - what the supervisor and a stage say to each other
 *
 * They use one inherited SOCK_SEQPACKET pair for each stage process, so a message arrives whole or
 * not at all, and EOF means that the other end is gone. Every message has the same fixed head and a
 * text that may be empty. Which fields are used depends on the kind. docs/protocol.md, "Control".
 */
#ifndef BULKHEAD_IPC_CONTROL_H
#define BULKHEAD_IPC_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/*
 * name, number, fields that are used, meaning
 *
 * "acked" is everything that is safe at the receiving end, "expected" the seq that it needs next.
 * "furthest" is the highest next-expected seq of all stages downstream of the link.
 */
#define CONTROL_LIST(X)                                                                            \
    X(CTL_SUPERVISOR_LINK_LISTEN, 1, "edge serial from_generation to_generation",                  \
      "to the receiving end: listen for this link")                                                \
    X(CTL_SUPERVISOR_LINK_DIAL, 2,                                                                 \
      "edge serial from_generation to_generation acked expected furthest",                         \
      "to the sending end: connect; acked, expected and furthest are those of the other end")      \
    X(CTL_SUPERVISOR_LINK_UP, 3, "edge serial", "to the receiving end: the peer is connected")     \
    X(CTL_SUPERVISOR_LINK_CLOSE, 4, "edge serial", "close the link")                               \
    X(CTL_SUPERVISOR_DRAIN, 5, "", "to the source: read no more, finish what is in flight")        \
    X(CTL_SUPERVISOR_STOP, 6, "", "exit now; everything is safe or will be done again")            \
    X(CTL_SUPERVISOR_ASK_ALL, 7, "serial",                                                         \
      "to the source: report when all available input was emitted and is acked")                   \
    X(CTL_SUPERVISOR_SETTLE, 8, "",                                                                \
      "to a sink: output that earlier processes have shown and that did not come again will "      \
      "never come")                                                                                \
    X(CTL_SUPERVISOR_PING, 9, "serial", "answer at once")                                          \
    X(CTL_STAGE_READY, 20, "", "the stage is open and can be linked as a sender")                  \
    X(CTL_STAGE_POSITIONED, 21, "acked",                                                           \
      "the stage knows where it resumes and can be linked as a receiver")                          \
    X(CTL_STAGE_LINK_LISTENING, 22, "edge serial acked expected",                                  \
      "the hello of the receiving end")                                                            \
    X(CTL_STAGE_LINK_DIALED, 23, "edge serial", "the hello of the sending end")                    \
    X(CTL_STAGE_LINK_FAILED, 24, "edge serial want text",                                          \
      "this link must be re-established; if a resource is short, when it is available")            \
    X(CTL_STAGE_DONE, 25, "acked", "from the source: all input is read and acked")                 \
    X(CTL_STAGE_REFUSED, 26, "text", "the stage cannot continue, and a restart would not help")    \
    X(CTL_STAGE_PAUSED, 27, "want text",                                                           \
      "a resource is short; the stage retries, or ends to be restarted")                           \
    X(CTL_STAGE_RESUMED, 28, "",                                                                   \
      "the resource is available again, or this process has committed for the first time")         \
    X(CTL_STAGE_UNREAD, 29, "text", "its output has no reader, so it cannot continue")             \
    X(CTL_STAGE_UNSETTLED, 30, "",                                                                 \
      "from a sink: earlier processes have shown more than was committed; it may come again")      \
    X(CTL_STAGE_ALL_ACKED, 31, "serial acked", "from the source: the answer to ASK_ALL")           \
    X(CTL_STAGE_SETTLED, 32, "", "from a sink: the answer to SETTLE")                              \
    X(CTL_STAGE_PONG, 33, "serial", "the answer to PING")

enum control_kind {
#define X(name, number, fields, meaning) name = number,
    CONTROL_LIST(X)
#undef X
};

/*
 * The socket in a state directory on which `bulkhead status`, `kill` and `stop` talk to the
 * supervisor. docs/protocol.md, "Control socket".
 */
#define CONTROL_SOCKET_FILE "control.sock"
/* A request to it, with its newline. */
#define CONTROL_REQUEST_BYTES_MAX 256u

#define CONTROL_HEAD_BYTES 64u
#define CONTROL_TEXT_BYTES_MAX 767u
#define CONTROL_BYTES_MAX (CONTROL_HEAD_BYTES + CONTROL_TEXT_BYTES_MAX)

struct control_message {
    enum control_kind kind;
    enum want want;
    uint32_t edge;
    uint64_t serial;
    uint64_t from_generation;
    uint64_t to_generation;
    uint64_t acked;
    uint64_t expected;
    uint64_t furthest;
    char text[CONTROL_TEXT_BYTES_MAX + 1];
};

/*
 * Sends one message without blocking.
 * Returns: 0, ERR_AGAIN (the peer does not read), ERR_END (the peer is gone), ERR_IO.
 */
int control_send(int fd, const struct control_message *message, struct err *e);

/*
 * Receives one message without blocking.
 * Returns: 0, ERR_AGAIN (there is none), ERR_END (the peer is gone), ERR_PROTOCOL, ERR_IO.
 */
int control_receive(int fd, struct control_message *ret_message, struct err *e);

/* Reads a message from bytes, which may hold anything. Returns 0 or ERR_PROTOCOL. */
int control_decode(const uint8_t *bytes, size_t len, struct control_message *ret_message,
                   struct err *e);

/* Writes a message and returns its length. Requires: bytes has room for CONTROL_BYTES_MAX. */
size_t control_encode(const struct control_message *message, uint8_t *bytes);

/* The name of a kind for logs, such as "CTL_STAGE_READY". */
const char *control_kind_name(enum control_kind kind);

#endif
