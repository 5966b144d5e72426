/* SPDX-License-Identifier: MIT */
/*
 * When a stage sends, when it commits, and how long it sleeps.
 *
 * A message costs some 100 microseconds of processor time in all, whatever its size, and most of
 * that goes into waking up threads. So records that come one by one are collected in one place, the
 * source; what it sends then moves through all stages without delay. What nothing waits for, acks
 * and frames without dead letters, is sent every few milliseconds.
 */
#include "stages/host/process_host_p.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "ipc/control.h"

/* Commits are grouped: a sync takes a millisecond or two, however little it writes. */
#define COMMIT_INTERVAL_HOST_US 10000u
#define COMMIT_INTERVAL_PROCESS_US 5000u
/* For a sink whose output becomes visible only with a commit, if there is little to commit. */
#define COMMIT_INTERVAL_SHOW_US 1000u
#define COMMIT_FEW_SEQS 64u
#define QUIET_FLUSH_US (QUIET_FLUSH_MS * 1000u)
#define QUIET_FLUSH_MANY_US (QUIET_FLUSH_MANY_MS * 1000u)

#define NEVER_US UINT64_MAX

static uint64_t sooner_us(uint64_t a_us, uint64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* How much is left of an interval that began at began_us. */
static uint64_t left_us(uint64_t began_us, uint64_t interval_us)
{
    uint64_t since_us = clock_monotonic_us() - began_us;
    return since_us < interval_us ? interval_us - since_us : 0;
}

/* --- frames --- */

bool host_is_ripe(const struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        if (outlet_is_ripe(&h->outlets[i], h->runner.done))
            return true;
    }
    return false;
}

/* How much longer an outlet may hold back what only commits wait for. */
static uint64_t left_quiet_us(const struct host *h, const struct outlet *o)
{
    seq_number seqs = h->runner.done + 1 - o->builder.first;
    return left_us(o->flushed_at_us, seqs < QUIET_MANY_SEQS ? QUIET_FLUSH_US : QUIET_FLUSH_MANY_US);
}

/*
 * How long an outlet is held back. Otherwise every frame of records would come with an empty one
 * for the dead letters, and half of all messages would be empty frames. Only the next commit waits
 * for these.
 */
static uint64_t held_us(const struct host *h, const struct outlet *o)
{
    if (!o->quiet || !outlet_has_unflushed(o, h->runner.done) || o->builder.record_count != 0 ||
        outlet_is_ripe(o, h->runner.done))
        return 0;
    return left_quiet_us(h, o);
}

/* Whether every link, apart from that to the dead letters, could take a frame now. */
static bool links_are_idle(struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (!o->quiet && (o->link == NULL || outlet_has_unsent(o)))
            return false;
    }
    return true;
}

/* Whether something is done that is not in a closed frame yet, and is not held back. */
static bool has_unflushed(const struct host *h)
{
    for (size_t i = 0; h->positioned && i < h->outlet_count; i++) {
        if (outlet_has_unflushed(&h->outlets[i], h->runner.done) && held_us(h, &h->outlets[i]) == 0)
            return true;
    }
    return false;
}

/* How long until the next frame must be closed, if nothing happens before. */
static uint64_t until_flush_us(struct host *h)
{
    if (has_unflushed(h) && links_are_idle(h))
        return 0;
    uint64_t soonest_us = NEVER_US;
    for (size_t i = 0; h->positioned && i < h->outlet_count; i++) {
        const struct outlet *o = &h->outlets[i];
        if (o->quiet && outlet_has_unflushed(o, h->runner.done))
            soonest_us = sooner_us(soonest_us, held_us(h, o));
    }
    return soonest_us;
}

/*
 * The more frames are in flight, the longer the source waits: when the processors are busy, fewer
 * and larger frames let the stages keep up.
 */
uint64_t host_paced_us(const struct host *h)
{
    if (h->inlet_count != 0 || !h->sent_idle)
        return 0;
    size_t frames = 0;
    for (size_t i = 0; i < h->outlet_count; i++) {
        const struct outlet *o = &h->outlets[i];
        if (!o->quiet && o->window.count > frames)
            frames = o->window.count;
    }
    uint64_t pace_us = SOURCE_PACE_US * (1 + frames / SOURCE_PACE_FRAMES);
    return left_us(h->flushed_at_us, sooner_us(pace_us, SOURCE_PACE_US_MAX));
}

/*
 * Frames are closed when one is large enough, or when there is nothing to add now and the links
 * would otherwise be idle. All are closed together, so that they cover the same range.
 */
int host_send_all(struct host *h, bool more)
{
    bool idle = !more && links_are_idle(h);
    bool flush = has_unflushed(h) &&
                 (idle || h->turn_is_long || host_is_ripe(h) || runner_is_full(&h->runner));
    if (flush) {
        h->flushed_at_us = clock_monotonic_us();
        h->sent_idle = idle;
    }
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        /*
         * A frame that was held back must be sent even while another link is full: that link may
         * be waiting for acks that wait for this frame.
         */
        bool due = o->quiet && left_quiet_us(h, o) == 0;
        if ((flush || due) && h->positioned && held_us(h, o) == 0)
            outlet_flush(o, h->runner.done);
        int rc = h->positioned ? host_send(h, o) : 0;
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* --- commits --- */

/* The seq up to which everything is acked downstream and done here, and so can be committed. */
static seq_number committable(const struct host *h)
{
    seq_number acked = host_least_peer_acked(h);
    return acked < h->runner.done ? acked : h->runner.done;
}

static uint64_t commit_interval_us(const struct host *h)
{
    const struct stage_ops *ops = h->runner.ops;
    if (!runner_has_position(&h->runner))
        return 0;
    if (h->config->stage->kind->internal && committable(h) - h->committed >= QUIET_MANY_SEQS)
        return QUIET_FLUSH_MANY_US;
    if (h->config->topology->durability == DURABILITY_HOST)
        return COMMIT_INTERVAL_HOST_US;
    bool shows = ops->write != NULL && ops->flush == NULL;
    return shows && committable(h) - h->committed <= COMMIT_FEW_SEQS ? COMMIT_INTERVAL_SHOW_US
                                                                     : COMMIT_INTERVAL_PROCESS_US;
}

int host_commit_if_due(struct host *h)
{
    seq_number target = committable(h);
    h->commit_waits = false;
    if (!h->positioned || target <= h->committed)
        return 0;
    if (left_us(h->committed_at_us, commit_interval_us(h)) != 0 && !runner_is_full(&h->runner))
        return 0;
    /* If there was no space for a record, a commit may free some: a journal's does, for example. */
    if (h->paused == HOST_PAUSED_AT_COMMIT && host_must_wait_for_space(h))
        return 0;
    int commit_rc = runner_commit(&h->runner, target, &h->e);
    if (commit_rc == ERR_AGAIN) {
        h->io_waits = h->commit_waits = true;
        return 0;
    }
    int rc = host_note_space(h, HOST_PAUSED_AT_COMMIT, commit_rc);
    if (rc != 0 || commit_rc != 0)
        return rc;
    h->committed = target;
    h->committed_at_us = clock_monotonic_us();
    if (h->has_committed || h->paused != HOST_NOT_PAUSED)
        return 0;
    /* If the previous process ended here because a resource was lacking, it is lacking no more. */
    h->has_committed = true;
    struct control_message message = {.kind = CTL_STAGE_RESUMED};
    return host_tell(h, &message);
}

static uint64_t until_commit_us(const struct host *h)
{
    uint64_t now_ms = clock_monotonic_ms();
    uint64_t retry_us = h->paused == HOST_NOT_PAUSED ? NEVER_US
                        : h->retry_at_ms > now_ms    ? (h->retry_at_ms - now_ms) * 1000
                                                     : 0;
    if (h->paused == HOST_PAUSED_AT_COMMIT || !h->positioned || committable(h) <= h->committed ||
        h->commit_waits)
        return retry_us;
    return sooner_us(left_us(h->committed_at_us, commit_interval_us(h)), retry_us);
}

/* --- sleep --- */

static struct pollfd readable(int fd)
{
    return (struct pollfd){.fd = fd, .events = POLLIN};
}

static nfds_t watch_links(struct host *h, struct pollfd *fds)
{
    nfds_t count = 0;
    fds[count++] = readable(STAGE_FD_CONTROL);
    fds[count++] = readable(link_lost_fd());
    for (size_t i = 0; i < h->inlet_count; i++) {
        const struct inlet *in = &h->inlets[i];
        if (inlet_has_room(in))
            fds[count++] = readable(link_receive_fd(in->link));
        if (in->up && in->ack_sent < h->committed)
            fds[count++] = readable(link_send_fd(in->link));
    }
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (o->link != NULL)
            fds[count++] = readable(link_receive_fd(o->link));
        if (outlet_has_unsent(o))
            fds[count++] = readable(link_send_fd(o->link));
    }
    return count;
}

/* Polls what the stage waits for. Returns how long to wait before trying without a sign. */
static uint64_t watch_io(struct host *h, struct pollfd *ret_sign)
{
    int timeout_ms;
    h->runner.ops->wait(h->runner.self, ret_sign, &timeout_ms);
    return timeout_ms < 0 ? NEVER_US : (uint64_t)timeout_ms * 1000;
}

int host_wait(struct host *h)
{
    nfds_t count = watch_links(h, h->poll_fds);
    uint64_t timeout_us = sooner_us(until_commit_us(h), until_flush_us(h));
    uint64_t paced_us = host_paced_us(h);
    enum status_waiting why = STATUS_IDLE;
    if (paced_us != 0 || h->paced) { /* the pause may be over by now: then look again at once */
        timeout_us = sooner_us(timeout_us, paced_us);
    } else if (h->io_waits) {
        struct pollfd *sign = &h->poll_fds[count++];
        timeout_us = sooner_us(timeout_us, watch_io(h, sign));
        why = (sign->events & POLLOUT) != 0 ? STATUS_UNREAD : STATUS_IDLE;
    }
    atomic_store_explicit(&h->page->waiting, why, memory_order_relaxed);
    struct timespec timeout = {.tv_sec = (time_t)(timeout_us / 1000000),
                               .tv_nsec = (long)(timeout_us % 1000000) * 1000};
    bool forever = timeout_us == NEVER_US;
    int rc = ppoll(h->poll_fds, count, forever ? NULL : &timeout, NULL) >= 0 || errno == EINTR
                 ? 0
                 : err_set_errno(&h->e, "cannot wait for the links");
    atomic_store_explicit(&h->page->waiting, STATUS_BUSY, memory_order_relaxed);
    host_show_in_hand(h, 0);
    link_lost_seen();
    return rc;
}
