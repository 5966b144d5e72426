/* SPDX-License-Identifier: MIT */
/*
 * control.h - what the supervisor and a stage say to each other
 *
 * Over one inherited SOCK_SEQPACKET pair per stage process, so a message is whole or not there,
 * and EOF means that the other one is gone. Every message has the same fixed head and a text that
 * may be empty; which fields mean something depends on the kind. docs/protocol.md, "Control".
 */
#ifndef BULKHEAD_IPC_CONTROL_H
#define BULKHEAD_IPC_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* name, number, fields that mean something, meaning */
#define CONTROL_LIST(X)                                                                            \
    X(CTL_SUPERVISOR_LINK_LISTEN, 1, "edge serial from_generation to_generation",                  \
      "to the receiving end: listen for this link")                                                \
    X(CTL_SUPERVISOR_LINK_DIAL, 2,                                                                 \
      "edge serial from_generation to_generation acked expected furthest",                         \
      "to the sending end: connect; the peer has acked this and expects that, and who expects "    \
      "most of all behind this link expects the furthest")                                         \
    X(CTL_SUPERVISOR_LINK_UP, 3, "edge serial", "to the receiving end: the peer is connected")     \
    X(CTL_SUPERVISOR_LINK_CLOSE, 4, "edge serial", "the link is over")                             \
    X(CTL_SUPERVISOR_DRAIN, 5, "", "to the source: read no more, finish what is under way")        \
    X(CTL_SUPERVISOR_STOP, 6, "", "exit now; everything is safe or will be done again")            \
    X(CTL_SUPERVISOR_ASK_ALL, 7, "serial",                                                         \
      "to the source: say when all that there is was given out and is acked")                      \
    X(CTL_SUPERVISOR_SETTLE, 8, "",                                                                \
      "to a sink: what former lives have shown and did not come again will never come")            \
    X(CTL_SUPERVISOR_PING, 9, "serial", "say at once that you can be spoken to")                   \
    X(CTL_STAGE_READY, 20, "", "the stage is open and can be linked as a sender")                  \
    X(CTL_STAGE_POSITIONED, 21, "acked",                                                           \
      "it knows where it goes on, and can be linked as a "                                         \
      "receiver")                                                                                  \
    X(CTL_STAGE_LINK_LISTENING, 22, "edge serial acked expected",                                  \
      "the hello of the receiving end")                                                            \
    X(CTL_STAGE_LINK_DIALED, 23, "edge serial", "the hello of the sending end")                    \
    X(CTL_STAGE_LINK_FAILED, 24, "edge serial want text",                                          \
      "this link must be made anew; if it is for want of a resource, when there is some")          \
    X(CTL_STAGE_DONE, 25, "acked", "from the source: all input is read and acked")                 \
    X(CTL_STAGE_REFUSED, 26, "text", "the stage cannot go on, and a restart would not help")       \
    X(CTL_STAGE_PAUSED, 27, "want text",                                                           \
      "there is none of a resource; it tries again, or ends to be started again")                  \
    X(CTL_STAGE_RESUMED, 28, "",                                                                   \
      "there is some again, or it has committed for the first time in this life")                  \
    X(CTL_STAGE_UNREAD, 29, "text", "nobody reads its output, so it cannot go on")                 \
    X(CTL_STAGE_UNSETTLED, 30, "",                                                                 \
      "from a sink: former lives have shown more than was committed, and it may come again")       \
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
 * Returns: 0, ERR_AGAIN (none is there), ERR_END (the peer is gone), ERR_PROTOCOL, ERR_IO.
 */
int control_receive(int fd, struct control_message *ret_message, struct err *e);

/* Reads a message from bytes, which may hold anything. Returns 0 or ERR_PROTOCOL. */
int control_decode(const uint8_t *bytes, size_t len, struct control_message *ret_message,
                   struct err *e);

/* Writes a message; returns its length. bytes has room for CONTROL_BYTES_MAX. */
size_t control_encode(const struct control_message *message, uint8_t *bytes);

/* "CTL_STAGE_READY" and so on; for logs. */
const char *control_kind_name(enum control_kind kind);

#endif
