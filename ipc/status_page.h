/* SPDX-License-Identifier: MIT */
/*
 * status_page.h - the status of a stage: a few pages of shared memory with one writer
 *
 * The supervisor creates the page and keeps it over restarts. The stage writes to it; all others
 * only read. Reading costs the stage nothing, and no count is lost when a stage dies. Counters are
 * published together with the seq that they cover, in one of two slots; a single store then selects
 * the slot. So readers and a restarted writer see a publication as a whole or not at all, and a
 * record that is processed twice because of a kill is counted once. The page is sealed: a faulty
 * stage cannot truncate it under its readers. Readers use its content only as numbers to show and
 * compare, never as addresses or indexes.
 */
#ifndef BULKHEAD_IPC_STATUS_PAGE_H
#define BULKHEAD_IPC_STATUS_PAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/value.h"
#include "ipc/status_fields.h"

#define STATUS_PAGE_BYTES 12288u
/* How many of its links a stage shows; no realistic stage has more. */
#define STATUS_LINKS_MAX 512u

/* The counters, all since the start of the supervisor. */
struct status_counts {
    seq_number through; /* every record up to here is counted, and none above */
#define X(type, name, kind, unit, meaning) uint64_t name;
    STATUS_STAGE_LIST(STATUS_SKIP, STATUS_SKIP, X)
#undef X
};

enum status_waiting {
    STATUS_BUSY,
    STATUS_IDLE,   /* it waits for its supervisor, its links or its input */
    STATUS_UNREAD, /* it waits for another program to read its output */
};

/*
 * name, what the stage was doing at the seq in hand when it died. Only work on the record in hand
 * can be avoided by quarantining that record.
 */
#define STATUS_WORK_LIST(X)                                                                        \
    X(STATUS_ON_RECORD, "working on the record")                                                   \
    X(STATUS_ON_TIME, "closing what was due")                                                      \
    X(STATUS_ON_END, "emitting what it held until the end of the input")                           \
    X(STATUS_ON_RECEIPT, "receiving records")                                                      \
    X(STATUS_ON_MANY, "holding many records, not because of the one in hand")

enum status_work {
#define X(name, text) name,
    STATUS_WORK_LIST(X)
#undef X
};

/*
 * The progress of one end of a link.
 *
 *   sender     seq: the last that is wholly in frames; detail: the last that was acked
 *   receiver   seq: the last that was received; detail: the number of frames received of the next
 *              seq, times two, plus one if it accepts no more for now
 */
struct status_link {
    _Atomic uint64_t seq;
    _Atomic uint64_t detail;
};

struct status_page {
    uint32_t magic;
    uint32_t version;
    _Atomic uint64_t publications; /* how many; the last one is in the slot of its parity */
    struct status_counts slots[2];
    _Atomic uint64_t generation; /* of the process that wrote last */
    _Atomic uint64_t beats;      /* grows with everything the stage does, unless it hangs */
    _Atomic uint32_t waiting;    /* enum status_waiting: whether and why it sleeps */
    _Atomic uint32_t work;       /* enum status_work: what it is doing at the seq in hand */
    _Atomic uint64_t
        out_of_memory; /* bytes of the allocation that memory_max refused it, if it died */
#define X(type, name, kind, unit, meaning) _Atomic uint64_t name;
    STATUS_STAGE_LIST(STATUS_SKIP, X, STATUS_SKIP)
#undef X
    struct status_link links[STATUS_LINKS_MAX]; /* incoming links first, then outgoing ones */
};
_Static_assert(sizeof(struct status_page) <= STATUS_PAGE_BYTES, "it fits into its pages");

/* Creates a page in a memfd, which the caller closes. Returns 0 or ERR_IO. */
int status_page_create(int *ret_fd, struct err *e);

/* Maps a page. Returns 0, ERR_PROTOCOL (not a page), ERR_IO. Unmap it with status_page_unmap(). */
int status_page_map(int fd, struct status_page **ret_page, struct err *e);
void status_page_unmap(struct status_page *page);

/* What a stage is doing according to its page; STATUS_ON_RECORD if the number is not valid. */
enum status_work status_page_work(const struct status_page *page);

/* The text in STATUS_WORK_LIST. */
const char *status_work_text(enum status_work work);

/* Shows the progress of an end of a link, if there is room for it. Only the stage calls this. */
static inline void status_page_show_link(struct status_page *page, size_t number, uint64_t seq,
                                         uint64_t detail)
{
    if (number >= STATUS_LINKS_MAX)
        return;
    atomic_store_explicit(&page->links[number].seq, seq, memory_order_relaxed);
    atomic_store_explicit(&page->links[number].detail, detail, memory_order_relaxed);
}

/* Publishes counters; only the stage calls this. */
void status_page_publish(struct status_page *page, const struct status_counts *counts);

/*
 * The counters as they were last published. Those of a faulty stage may be anything, but this
 * always returns, however fast the stage writes.
 */
struct status_counts status_page_counts(const struct status_page *page);

#endif
