/* SPDX-License-Identifier: MIT */
/*
 * link.h - one end of one incarnation of a link: a pipeline socket for frames, one back for acks
 *
 * Every incarnation gets new sockets on new paths and dies with either end; nothing here
 * reconnects. These rules follow from measurements of nng 1.5.2 (docs/decisions/0001-nng.md).
 * Sending never blocks: ERR_AGAIN means that nothing was sent.
 *
 * nng starts threads. So all signals must be blocked before the first call in a process, and a
 * process that was forked without an exec must never call it.
 */
#ifndef BULKHEAD_IPC_LINK_H
#define BULKHEAD_IPC_LINK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct link;

/*
 * Identifies an incarnation: the edge, the generations of both ends, and a number used only once.
 */
struct link_id {
    uint32_t edge;
    uint64_t from_generation;
    uint64_t to_generation;
    uint64_t serial;
};

/*
 * Makes nng start its threads. Call it once, with all signals blocked, before anything else here.
 * on_no_thread is called if a thread cannot be created, which nng does not survive. It must end the
 * process. Returns 0 or ERR_IO.
 */
int link_start(void (*on_no_thread)(const struct err *e), struct err *e);

/*
 * Sets the beats that the process advances while it waits for another end or for nng. Such a wait
 * is bounded, but may be longer than stall_timeout. NULL: none.
 */
void link_use_beats(_Atomic uint64_t *of_process);

/*
 * The receiving end: listens on both sockets, for frames and for acks.
 *
 *   dir_fd     directory for the sockets, of mode 0700; must stay open as long as the link
 *   ret_link   the caller closes it
 *
 * Returns: 0 or ERR_IO.
 */
int link_listen(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e);

/*
 * The sending end: connects to both sockets. The other end must be listening; if it does not
 * respond, this waits for LINK_DEADLINE_MS. The caller closes ret_link. Returns 0 or ERR_IO.
 */
int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e);

/*
 * Closes the sockets; data in flight is lost. If nng does not return within a second, the close is
 * left to a thread of its own, with its descriptors. Accepts NULL.
 */
void link_close(struct link *link);

/* The id that link_dial() or link_listen() was given. */
const struct link_id *link_id(const struct link *link);

/*
 * Sends bytes: a frame from the sending end, an ack from the receiving end.
 * Returns: 0, ERR_AGAIN, ERR_IO.
 */
int link_send(struct link *link, const void *bytes, size_t len, struct err *e);

/*
 * Receives a message from the other end.
 *
 * Ownership: the caller frees *ret_bytes with link_free().
 * Returns:   0, ERR_AGAIN, or ERR_IO: the other end is gone or nng failed, and the link is over.
 */
int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e);
void link_free(uint8_t *bytes, size_t len);

/*
 * A descriptor of the process that polls as readable after any of its links has lost its other end.
 * link_receive() on that link then returns ERR_IO once everything sent before was received.
 * link_lost_seen() makes the descriptor unreadable again; call it before looking at the links.
 */
int link_lost_fd(void);
void link_lost_seen(void);

/* Descriptors that poll as readable while link_send() or link_receive() would not return AGAIN. */
int link_send_fd(const struct link *link);
int link_receive_fd(const struct link *link);

#endif
