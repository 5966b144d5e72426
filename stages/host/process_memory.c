/* SPDX-License-Identifier: MIT */
/*
 * The end of a stage that can have no memory. If the host has none, or a limit of the user is met,
 * nobody is to blame, and it is waited for. If it is the stage's own memory_max, it dies, and shows
 * on its page that it died of that, and whether the record in hand can be the cause.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "stages/host/process_host_p.h"

static struct host *own_host; /* whose memory this is; there is one in a process */

/*
 * What is held of records that came and went, and of changes that are not committed, but for the
 * frames in hand: a frame ends with a record that is large. To be called at any moment, so all of
 * it may be half changed: it is a number to compare, no more.
 */
static uint64_t held_bytes(const struct host *h)
{
    uint64_t bytes = h->runner.store != NULL ? store_uncommitted_bytes(h->runner.store) : 0;
    for (size_t i = 0; i < h->inlet_count; i++) {
        const struct inlet *in = &h->inlets[i];
        bytes += in->first != NULL ? in->queued_bytes - in->first->len : 0;
    }
    for (size_t i = 0; i < h->outlet_count; i++)
        bytes += h->outlets[i].window.bytes;
    return bytes;
}

/*
 * Shows that this is a death of memory_max. To do without the record in hand would mend nothing if
 * it is the others that fill the memory: they would need as much as dead letters.
 */
static void show_out_of_memory(const struct host *h, uint64_t bytes)
{
    atomic_store(&h->page->out_of_memory, bytes != 0 ? bytes : 1);
    uint64_t bound = memory_private_bound();
    uint64_t room = bound > h->idle_bytes ? bound - h->idle_bytes : 0;
    if (atomic_load(&h->page->work) == STATUS_ON_RECORD && held_bytes(h) >= room / 2)
        atomic_store(&h->page->work, STATUS_ON_MANY);
}

void host_die_of_receipt(struct host *h, const struct inlet *in)
{
    uint64_t memory_max = h->config->stage->memory_bytes_max;
    if (h->e.want != WANT_MEMORY || memory_max == 0)
        return;
    host_show_in_hand(h, in->expected);
    atomic_store(&h->page->work, STATUS_ON_RECEIPT);
    show_out_of_memory(h, 0);
    log_line(LOG_ERROR,
             "no memory to take in what comes from seq %" PRIu64 " on: %s (memory_max is %" PRIu64
             ")",
             in->expected, h->e.text, memory_max);
    abort();
}

static void end_for_want_of_memory(const char *text, size_t bytes)
{
    uint64_t memory_max = own_host->config->stage->memory_bytes_max;
    uint64_t margin = 1u << 20;              /* malloc(3) asks for more than it was asked */
    uint64_t bound = memory_private_bound(); /* what the state has left of memory_max */
    bool own =
        memory_max != 0 && (bytes >= bound || memory_private_bytes() + bytes + margin >= bound);
    if (own) {
        if (own_host->page != NULL)
            show_out_of_memory(own_host, bytes);
        return;
    }
    struct host h = {0};
    (void)err_set(&h.e, ERR_IO, "%s", text);
    h.e.want = WANT_MEMORY;
    _exit(host_end(&h, ERR_IO));
}

void host_end_for_want_of_state(const struct err *e)
{
    struct host h = {.config = own_host->config, .e = *e};
    _exit(host_end(&h, e->code));
}

void host_watch_memory(struct host *h)
{
    own_host = h;
    memory_on_none(end_for_want_of_memory);
}
