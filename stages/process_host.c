/* SPDX-License-Identifier: MIT */
/*
 * One turn of the loop: hear the supervisor, take acks and frames, work through some records,
 * close frames that are ripe, send, commit if it is time, ack upstream, publish. It sleeps in
 * poll() when a turn has nothing more to do.
 *
 * Positions. `processed`: all records up to here have been given to the stage. `committed`: up to
 * here everything is acked by all downstream, and safe here; this is what is acked upstream. A
 * stage with a state or a cursor knows both from its files when it starts. One without asks its
 * peers downstream: it goes on behind the least that they have acked, which nobody will ever ask
 * for again.
 */
#include "stages/process_host_p.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/memory.h"

/* Records that one turn may work through before it looks at the links again. */
#define RECORDS_PER_TURN 2048u
/* Commits are grouped: a sync costs a millisecond or two whatever it is for. */
#define COMMIT_INTERVAL_HOST_MS 10u
#define COMMIT_INTERVAL_PROCESS_MS 5u

static int receive_all(struct host *h)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (outlet_receive_acks(o, &h->e) != 0) {
            uint64_t serial = link_id(o->link)->serial;
            outlet_disconnect(o);
            rc = host_give_up_link(h, (uint32_t)o->edge->index, serial);
        }
    }
    for (size_t i = 0; rc == 0 && i < h->inlet_count; i++) {
        struct inlet *in = &h->inlets[i];
        if (in->link != NULL && inlet_receive(in, &h->e) != 0) {
            uint64_t serial = link_id(in->link)->serial;
            inlet_set_link(in, NULL);
            rc = host_give_up_link(h, (uint32_t)in->edge->index, serial);
        }
    }
    return rc;
}

static bool is_blocked(const struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (outlet_is_full(&h->outlets[i]))
            return true;
    }
    return !h->positioned || runner_is_full(&h->runner);
}

static bool is_ripe(const struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (outlet_is_ripe(&h->outlets[i], h->processed))
            return true;
    }
    return false;
}

/* Where the stage's outputs arrive; the emitter is the runner's. */
static void on_emit(struct emitter *out, enum port port, const struct record *record)
{
    struct runner *runner = (struct runner *)((char *)out - offsetof(struct runner, emitter));
    struct host *h = (struct host *)((char *)runner - offsetof(struct host, runner));
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (h->outlets[i].edge->port == port)
            outlet_add(&h->outlets[i], record);
    }
}

/* The seq up to which all inlets have everything: so far may be worked. */
static seq_number covered(const struct host *h)
{
    seq_number least = UINT64_MAX;
    for (size_t i = 0; i < h->inlet_count; i++) {
        if (inlet_covered(&h->inlets[i]) < least)
            least = inlet_covered(&h->inlets[i]);
    }
    return least;
}

/* The inlet with the next record in the order of seqs, then of edges; NULL if there is none. */
static int next_inlet(struct host *h, seq_number limit, struct inlet **ret_inlet,
                      const struct record **ret_record)
{
    *ret_inlet = NULL;
    for (size_t i = 0; i < h->inlet_count; i++) {
        const struct record *record;
        int rc = inlet_head(&h->inlets[i], &record, &h->e);
        if (rc != 0)
            return rc;
        if (record == NULL || record->seq > limit ||
            (*ret_inlet != NULL && (*ret_record)->seq <= record->seq))
            continue;
        *ret_inlet = &h->inlets[i];
        *ret_record = record;
    }
    return 0;
}

/*
 * Works through records, whole seqs at a time. *ret_more says whether more could be done at once.
 */
static int work_on_input(struct host *h, bool *ret_more)
{
    seq_number limit = covered(h);
    for (unsigned n = 0;; n++) {
        struct inlet *inlet;
        const struct record *record = NULL;
        int rc = next_inlet(h, limit, &inlet, &record);
        if (rc != 0)
            return rc;
        if (inlet == NULL) {
            h->processed = limit;
            *ret_more = false;
            return 0;
        }
        if (record->seq > h->processed + 1)
            h->processed = record->seq - 1; /* a seq is complete when the next one begins */
        bool begins_seq = record->seq != h->runner.emitter.seq;
        if (begins_seq && (n >= RECORDS_PER_TURN || is_ripe(h) || is_blocked(h))) {
            *ret_more = !is_blocked(h);
            return 0;
        }
        atomic_store_explicit(&h->page->seq_in_hand, record->seq, memory_order_relaxed);
        rc = runner_take(&h->runner, record, &h->e);
        if (rc != 0)
            return rc;
        inlet_pop(inlet);
    }
}

static int work_on_source(struct host *h, bool *ret_more)
{
    *ret_more = false;
    for (unsigned n = 0; !h->at_end; n++) {
        if (n >= RECORDS_PER_TURN || is_ripe(h)) {
            *ret_more = true;
            return 0;
        }
        int rc = runner_read(&h->runner, &h->e);
        if (rc == ERR_END)
            h->at_end = true;
        else if (rc != 0)
            return rc;
        else
            h->processed = h->runner.emitter.seq;
    }
    return 0;
}

static int work(struct host *h, bool *ret_more)
{
    *ret_more = false;
    if (is_blocked(h))
        return 0;
    int rc = h->inlet_count == 0 ? work_on_source(h, ret_more) : work_on_input(h, ret_more);
    atomic_store_explicit(&h->page->seq_in_hand, 0, memory_order_relaxed);
    return rc;
}

/*
 * Frames are closed when one is ripe, or when there is nothing to add to them now and the link
 * would be idle otherwise; all of them, so that they cover the same range.
 */
static int send_all(struct host *h, bool more)
{
    bool idle = !more;
    for (size_t i = 0; i < h->outlet_count; i++)
        idle = idle && h->outlets[i].link != NULL && !outlet_has_unsent(&h->outlets[i]);
    bool flush = idle || is_ripe(h) || runner_is_full(&h->runner);
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (flush && h->positioned)
            outlet_flush(o, h->processed);
        if (h->positioned && outlet_send(o, &h->e) != 0) {
            uint64_t serial = link_id(o->link)->serial;
            outlet_disconnect(o);
            int rc = host_give_up_link(h, (uint32_t)o->edge->index, serial);
            if (rc != 0)
                return rc;
        }
    }
    return 0;
}

/* Up to here everything is acked downstream, and done here: it can be made safe and acked. */
static seq_number committable(const struct host *h)
{
    seq_number acked = host_least_peer_acked(h);
    return acked < h->processed ? acked : h->processed;
}

static uint64_t commit_interval_ms(const struct host *h)
{
    if (!runner_has_position(&h->runner))
        return 0;
    return h->config->topology->durability == DURABILITY_HOST ? COMMIT_INTERVAL_HOST_MS
                                                              : COMMIT_INTERVAL_PROCESS_MS;
}

static int commit_if_due(struct host *h)
{
    seq_number target = committable(h);
    if (!h->positioned || target <= h->committed)
        return 0;
    uint64_t now_ms = clock_monotonic_ms();
    if (now_ms - h->committed_at_ms < commit_interval_ms(h) && !runner_is_full(&h->runner))
        return 0;
    int rc = runner_commit(&h->runner, target, &h->e);
    if (rc != 0)
        return rc;
    h->committed = target;
    h->committed_at_ms = clock_monotonic_ms();
    return 0;
}

static int ack_upstream(struct host *h)
{
    for (size_t i = 0; h->positioned && i < h->inlet_count; i++) {
        struct inlet *in = &h->inlets[i];
        int rc = inlet_send_ack(in, h->committed, &h->e);
        if (rc == 0 || rc == ERR_AGAIN)
            continue;
        uint64_t serial = link_id(in->link)->serial;
        inlet_set_link(in, NULL);
        rc = host_give_up_link(h, (uint32_t)in->edge->index, serial);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* A source at its end is done when everything that it ever gave out has come back as acked. */
static int say_done(struct host *h)
{
    bool done = h->inlet_count == 0 && h->at_end && !h->done_said && h->committed == h->processed &&
                host_all_peers_known(h);
    if (!done)
        return 0;
    h->done_said = true;
    struct control_message message = {.kind = CTL_STAGE_DONE, .acked = h->committed};
    return host_tell(h, &message);
}

/*
 * Publishes the counts of what was worked on; before any of it is committed, because what lies
 * below the commit is never seen again, so nobody would count it after a kill.
 */
static void publish_counts(struct host *h)
{
    if (h->runner.counts.through >= h->processed)
        return;
    h->runner.counts.through = h->processed;
    status_page_publish(h->page, &h->runner.counts);
}

static void publish(struct host *h)
{
    struct status_page *page = h->page;
    uint64_t window_bytes = 0, refused = 0;
    for (size_t i = 0; i < h->outlet_count; i++) {
        window_bytes += h->outlets[i].window.bytes;
        refused += h->outlets[i].refused;
    }
    for (size_t i = 0; i < h->inlet_count; i++)
        refused += h->inlets[i].refused;
    atomic_store_explicit(&page->window_bytes, window_bytes, memory_order_relaxed);
    atomic_store_explicit(&page->refused, refused, memory_order_relaxed);
    atomic_store_explicit(&page->processed, h->processed, memory_order_relaxed);
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

static int wait_for_event(struct host *h)
{
    struct pollfd fds[1 + 4 * STAGES_MAX];
    nfds_t count = 0;
    fds[count++] = (struct pollfd){.fd = STAGE_FD_CONTROL, .events = POLLIN};
    for (size_t i = 0; i < h->inlet_count; i++) {
        const struct inlet *in = &h->inlets[i];
        if (inlet_has_room(in))
            fds[count++] = (struct pollfd){.fd = link_receive_fd(in->link), .events = POLLIN};
        if (in->up && in->ack_sent < h->committed)
            fds[count++] = (struct pollfd){.fd = link_send_fd(in->link), .events = POLLIN};
    }
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (o->link != NULL)
            fds[count++] = (struct pollfd){.fd = link_receive_fd(o->link), .events = POLLIN};
        if (outlet_has_unsent(o))
            fds[count++] = (struct pollfd){.fd = link_send_fd(o->link), .events = POLLIN};
    }
    int timeout_ms = -1;
    if (h->positioned && committable(h) > h->committed) {
        uint64_t since_ms = clock_monotonic_ms() - h->committed_at_ms;
        uint64_t interval_ms = commit_interval_ms(h);
        timeout_ms = since_ms < interval_ms ? (int)(interval_ms - since_ms) : 0;
    }
    if (poll(fds, count, timeout_ms) < 0 && errno != EINTR)
        return err_set_errno(&h->e, "waiting for the links");
    return 0;
}

static int turn(struct host *h)
{
    bool more = false;
    int rc = host_hear_supervisor(h);
    if (rc == 0 && !h->stopping)
        rc = receive_all(h);
    if (rc == 0 && !h->stopping)
        rc = work(h, &more);
    publish_counts(h);
    if (rc == 0 && !h->stopping)
        rc = send_all(h, more);
    /* Work that a full store held up can go on at once after a commit; no event will say so. */
    bool was_full = runner_is_full(&h->runner);
    if (rc == 0 && !h->stopping)
        rc = commit_if_due(h);
    more = more || (was_full && !runner_is_full(&h->runner));
    if (rc == 0 && !h->stopping)
        rc = ack_upstream(h);
    if (rc == 0 && !h->stopping)
        rc = say_done(h);
    publish(h);
    if (rc == 0 && !h->stopping && !more)
        rc = wait_for_event(h);
    return rc;
}

static void make_edges(struct host *h)
{
    const struct topology *t = h->config->topology;
    h->inlets = memory_new(t->edge_count, sizeof *h->inlets);
    h->outlets = memory_new(t->edge_count, sizeof *h->outlets);
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].to == h->config->stage->index)
            inlet_init(&h->inlets[h->inlet_count++], &t->edges[i]);
        if (t->edges[i].from == h->config->stage->index)
            outlet_init(&h->outlets[h->outlet_count++], &t->edges[i]);
    }
}

static int open_host(struct host *h)
{
    int rc = status_page_map(STAGE_FD_STATUS, &h->page, &h->e);
    if (rc != 0)
        return rc;
    atomic_store(&h->page->generation, h->config->generation);
    make_edges(h);
    struct runner_config config = {
        .topology = h->config->topology,
        .stage = h->config->stage,
        .stages_fd = STAGE_FD_STAGES,
        .image_fd = h->config->stage->kind->ops->store_spec != NULL ? STAGE_FD_IMAGE : -1,
        .fresh = h->config->fresh,
        .emit = on_emit};
    rc = runner_open(&h->runner, &config, &h->e);
    if (rc != 0)
        return rc;
    h->runner.counts = status_page_counts(h->page);
    struct control_message ready = {.kind = CTL_STAGE_READY};
    rc = host_tell(h, &ready);
    if (rc == 0 && runner_has_position(&h->runner))
        rc = host_take_position(h, runner_position(&h->runner));
    return rc;
}

static void close_host(struct host *h)
{
    for (size_t i = 0; i < h->inlet_count; i++)
        inlet_done(&h->inlets[i]);
    for (size_t i = 0; i < h->outlet_count; i++)
        outlet_done(&h->outlets[i]);
    free(h->inlets);
    free(h->outlets);
    if (h->runner.ops != NULL)
        runner_close(&h->runner);
    status_page_unmap(h->page);
}

int process_host_run(const struct process_host_config *config)
{
    /* nng's threads inherit the mask, so that signals come to this thread alone. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);

    struct host h = {.config = config};
    int rc = link_start(&h.e);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        rc = open_host(&h);
    while (rc == 0 && !h.stopping)
        rc = turn(&h);
    bool refused = rc == ERR_MISMATCH || rc == ERR_CORRUPT;
    if (refused)
        host_refuse(&h); /* the supervisor says it */
    else if (rc != 0)
        log_line(LOG_ERROR, "%s", h.e.text);
    close_host(&h);
    return rc == 0 ? STAGE_EXIT_STOPPED : refused ? STAGE_EXIT_REFUSED : STAGE_EXIT_FAILED;
}
