/* SPDX-License-Identifier: MIT */
/*
 * One turn of the loop: read the supervisor's messages, receive acks and frames, process some
 * records, close frames that are large enough, send, commit if it is time, ack upstream, publish.
 * If there is nothing more to do after a turn, the process sleeps in host_wait(). process_pace.c
 * decides when to send and to commit.
 *
 * Positions. The runner knows what the stage was given and how much of that is done. Everything up
 * to `committed` is done, acked by every stage downstream, and safe here; this is what is acked
 * upstream. A stage with a state or a cursor learns its position from its files when it starts. A
 * stage without asks its peers downstream, and continues after the lowest seq that they have acked:
 * nothing up to there will ever be asked for again.
 */
#include "stages/host/process_host_p.h"

#include <signal.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/memory.h"
#include "common/pattern.h"

/* How long a source may read without filling a frame, for example because its disk is slow. */
#define SOURCE_TURN_US 1000u

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
     * Before a stage dies of a record, it must know whether its peers have the outputs that an
     * earlier process made of it: if they do, the record can no longer become a dead letter.
     */
    return !h->positioned || !host_all_peers_known(h) ||
           (is_full(h) && !runner_is_in_a_seq(&h->runner)) || h->paused == HOST_PAUSED_AT_COMMIT ||
           host_must_wait_for_space(h);
}

/* Processes records, whole seqs at a time. Sets *ret_more if it could continue immediately. */
static int work_on_input(struct host *h, bool *ret_more)
{
    seq_number limit = host_covered(h);
    for (unsigned n = 0;; n++) {
        struct inlet *inlet;
        const struct record *record = NULL;
        int rc = host_next_inlet(h, limit, &inlet, &record);
        if (rc != 0)
            return rc;
        if (inlet == NULL) {
            runner_complete(&h->runner, limit);
            *ret_more = false;
            return 0;
        }
        runner_complete(&h->runner, record->seq - 1); /* a seq is complete once the next begins */
        bool begins_seq = record->seq != h->runner.begun;
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
        host_show_in_hand(h, h->runner.given + 1);
        int rc = runner_read(&h->runner, &h->e);
        host_show_in_hand(h, 0);
        if (rc == ERR_END || (rc == ERR_AGAIN && runner_gave_all(&h->runner))) {
            h->gave_all = true;
            h->all_given = h->runner.given;
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

/*
 * Answers the supervisor's question: a source reports that all its input was emitted and acked.
 * Whatever an earlier process emitted is then acked as well, for it cannot have been more.
 * A source that was told to stop reading does not know, and does not answer.
 */
static int say_all_acked(struct host *h)
{
    if (!h->gave_all || h->all_given != h->runner.given)
        return 0;
    struct control_message message = {
        .kind = CTL_STAGE_ALL_ACKED, .serial = h->all_asked, .acked = h->committed};
    h->all_asked = 0;
    return host_tell(h, &message);
}

/* A source at its end is done once everything that it has emitted is acked. */
static int say_done(struct host *h)
{
    if (h->inlet_count != 0 || h->committed != h->runner.given || !host_all_peers_known(h))
        return 0;
    int rc = h->all_asked != 0 ? say_all_acked(h) : 0;
    if (rc != 0 || !h->at_end || h->done_said)
        return rc;
    h->done_said = true;
    struct control_message message = {.kind = CTL_STAGE_DONE, .acked = h->committed};
    return host_tell(h, &message);
}

int host_turn(struct host *h, bool *ret_more)
{
    bool more = false;
    int rc = host_hear_supervisor(h);
    if (rc == 0 && !h->stopping)
        rc = host_receive_all(h);
    if (rc == 0 && !h->stopping)
        rc = work(h, &more);
    /* After an error, the counts may include a record that `done` does not cover. */
    if (rc == 0)
        host_publish_counts(h);
    if (rc == 0 && !h->stopping)
        rc = host_send_all(h, more);
    /* After a commit, work that a full store or disk held up can continue; no event says so. */
    bool was_full = runner_is_full(&h->runner);
    bool was_paused = h->paused != HOST_NOT_PAUSED;
    if (rc == 0 && !h->stopping)
        rc = host_commit_if_due(h);
    more = more || (was_full && !runner_is_full(&h->runner)) ||
           (was_paused && h->paused == HOST_NOT_PAUSED);
    if (rc == 0 && !h->stopping)
        rc = host_ack_upstream(h);
    if (rc == 0 && !h->stopping)
        rc = say_done(h);
    host_publish(h);
    *ret_more = more;
    return rc;
}

/* Logs what a stage reports while it opens its files or works. */
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
    host_open_edges(h);
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
        .emit = host_on_emit,
        .host = h};
    pattern_use_beats(&h->page->beats);
    link_use_beats(&h->page->beats);
    rc = runner_open(&h->runner, &config, &h->e);
    if (rc != 0)
        return rc;
    h->runner.counts = status_page_counts(h->page);
    /* This is sent before the stage is ready: otherwise the run could end before it is known. */
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
    host_close_edges(h);
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
    /* nng's threads inherit the mask, so signals are delivered to this thread only. */
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)sigprocmask(SIG_BLOCK, &all, &before);
    struct host h = {.config = config};
    host_watch_memory(&h);
    int rc = link_start(host_end_for_want_of_thread, &h.e);
    (void)sigprocmask(SIG_SETMASK, &before, NULL);
    return rc == 0 ? host_run(&h) : host_end(&h, rc);
}
