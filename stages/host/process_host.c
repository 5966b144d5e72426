/* SPDX-License-Identifier: MIT */
/*
 * One turn of the loop: hear the supervisor, take acks and frames, work through some records,
 * close frames that are ripe, send, commit if it is time, ack upstream, publish. Between turns it
 * sleeps in host_wait() if there is nothing more to do. When to send and commit is in
 * process_pace.c.
 *
 * Positions. `processed`: all records up to here have been given to the stage. `committed`: up to
 * here everything is acked by all downstream, and safe here; this is what is acked upstream. A
 * stage with a state or a cursor knows both from its files when it starts. One without asks its
 * peers downstream: it goes on behind the least that they have acked, which nobody will ever ask
 * for again.
 */
#include "stages/host/process_host_p.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/pattern.h"
#include "ipc/order.h"
#include "topology/partition.h"

/* So long may a source go on reading what does not fill a frame: it waits for its disk, say. */
#define SOURCE_TURN_US 1000u

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
            host_die_of_receipt(h, in);
            uint64_t serial = link_id(in->link)->serial;
            inlet_set_link(in, NULL);
            rc = host_give_up_link(h, (uint32_t)in->edge->index, serial);
        }
    }
    return rc;
}

/* Whether it is too early to try again. */
bool host_must_wait_for_space(const struct host *h)
{
    return h->paused != HOST_NOT_PAUSED && clock_monotonic_ms() < h->retry_at_ms;
}

/* Takes note of how something went that needs space; what there was none for is tried again. */
int host_note_space(struct host *h, enum host_pause what, int rc)
{
    if (rc != 0 && rc != ERR_NO_SPACE)
        return rc;
    enum host_pause before = h->paused;
    struct control_message message = {.kind = CTL_STAGE_RESUMED};
    if (rc == ERR_NO_SPACE) {
        h->retry_at_ms = clock_monotonic_ms() + SPACE_RETRY_MS;
        h->paused = what;
        message.kind = CTL_STAGE_PAUSED;
        message.want = h->e.want != WANT_NOTHING ? h->e.want : WANT_SPACE;
        (void)snprintf(message.text, sizeof message.text, "%s", h->e.text);
    } else if (h->paused == what) {
        h->paused = HOST_NOT_PAUSED;
    }
    bool changed = (before == HOST_NOT_PAUSED) != (h->paused == HOST_NOT_PAUSED);
    return changed ? host_tell(h, &message) : 0;
}

/* Shows that it moves, and with what in hand. */
void host_show_in_hand(struct host *h, seq_number seq)
{
    atomic_store_explicit(&h->page->seq_in_hand, seq, memory_order_relaxed);
    status_page_beat(&h->page->beats);
}

/*
 * Whether a seq was begun and is not done yet, as where there was no space for the rest of it. All
 * that waits for acks or a commit then waits for the end of this seq, whatever else is full.
 */
static bool is_in_a_seq(const struct host *h)
{
    return h->inlet_count != 0 && h->runner.emitter.seq > h->processed;
}

static bool is_full(const struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (outlet_is_full(&h->outlets[i]))
            return true;
    }
    return runner_is_full(&h->runner);
}

static bool is_blocked(const struct host *h)
{
    /*
     * A stage that dies of a record must know before whether its peers have the outputs of it from
     * a former life: then that record cannot become a dead letter any more.
     */
    return !h->positioned || !host_all_peers_known(h) || (is_full(h) && !is_in_a_seq(h)) ||
           h->paused == HOST_PAUSED_AT_COMMIT || host_must_wait_for_space(h);
}

/*
 * Where the stage's outputs arrive; the emitter is the runner's. Links to the workers of one stage
 * stand side by side: one of them gets the record, the others, if their clock needs it, its time.
 */
static void on_emit(struct emitter *out, port_number port, const struct record *record)
{
    struct runner *runner = (struct runner *)((char *)out - offsetof(struct runner, emitter));
    struct host *h = (struct host *)((char *)runner - offsetof(struct host, runner));
    const struct stage *stages = h->config->topology->stages;
    size_t dealt_to = 0;
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        const struct stage *to = &stages[o->edge->to];
        if (record->kind == RECORD_END) {
            outlet_add(o, record, -1);
            continue;
        }
        if (o->edge->port != port)
            continue;
        if (to->worker == 0)
            dealt_to = partition_worker(to, record);
        if (to->worker == dealt_to)
            outlet_add(o, record, to->clock_field);
        else if (to->clock_field >= 0)
            outlet_add_tick(o, record, to->clock_field);
        h->made_room |= o->made_room;
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

/*
 * Whether a record comes before another: by seq, then input, then its order in the seq, which only
 * workers of one stage need. An end is the last of its seq.
 */
static bool comes_before(const struct record *a, const struct record *b)
{
    if (a->seq != b->seq)
        return a->seq < b->seq;
    if ((a->kind == RECORD_END) != (b->kind == RECORD_END))
        return b->kind == RECORD_END;
    if (a->input != b->input)
        return a->input < b->input;
    return order_compare(a->order, a->order_len, b->order, b->order_len) < 0;
}

/* The inlet with the next record; NULL if there is none. */
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
            (*ret_inlet != NULL && !comes_before(record, *ret_record)))
            continue;
        *ret_inlet = &h->inlets[i];
        *ret_record = record;
    }
    return 0;
}

/* The end of the input comes by every inlet, and counts once, when it has come by all. */
static void pop_ends(struct host *h, seq_number seq)
{
    for (size_t i = 0; i < h->inlet_count; i++)
        inlet_pop_end(&h->inlets[i], seq);
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
        bool looks = n % HOST_RECORDS_PER_LOOK == 0 || h->made_room || runner_is_full(&h->runner);
        if (begins_seq &&
            (n >= HOST_RECORDS_PER_TURN || (looks && (host_is_ripe(h) || is_blocked(h))))) {
            *ret_more = !is_blocked(h);
            return 0;
        }
        host_show_in_hand(h, record->seq);
        rc = runner_take(&h->runner, record, &h->e);
        host_show_in_hand(h, 0);
        if (rc == ERR_AGAIN) {
            h->io_waits = true;
            *ret_more = false;
            return 0;
        }
        if (rc != 0)
            return rc;
        if (record->kind == RECORD_END)
            pop_ends(h, record->seq);
        else
            inlet_pop(inlet);
    }
}

static int work_on_source(struct host *h, bool *ret_more)
{
    *ret_more = false;
    uint64_t began_us = clock_monotonic_us();
    for (unsigned n = 0; !h->at_end; n++) {
        h->turn_is_long =
            n % HOST_RECORDS_PER_LOOK == 0 && clock_monotonic_us() - began_us >= SOURCE_TURN_US;
        if (n >= HOST_RECORDS_PER_TURN || host_is_ripe(h) || h->turn_is_long) {
            *ret_more = true;
            return 0;
        }
        host_show_in_hand(h, h->processed + 1);
        int rc = runner_read(&h->runner, &h->e);
        host_show_in_hand(h, 0);
        if (rc == ERR_END || (rc == ERR_AGAIN && runner_gave_all(&h->runner))) {
            h->gave_all = true;
            h->all_given = h->processed;
        }
        if (rc == ERR_AGAIN) {
            h->io_waits = true;
            return 0;
        }
        if (rc == ERR_UNFINISHED) {
            *ret_more = h->turn_is_long = true;
            return 0;
        }
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
    h->io_waits = false;
    h->turn_is_long = h->made_room = false;
    h->paced = host_paced_us(h) != 0;
    if (is_blocked(h) || h->paced)
        return 0;
    int rc = h->inlet_count == 0 ? work_on_source(h, ret_more) : work_on_input(h, ret_more);
    if (rc == 0 && !*ret_more)
        rc = runner_flush(&h->runner, &h->e);
    return host_note_space(h, HOST_PAUSED_AT_WORK, rc);
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

/*
 * A source says, if it was asked, that all there is was given out and is acked. So has been, then,
 * whatever a former life has given out, for that was no more. One that was told to read no more
 * does not know.
 */
static int say_all_acked(struct host *h)
{
    if (!h->gave_all || h->all_given != h->processed)
        return 0;
    struct control_message message = {
        .kind = CTL_STAGE_ALL_ACKED, .serial = h->all_asked, .acked = h->committed};
    h->all_asked = 0;
    return host_tell(h, &message);
}

/* A source at its end is done when everything that it ever gave out has come back as acked. */
static int say_done(struct host *h)
{
    if (h->inlet_count != 0 || h->committed != h->processed || !host_all_peers_known(h))
        return 0;
    int rc = h->all_asked != 0 ? say_all_acked(h) : 0;
    if (rc != 0 || !h->at_end || h->done_said)
        return rc;
    h->done_said = true;
    struct control_message message = {.kind = CTL_STAGE_DONE, .acked = h->committed};
    return host_tell(h, &message);
}

/*
 * Publishes the counts of what was worked on; before any of it is committed, because what lies
 * below the commit is never seen again, so nobody would count it after a kill. A seq that a full
 * disk holds up half done is not counted yet: after a kill all of it comes again.
 */
static void publish_counts(struct host *h)
{
    struct runner *r = &h->runner;
    if (r->counts.through >= h->processed)
        return;
    r->counts.through = h->processed;
    struct status_counts counts = r->emitter.seq > h->processed ? r->whole : r->counts;
    counts.through = h->processed;
    status_page_publish(h->page, &counts);
}

static void publish(struct host *h)
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

int host_turn(struct host *h, bool *ret_more)
{
    bool more = false;
    int rc = host_hear_supervisor(h);
    if (rc == 0 && !h->stopping)
        rc = receive_all(h);
    if (rc == 0 && !h->stopping)
        rc = work(h, &more);
    /* After an error, the counts may have a record that `processed` does not cover. */
    if (rc == 0)
        publish_counts(h);
    if (rc == 0 && !h->stopping)
        rc = host_send_all(h, more);
    /* Work that a full store or disk held up can go on after a commit; no event will say so. */
    bool was_full = runner_is_full(&h->runner);
    bool was_paused = h->paused != HOST_NOT_PAUSED;
    if (rc == 0 && !h->stopping)
        rc = host_commit_if_due(h);
    more = more || (was_full && !runner_is_full(&h->runner)) ||
           (was_paused && h->paused == HOST_NOT_PAUSED);
    if (rc == 0 && !h->stopping)
        rc = ack_upstream(h);
    if (rc == 0 && !h->stopping)
        rc = say_done(h);
    publish(h);
    *ret_more = more;
    return rc;
}

static void make_edges(struct host *h)
{
    const struct topology *t = h->config->topology;
    h->inlets = memory_new(t->edge_count, sizeof *h->inlets);
    h->outlets = memory_new(t->edge_count, sizeof *h->outlets);
    h->poll_fds = memory_new(3 + 2 * t->edge_count, sizeof *h->poll_fds);
    for (size_t i = 0; i < t->edge_count; i++) {
        if (t->edges[i].to == h->config->stage->index)
            inlet_init(&h->inlets[h->inlet_count++], &t->edges[i]);
        if (t->edges[i].from != h->config->stage->index)
            continue;
        struct outlet *o = &h->outlets[h->outlet_count++];
        outlet_init(o, &t->edges[i]);
        o->quiet = t->stages[t->edges[i].to].kind->internal;
    }
}

static void prepare(void *arg, const struct record *record)
{
    const struct runner *runner = arg;
    runner->ops->prepare(runner->self, record);
}

/* A kind that wants to know what comes is told so of as many inlets as there are numbers for. */
static void announce_records(struct host *h)
{
    for (size_t i = 0; h->runner.ops->prepare != NULL && i < h->inlet_count &&
                       (i + 1) * INLET_AHEAD <= STAGE_AHEAD_MAX;
         i++)
        inlet_announce(&h->inlets[i], (uint32_t)(1 + i * INLET_AHEAD), prepare, &h->runner);
}

/* What a stage has to say while it opens its files or works. */
static void note(const char *text)
{
    log_line(LOG_WARNING, "%s", text);
}

int host_open(struct host *h)
{
    int rc = status_page_map(STAGE_FD_STATUS, &h->page, &h->e);
    if (rc != 0)
        return rc;
    atomic_store(&h->page->generation, h->config->generation);
    atomic_store(&h->page->waiting, STATUS_BUSY);
    atomic_store(&h->page->work, STATUS_ON_RECORD);
    atomic_store(&h->page->out_of_memory, 0);
    host_show_in_hand(h, 0);
    make_edges(h);
    struct runner_config config = {
        .topology = h->config->topology,
        .stage = h->config->stage,
        .stages_fd = STAGE_FD_STAGES,
        .image_fd = h->config->stage->kind->store_spec != NULL ? STAGE_FD_IMAGE : -1,
        .begins_after = h->config->begins_after,
        .first = h->config->generation == 1,
        .beats = &h->page->beats,
        .work = &h->page->work,
        .on_none = host_end_for_want_of_state,
        .input = h->config->input,
        .note = note,
        .emit = on_emit};
    pattern_use_beats(&h->page->beats);
    link_use_beats(&h->page->beats);
    rc = runner_open(&h->runner, &config, &h->e);
    if (rc != 0)
        return rc;
    announce_records(h);
    h->runner.counts = status_page_counts(h->page);
    /* Before it is ready: else the run could be over before that is known. */
    struct control_message unsettled = {.kind = CTL_STAGE_UNSETTLED};
    h->idle_bytes = memory_private_bytes();
    struct control_message ready = {.kind = CTL_STAGE_READY};
    rc = runner_is_unsettled(&h->runner) ? host_tell(h, &unsettled) : 0;
    if (rc == 0)
        rc = host_tell(h, &ready);
    if (rc == 0 && runner_has_position(&h->runner))
        rc = host_take_position(h, runner_position(&h->runner));
    return rc;
}

void host_close(struct host *h)
{
    if (h->runner.ops != NULL)
        runner_close(&h->runner);
    for (size_t i = 0; i < h->inlet_count; i++)
        inlet_done(&h->inlets[i]);
    for (size_t i = 0; i < h->outlet_count; i++)
        outlet_done(&h->outlets[i]);
    free(h->inlets);
    free(h->outlets);
    free(h->poll_fds);
    pattern_use_beats(NULL);
    link_use_beats(NULL);
    status_page_unmap(h->page);
}

int host_run(struct host *h)
{
    int rc = host_open(h);
    while (rc == 0 && !h->stopping) {
        bool more;
        rc = host_turn(h, &more);
        if (rc == 0 && !h->stopping && !more)
            rc = host_wait(h);
    }
    int code = host_end(h, rc);
    host_close(h);
    return code;
}

int process_host_run(const struct process_host_config *config)
{
    /* nng's threads inherit the mask, so that signals come to this thread alone. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    struct host h = {.config = config};
    host_watch_memory(&h);
    int rc = link_start(host_end_for_want_of_thread, &h.e);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? host_run(&h) : host_end(&h, rc);
}
