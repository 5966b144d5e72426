/* SPDX-License-Identifier: MIT */
#include "ipc/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/check.h"

#define CONTROL_MAGIC 0x54434842u /* "BHCT" */
#define CONTROL_VERSION 3u

enum {
    AT_MAGIC = 0,
    AT_VERSION = 4,
    AT_KIND = 6,
    AT_EDGE = 8,
    AT_TEXT_LEN = 12,
    AT_WANT = 14,
    AT_SERIAL = 16,
    AT_FROM_GENERATION = 24,
    AT_TO_GENERATION = 32,
    AT_ACKED = 40,
    AT_EXPECTED = 48,
    AT_FURTHEST = 56,
};

const char *control_kind_name(enum control_kind kind)
{
    switch (kind) {
#define X(name, number, fields, meaning)                                                           \
    case name:                                                                                     \
        return #name;
        CONTROL_LIST(X)
#undef X
    }
    return "unknown";
}

static int kind_is_known(uint16_t kind)
{
    switch (kind) {
#define X(name, number, fields, meaning) case number:
        CONTROL_LIST(X)
#undef X
        return 1;
    default:
        return 0;
    }
}

size_t control_encode(const struct control_message *message, uint8_t *bytes)
{
    size_t text_len = strlen(message->text);
    REQUIRE(text_len <= CONTROL_TEXT_BYTES_MAX);
    memset(bytes, 0, CONTROL_HEAD_BYTES);
    bytes_put_u32(bytes + AT_MAGIC, CONTROL_MAGIC);
    bytes_put_u16(bytes + AT_VERSION, CONTROL_VERSION);
    bytes_put_u16(bytes + AT_KIND, (uint16_t)message->kind);
    bytes_put_u32(bytes + AT_EDGE, message->edge);
    bytes_put_u16(bytes + AT_TEXT_LEN, (uint16_t)text_len);
    bytes_put_u16(bytes + AT_WANT, (uint16_t)message->want);
    bytes_put_u64(bytes + AT_SERIAL, message->serial);
    bytes_put_u64(bytes + AT_FROM_GENERATION, message->from_generation);
    bytes_put_u64(bytes + AT_TO_GENERATION, message->to_generation);
    bytes_put_u64(bytes + AT_ACKED, message->acked);
    bytes_put_u64(bytes + AT_EXPECTED, message->expected);
    bytes_put_u64(bytes + AT_FURTHEST, message->furthest);
    memcpy(bytes + CONTROL_HEAD_BYTES, message->text, text_len);
    return CONTROL_HEAD_BYTES + text_len;
}

int control_decode(const uint8_t *bytes, size_t len, struct control_message *ret_message,
                   struct err *e)
{
    if (len < CONTROL_HEAD_BYTES || len > CONTROL_BYTES_MAX ||
        bytes_get_u32(bytes + AT_MAGIC) != CONTROL_MAGIC ||
        bytes_get_u16(bytes + AT_VERSION) != CONTROL_VERSION)
        return err_set(e, ERR_PROTOCOL, "a control message of unknown form");
    uint16_t kind = bytes_get_u16(bytes + AT_KIND);
    uint16_t want = bytes_get_u16(bytes + AT_WANT);
    size_t text_len = bytes_get_u16(bytes + AT_TEXT_LEN);
    if (!kind_is_known(kind) || want >= WANT_COUNT || text_len != len - CONTROL_HEAD_BYTES)
        return err_set(e, ERR_PROTOCOL, "a control message of kind %u and %zu bytes", kind, len);
    if (memchr(bytes + CONTROL_HEAD_BYTES, '\0', text_len) != NULL)
        return err_set(e, ERR_PROTOCOL, "a control message with a NUL in its text");
    *ret_message =
        (struct control_message){.kind = (enum control_kind)kind,
                                 .want = (enum want)want,
                                 .edge = bytes_get_u32(bytes + AT_EDGE),
                                 .serial = bytes_get_u64(bytes + AT_SERIAL),
                                 .from_generation = bytes_get_u64(bytes + AT_FROM_GENERATION),
                                 .to_generation = bytes_get_u64(bytes + AT_TO_GENERATION),
                                 .acked = bytes_get_u64(bytes + AT_ACKED),
                                 .expected = bytes_get_u64(bytes + AT_EXPECTED),
                                 .furthest = bytes_get_u64(bytes + AT_FURTHEST)};
    memcpy(ret_message->text, bytes + CONTROL_HEAD_BYTES, text_len);
    return 0;
}

int control_send(int fd, const struct control_message *message, struct err *e)
{
    uint8_t bytes[CONTROL_BYTES_MAX];
    size_t len = control_encode(message, bytes);
    ssize_t n;
    do {
        n = send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len)
        return 0;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ERR_AGAIN;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        return ERR_END;
    return err_set_errno(e, "cannot send %s", control_kind_name(message->kind));
}

int control_receive(int fd, struct control_message *ret_message, struct err *e)
{
    /* One byte more than the longest message, so that a longer one is noticed. */
    uint8_t bytes[CONTROL_BYTES_MAX + 1];
    ssize_t n;
    do {
        n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    } while (n < 0 && errno == EINTR);
    if (n == 0 || (n < 0 && errno == ECONNRESET))
        return ERR_END;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ERR_AGAIN;
    if (n < 0)
        return err_set_errno(e, "cannot receive a control message");
    return control_decode(bytes, (size_t)n, ret_message, e);
}
