/* SPDX-License-Identifier: MIT */
/*
 * The only file that includes nng. Paths go through /proc/self/fd/<directory>, so that however
 * deep the state directory lies, the address stays below the 107 bytes that a socket's may have.
 */
#include "ipc/link.h"

#include <inttypes.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/check.h"
#include "common/limits.h"
#include "common/memory.h"

#define ADDRESS_BYTES_MAX 120u
#define ACK_SOCKET_BYTES_MAX 4096u

struct link {
    struct link_id id;
    nng_socket push;
    nng_socket pull;
    bool push_open;
    bool pull_open;
    int send_fd;
    int receive_fd;
};

static int nng_error(struct err *e, int rc, const char *doing, const struct link_id *id)
{
    return err_set(e, ERR_IO, "%s link %u (number %" PRIu64 "): %s", doing, id->edge, id->serial,
                   nng_strerror(rc));
}

int link_start(struct err *e)
{
    nng_socket socket;
    int rc = nng_push0_open(&socket);
    if (rc == 0)
        rc = nng_close(socket);
    return rc == 0 ? 0 : err_set(e, ERR_IO, "starting nng: %s", nng_strerror(rc));
}

static void address(char out[ADDRESS_BYTES_MAX], int dir_fd, const struct link_id *id,
                    const char *suffix)
{
    int len = snprintf(out, ADDRESS_BYTES_MAX,
                       "ipc:///proc/self/fd/%d/%u-%" PRIu64 "-%" PRIu64 "-%" PRIu64 ".%s", dir_fd,
                       id->edge, id->from_generation, id->to_generation, id->serial, suffix);
    INVARIANT(len > 0 && (size_t)len < ADDRESS_BYTES_MAX);
}

/* Opens both sockets and sets everything that must be set before they meet anybody. */
static int open_sockets(struct link *link, struct err *e)
{
    int rc = nng_push0_open(&link->push);
    if (rc == 0) {
        link->push_open = true;
        rc = nng_pull0_open(&link->pull);
    }
    if (rc == 0) {
        link->pull_open = true;
        /* Unset, one hostile length would make nng allocate it. */
        rc = nng_socket_set_size(link->pull, NNG_OPT_RECVMAXSZ, FRAME_BYTES_MAX);
    }
    if (rc == 0) /* a PUSH receives nothing, but would allocate for it */
        rc = nng_socket_set_size(link->push, NNG_OPT_RECVMAXSZ, ACK_SOCKET_BYTES_MAX);
    if (rc == 0)
        rc = nng_socket_get_int(link->push, NNG_OPT_SENDFD, &link->send_fd);
    if (rc == 0)
        rc = nng_socket_get_int(link->pull, NNG_OPT_RECVFD, &link->receive_fd);
    return rc == 0 ? 0 : nng_error(e, rc, "opening sockets for", &link->id);
}

/* How one end meets the other at an address: nng_listen() or nng_dial(). */
typedef int meet_fn(nng_socket socket, const char *address);

static int meet_listening(nng_socket socket, const char *at)
{
    return nng_listen(socket, at, NULL, 0);
}

/* Without NNG_FLAG_NONBLOCK a dial tries once and tells how it went. */
static int meet_dialing(nng_socket socket, const char *at)
{
    return nng_dial(socket, at, NULL, 0);
}

/* Makes one end; frames_out says whether its PUSH or its PULL socket is the one for frames. */
static int make_end(int dir_fd, const struct link_id *id, meet_fn *meet, bool frames_out,
                    const char *doing, struct link **ret_link, struct err *e)
{
    struct link *link = memory_new(1, sizeof *link);
    link->id = *id;
    int rc = open_sockets(link, e);
    if (rc == 0) {
        char frames[ADDRESS_BYTES_MAX], acks[ADDRESS_BYTES_MAX];
        address(frames, dir_fd, id, "frames");
        address(acks, dir_fd, id, "acks");
        int nng_rc = meet(frames_out ? link->push : link->pull, frames);
        if (nng_rc == 0)
            nng_rc = meet(frames_out ? link->pull : link->push, acks);
        if (nng_rc != 0)
            rc = nng_error(e, nng_rc, doing, id);
    }
    if (rc != 0) {
        link_close(link);
        return rc;
    }
    *ret_link = link;
    return 0;
}

int link_listen(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    return make_end(dir_fd, id, meet_listening, false, "listening for", ret_link, e);
}

int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e)
{
    return make_end(dir_fd, id, meet_dialing, true, "connecting", ret_link, e);
}

void link_close(struct link *link)
{
    if (link == NULL)
        return;
    if (link->push_open)
        (void)nng_close(link->push);
    if (link->pull_open)
        (void)nng_close(link->pull);
    free(link);
}

const struct link_id *link_id(const struct link *link)
{
    return &link->id;
}

int link_send(struct link *link, const void *bytes, size_t len, struct err *e)
{
    /* nng copies: the frame stays in the window for a replay. */
    int rc = nng_send(link->push, (void *)bytes, len, NNG_FLAG_NONBLOCK);
    if (rc == NNG_EAGAIN)
        return ERR_AGAIN;
    return rc == 0 ? 0 : nng_error(e, rc, "sending on", &link->id);
}

int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e)
{
    void *bytes = NULL;
    size_t len = 0;
    int rc = nng_recv(link->pull, &bytes, &len, NNG_FLAG_NONBLOCK | NNG_FLAG_ALLOC);
    if (rc == NNG_EAGAIN)
        return ERR_AGAIN;
    if (rc != 0)
        return nng_error(e, rc, "receiving on", &link->id);
    *ret_bytes = bytes;
    *ret_len = len;
    return 0;
}

void link_free(uint8_t *bytes, size_t len)
{
    nng_free(bytes, len);
}

int link_send_fd(const struct link *link)
{
    return link->send_fd;
}

int link_receive_fd(const struct link *link)
{
    return link->receive_fd;
}
