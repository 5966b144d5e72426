/* SPDX-License-Identifier: MIT */
/*
 * link.h - one end of one incarnation of a link: a pipeline socket for frames, one back for acks
 *
 * Every incarnation gets fresh sockets on fresh paths and dies with either end; nothing in here
 * reconnects. What was measured of nng 1.5.2 and made these the rules stands in
 * docs/decisions/0001-nng.md. Sending never blocks: ERR_AGAIN means that nothing was sent.
 *
 * nng starts threads: block all signals before the first call in a process, and never call it in
 * a process that has forked without exec.
 */
#ifndef BULKHEAD_IPC_LINK_H
#define BULKHEAD_IPC_LINK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct link;

/* Names one incarnation: the edge, the generations of both ends, and a number never used twice. */
struct link_id {
    uint32_t edge;
    uint64_t from_generation;
    uint64_t to_generation;
    uint64_t serial;
};

/*
 * Makes nng start its threads. Call it once, with all signals blocked, before anything else here.
 * on_no_thread must end the process: it is called if there is no thread to be had, or no memory for
 * one, which nng does not survive. Returns 0 or ERR_IO.
 */
int link_start(void (*on_no_thread)(const struct err *e), struct err *e);

/*
 * Has the process show that it moves while it waits for another end, or for nng: that has bounds,
 * and a stall_timeout may be shorter. NULL: nobody looks.
 */
void link_use_beats(_Atomic uint64_t *of_process);

/*
 * The receiving end: listens for frames and for the way back of the acks.
 *
 *   dir_fd     directory for the sockets, mode 0700; must stay open as long as the link
 *   ret_link   the caller closes it
 *
 * Returns: 0 or ERR_IO.
 */
int link_listen(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e);

/*
 * The sending end: connects to both. The other end must be listening; one that does not do its part
 * is waited for LINK_DEADLINE_MS. Returns 0 or ERR_IO.
 */
int link_dial(int dir_fd, const struct link_id *id, struct link **ret_link, struct err *e);

/*
 * Closes the sockets; what was under way is lost. A close that nng does not come back from is left
 * to a thread of its own after a second, with its descriptors. Takes NULL.
 */
void link_close(struct link *link);

/* What link_dial() and link_listen() were told. */
const struct link_id *link_id(const struct link *link);

/*
 * Sends bytes; on frames if this is the sending end, on acks if the receiving one.
 * Returns: 0, ERR_AGAIN, ERR_IO.
 */
int link_send(struct link *link, const void *bytes, size_t len, struct err *e);

/*
 * Receives what the other end has sent.
 * Returns: 0, ERR_AGAIN, ERR_IO (the other end is gone, or nng failed: the link is over).
 * Ownership: the caller gives *ret_bytes back with link_free().
 */
int link_receive(struct link *link, uint8_t **ret_bytes, size_t *ret_len, struct err *e);
void link_free(uint8_t *bytes, size_t len);

/*
 * A descriptor of the process that polls as readable after any of its links has lost its other end;
 * link_receive() on that link then says ERR_IO once all that came before was received.
 * link_lost_seen() makes it unreadable again: call it before looking at the links.
 */
int link_lost_fd(void);
void link_lost_seen(void);

/* Descriptors that poll as readable while link_send() or link_receive() would not say AGAIN. */
int link_send_fd(const struct link *link);
int link_receive_fd(const struct link *link);

#endif
