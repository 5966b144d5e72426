/* SPDX-License-Identifier: MIT */
/*
 * status_page.h - what a stage shows of itself: a few pages of shared memory, one writer
 *
 * The supervisor makes the page and keeps it over restarts; the stage writes, everybody else only
 * reads. Reading costs the stage nothing, and a stage that dies takes no count with it. Counters
 * are published together with the seq that they cover, in one of two slots of which one store
 * chooses: a reader, and a restarted writer, see all of a publication or nothing of it. So a
 * record that is done twice because of a kill is counted once. The page is sealed: whatever a stage
 * does with its descriptor, it cannot cut it off under its readers. Readers take what is in it for
 * numbers to show and to compare, and never for places.
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
/* So many of its links a stage shows; more than that has none that anybody runs. */
#define STATUS_LINKS_MAX 512u

/* The counters, all since the start of the supervisor. */
struct status_counts {
    seq_number through; /* every record up to here is counted, none above */
#define X(type, name, kind, unit, meaning) uint64_t name;
    STATUS_STAGE_LIST(STATUS_SKIP, STATUS_SKIP, X)
#undef X
};

enum status_waiting {
    STATUS_BUSY,
    STATUS_IDLE,   /* for its supervisor, its links or its input */
    STATUS_UNREAD, /* for somebody outside who takes its output */
};

/*
 * name, what the stage did with the seq in hand when it died: what is not for the record that it
 * has in hand is nothing that can be mended by doing without that record
 */
#define STATUS_WORK_LIST(X)                                                                        \
    X(STATUS_ON_RECORD, "working on the record")                                                   \
    X(STATUS_ON_TIME, "closing what the time has come to close")                                   \
    X(STATUS_ON_END, "putting out what it held until the end of the input")                        \
    X(STATUS_ON_RECEIPT, "taking in records")                                                      \
    X(STATUS_ON_MANY, "holding records under way, and not by the one in hand")

enum status_work {
#define X(name, text) name,
    STATUS_WORK_LIST(X)
#undef X
};

/*
 * How far one end of a link has come. A sender: what it has given (put into frames, whole) and
 * heard (been told that it is safe). A receiver: what it has taken, and how many frames of the next
 * seq, times two, plus one if it takes no more for now.
 */
struct status_link {
    _Atomic uint64_t seq;    /* given, or taken */
    _Atomic uint64_t detail; /* heard, or frames and whether it is full */
};

struct status_page {
    uint32_t magic;
    uint32_t version;
    _Atomic uint64_t publications; /* the last one is in the slot of its parity */
    struct status_counts slots[2];
    _Atomic uint64_t generation;    /* of the process that wrote last */
    _Atomic uint64_t beats;         /* grows with everything it does: a hung stage's does not */
    _Atomic uint32_t waiting;       /* enum status_waiting: why it sleeps, if it does */
    _Atomic uint32_t work;          /* enum status_work: what it does at the seq in hand */
    _Atomic uint64_t out_of_memory; /* bytes that it was refused by its memory_max, and died of */
#define X(type, name, kind, unit, meaning) _Atomic uint64_t name;
    STATUS_STAGE_LIST(STATUS_SKIP, X, STATUS_SKIP)
#undef X
    struct status_link links[STATUS_LINKS_MAX]; /* those it receives by, then those it sends by */
};
_Static_assert(sizeof(struct status_page) <= STATUS_PAGE_BYTES, "it fits into its pages");

/* Makes a page in a memfd, which the caller closes. Returns 0 or ERR_IO. */
int status_page_create(int *ret_fd, struct err *e);

/* Maps a page. Returns 0, ERR_PROTOCOL (it is none), ERR_IO. Unmap with status_page_unmap(). */
int status_page_map(int fd, struct status_page **ret_page, struct err *e);
void status_page_unmap(struct status_page *page);

/* What a page says that its stage does; of a number that is none, STATUS_ON_RECORD. */
enum status_work status_page_work(const struct status_page *page);

/* As in STATUS_WORK_LIST. */
const char *status_work_text(enum status_work work);

/* Shows how far an end of a link has come, if there is room for it. Only the stage calls this. */
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
 * The counters as they were last published. From a stage that has gone wrong they may be anything;
 * but they come, however fast it writes.
 */
struct status_counts status_page_counts(const struct status_page *page);

#endif
