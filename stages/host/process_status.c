/* SPDX-License-Identifier: MIT */
/*
 * What a stage publishes on its status page.
 */
#include "stages/host/process_host_p.h"

void host_publish_counts(struct host *h)
{
    struct status_counts counts;
    if (runner_count_done(&h->runner, &counts))
        status_page_publish(h->page, &counts);
}

void host_publish(struct host *h)
{
    struct status_page *page = h->page;
    uint64_t window_bytes = 0, refused = 0;
    for (size_t i = 0; i < h->outlet_count; i++) {
        const struct outlet *o = &h->outlets[i];
        window_bytes += o->window.bytes;
        refused += o->refused;
        status_page_show_link(page, h->inlet_count + i, o->window.pushed, o->peer_acked);
    }
    for (size_t i = 0; i < h->inlet_count; i++) {
        const struct inlet *in = &h->inlets[i];
        refused += in->refused;
        status_page_show_link(page, i, inlet_covered(in),
                              2 * (uint64_t)in->part + (inlet_has_room(in) ? 0 : 1));
    }
    atomic_store_explicit(&page->window_bytes, window_bytes, memory_order_relaxed);
    atomic_store_explicit(&page->refused, refused, memory_order_relaxed);
    atomic_store_explicit(&page->processed, h->runner.done, memory_order_relaxed);
    atomic_store_explicit(&page->acked, h->committed, memory_order_relaxed);
    if (h->runner.store != NULL)
        atomic_store_explicit(&page->entries, store_entries(h->runner.store), memory_order_relaxed);
    if (h->runner.ops->progress != NULL) {
        uint64_t done, total;
        h->runner.ops->progress(h->runner.self, &done, &total);
        atomic_store_explicit(&page->bytes_done, done, memory_order_relaxed);
        atomic_store_explicit(&page->bytes_total, total, memory_order_relaxed);
    }
}
