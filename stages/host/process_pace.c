/* SPDX-License-Identifier: MIT */
/*
 * When a stage sends, when it commits, and how long it sleeps.
 *
 * A message costs some 100 microseconds of processor time in all, whatever is in it, and most of
 * that for waking up threads. So there is one place where records gather if they come one by one:
 * the source. What it sends then moves on through all stages at once. What nobody waits for, acks
 * and frames without dead letters, goes every few milliseconds.
 */
#include "stages/host/process_host_p.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

#include "common/bounds.h"
#include "common/clock.h"
#include "ipc/control.h"

/* Commits are grouped: a sync costs a millisecond or two whatever it is for. */
#define COMMIT_INTERVAL_HOST_US 10000u
#define COMMIT_INTERVAL_PROCESS_US 5000u
/* Of a sink that shows by its commit what it has written, if there is little of that. */
#define COMMIT_INTERVAL_SHOW_US 1000u
#define COMMIT_FEW_SEQS 64u
#define QUIET_FLUSH_US (QUIET_FLUSH_MS * 1000u)
#define QUIET_FLUSH_MANY_US (QUIET_FLUSH_MANY_MS * 1000u)

#define NEVER_US UINT64_MAX

static uint64_t sooner_us(uint64_t a_us, uint64_t b_us)
{
    return a_us < b_us ? a_us : b_us;
}

/* How much of an interval is left that began at some time. */
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

/* How much is left of the time for which what only commits wait for may be held back. */
static uint64_t left_quiet_us(const struct host *h, const struct outlet *o)
{
    seq_number seqs = h->runner.done + 1 - o->builder.first;
    return left_us(o->flushed_at_us, seqs < QUIET_MANY_SEQS ? QUIET_FLUSH_US : QUIET_FLUSH_MANY_US);
}

/*
 * How long an outlet is held back. Every frame of records would have an empty one for the dead
 * letters beside it, and they would be half of all messages. Nobody waits for what is not in them
 * but the next commit.
 */
static uint64_t held_us(const struct host *h, const struct outlet *o)
{
    if (!o->quiet || !outlet_has_unflushed(o, h->runner.done) || o->builder.record_count != 0 ||
        outlet_is_ripe(o, h->runner.done))
        return 0;
    return left_quiet_us(h, o);
}

/* Whether every link that brings records to somebody could take a frame now. */
static bool links_are_idle(struct host *h)
{
    for (size_t i = 0; i < h->outlet_count; i++) {
        struct outlet *o = &h->outlets[i];
        if (!o->quiet && (o->link == NULL || outlet_has_unsent(o)))
            return false;
    }
    return true;
}

/* Whether something is done that no frame has yet. */
static bool has_unflushed(const struct host *h)
{
    for (size_t i = 0; h->positioned && i < h->outlet_count; i++) {
        if (outlet_has_unflushed(&h->outlets[i], h->runner.done) && held_us(h, &h->outlets[i]) == 0)
            return true;
    }
    return false;
}

/* When the next frame is to be closed if nothing happens before. */
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
 * The more frames are under way, the longer: when others need the processors too, fewer and larger
 * frames are what lets the stages keep up.
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
 * Frames are closed when one is ripe, or when there is nothing to add to them now and the links
 * would be idle otherwise; all of them, so that they cover the same range.
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
         * One that was held back must go even while another link is full: that one may wait for
         * acks that wait for it.
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

/* Up to here everything is acked downstream, and done here: it can be made safe and acked. */
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
    /* What there was no space for at work may come free by a commit: of a journal, say. */
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
    /* What ended the life before at this place, for want of something, does so no more. */
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

/* Watches what the stage says it waits for; returns after how long to try without a sign of it. */
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
    if (paced_us != 0 || h->paced) { /* the time may be over by now: then look at once */
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
                 : err_set_errno(&h->e, "waiting for the links");
    atomic_store_explicit(&h->page->waiting, STATUS_BUSY, memory_order_relaxed);
    host_show_in_hand(h, 0);
    link_lost_seen();
    return rc;
}
