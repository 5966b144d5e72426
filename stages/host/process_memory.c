/* SPDX-License-Identifier: MIT */
/*
 * How a stage ends that cannot get memory. If the host has none, or a limit of the user is reached,
 * no record is to blame, and the supervisor waits for memory. If the stage's own memory_max is
 * reached, the stage dies. Its status page then shows that it died of this, and whether the record
 * it was processing can be the cause.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/memory.h"
#include "stages/host/process_host_p.h"

static struct host *own_host; /* the host of this process; there is only one */

/*
 * The memory that holds received and emitted records and uncommitted changes. The frames being
 * read and built are left out, for they may be large because of the current record. Called at any
 * moment, with everything perhaps half changed, so the result is only good for a comparison.
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
 * Shows on the status page that memory_max is the cause of this death. Skipping the current record
 * would not help if it is the others that fill the memory: they would need as much as dead letters.
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
             "no memory to receive the records from seq %" PRIu64 " on: %s (memory_max is %" PRIu64
             ")",
             in->expected, h->e.text, memory_max);
    abort();
}

static void end_for_want_of_memory(const char *text, size_t bytes)
{
    uint64_t memory_max = own_host->config->stage->memory_bytes_max;
    uint64_t margin = 1u << 20;              /* malloc(3) requests more than it was asked for */
    uint64_t bound = memory_private_bound(); /* what the state leaves of memory_max */
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
