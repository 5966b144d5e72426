/* SPDX-License-Identifier: MIT */
/*
 * process_host_p.h - a stage process from inside; private to process_*.c
 *
 * One struct with one owner, and a file for each part of what is done with it: process_host.c on
 * top, the turn of the loop; below it the files in the order of the sections here, each of which
 * calls only those that come after it.
 */
#ifndef BULKHEAD_STAGES_HOST_PROCESS_HOST_P_H
#define BULKHEAD_STAGES_HOST_PROCESS_HOST_P_H

#include <poll.h>

#include "common/beat.h"
#include "ipc/control.h"
#include "ipc/stage_protocol.h"
#include "stages/host/inlet.h"
#include "stages/host/outlet.h"
#include "stages/host/process_host.h"
#include "stages/host/runner.h"

/* What there was no space for. */
enum host_pause {
    HOST_NOT_PAUSED,
    HOST_PAUSED_AT_WORK,   /* a source or a sink could not go on with a record */
    HOST_PAUSED_AT_COMMIT, /* what was done cannot be made safe: no more is done until it is */
};

struct host {
    const struct process_host_config *config;
    struct status_page *page;
    struct runner runner;
    struct err e;
    bool stopping;

    struct inlet *inlets;
    size_t inlet_count;
    struct outlet *outlets;
    size_t outlet_count;
    struct pollfd *poll_fds; /* room for all that a wait may be for */

    /* Where it is; see process_host.c. */
    bool positioned;
    seq_number committed;
    uint64_t committed_at_us;
    bool has_committed; /* in this life */

    /* How the last turn went. */
    bool made_room;    /* an outlet has closed frames because they were large */
    bool turn_is_long; /* a source has read for long enough that its frame should go */
    bool paced;        /* a source was not to read yet, so its input was not asked for */
    bool io_waits;     /* something said ERR_AGAIN: what a source reads, or a sink writes */
    bool commit_waits; /* it was the commit that said so */

    /* The last frames that were sent. */
    uint64_t flushed_at_us;
    bool sent_idle; /* they were sent because there was nothing more to do */

    /* Of a source: what it has read, and what the supervisor was told of that. */
    bool at_end;          /* it has read all there is, or was told to stop reading */
    bool gave_all;        /* at some time it had nothing more to read, */
    seq_number all_given; /* and this was the last seq that it had given then */
    uint64_t all_asked;   /* serial of the question whether all was given out; 0: none is open */
    bool done_said;

    /* Space that there was none of; see process_space.c. */
    enum host_pause paused;
    uint64_t retry_at_ms; /* when it is tried again */

    uint64_t idle_bytes; /* of private memory that it had before its first record */
};

/* --- process_host.c --- */

/*
 * The life of a stage process: open, then turns until h->stopping or an error, with a wait after
 * each turn that has nothing more to do; then close, in any case. h->config is set, all else zero.
 * An error that is ERR_MISMATCH or ERR_CORRUPT would come again; h->e says what it is.
 */
int host_open(struct host *h);
int host_turn(struct host *h, bool *ret_more);
int host_wait(struct host *h); /* in process_pace.c */
void host_close(struct host *h);

/* All of that life; returns the exit code of the process. */
int host_run(struct host *h);

/* --- process_pace.c: when to send, commit and sleep --- */

/* Whether a frame has reached its size. */
bool host_is_ripe(const struct host *h);

/*
 * Closes frames, if it is time, and sends what can be sent; more: there is more to add to them at
 * once. Returns 0 or ERR_IO.
 */
int host_send_all(struct host *h, bool more);

/* How long a source is not to read, so that what comes one by one gathers; 0: it may. */
uint64_t host_paced_us(const struct host *h);

/* Commits what can be, if it is time. Returns 0 or an error of runner_commit(). */
int host_commit_if_due(struct host *h);

/* --- process_edges.c: what comes by the inlets and goes by the outlets --- */

/* Makes the inlets, the outlets and the room to wait for them; host_close_edges() frees them. */
void host_open_edges(struct host *h);
void host_close_edges(struct host *h);

/*
 * Where the stage's outputs arrive; an emit_function, for a struct host. Links to the workers of
 * one stage stand side by side: one of them gets the record, the others, if their clock needs it,
 * its time. An end is for all of them.
 */
void host_on_emit(void *host, port_number port, const struct record *record);

/*
 * What they do with their links; a link that fails is closed, and the supervisor told, who makes a
 * new one. Return 0 or ERR_IO.
 */
int host_receive_all(struct host *h);                 /* takes the acks and frames that have come */
int host_send(struct host *h, struct outlet *outlet); /* sends the frames that can be sent */
int host_ack_upstream(struct host *h);                /* says what is committed */

/* The seq up to which all inlets have everything: up to there the stage may work. */
seq_number host_covered(const struct host *h);

/*
 * The inlet that has the next record up to a seq, and that record; NULL if there is none.
 * Returns 0, or an error of inlet_read().
 */
int host_next_inlet(struct host *h, seq_number limit, struct inlet **ret_inlet,
                    const struct record **ret_record);

/* --- process_memory.c: the end of a stage that can have no memory --- */

/*
 * From here on, a stage that can have no memory ends as it should. The host stays where it is for
 * as long as the process lives.
 */
void host_watch_memory(struct host *h);

/*
 * There is no memory to take in what comes, for the reason in h->e. If the bound for that is the
 * stage's own memory_max, it dies; else this returns.
 */
void host_die_of_receipt(struct host *h, const struct inlet *in);

/* Ends the process when its store cannot grow: see store_spec. */
void host_end_for_want_of_state(const struct err *e);

/* --- process_space.c: a stage that can have no space --- */

/* Whether it is too early to try again what there was no space for. */
bool host_must_wait_for_space(const struct host *h);

/*
 * Takes note of how something went that needs space: rc. What there was none for is tried again.
 * Returns: 0, or rc if that is another error.
 */
int host_note_space(struct host *h, enum host_pause what, int rc);

/* --- process_end.c --- */

/* Says why the stage ends, where a person or the supervisor must know; returns its exit code. */
int host_end(struct host *h, int rc);

/* Ends the process when link_start() finds no thread; nothing else is there yet. */
void host_end_for_want_of_thread(const struct err *e);

/* --- process_control.c: what the stage and its supervisor say to each other --- */

/* Says something to the supervisor; if it is gone, h->stopping is set. Returns 0 or ERR_IO. */
int host_tell(struct host *h, const struct control_message *message);

/* Says that a link failed, for the reason in h->e. Returns 0 or ERR_IO. */
int host_tell_failed(struct host *h, uint32_t edge, uint64_t serial);

/* Says why the stage cannot go on, when a restart would not help; the kind says how it ends. */
void host_refuse(struct host *h, enum control_kind kind);

/*
 * Takes all messages that have come from the supervisor.
 * Returns: 0, ERR_MISMATCH (a peer wants what is gone), ERR_PROTOCOL, ERR_IO.
 */
int host_hear_supervisor(struct host *h);

/* All up to position is done; every record after it is still to come. Returns 0 or ERR_IO. */
int host_take_position(struct host *h, seq_number position);

/* The least seq that all peers downstream have acked; UINT64_MAX without any. */
seq_number host_least_peer_acked(const struct host *h);

/* Whether every peer downstream has said in this life what it acked. */
bool host_all_peers_known(const struct host *h);

/* --- process_status.c: what the stage shows on its status page --- */

/* Shows that it moves, and with what in hand; 0: nothing. */
static inline void host_show_in_hand(struct host *h, seq_number seq)
{
    atomic_store_explicit(&h->page->seq_in_hand, seq, memory_order_relaxed);
    beat_once(&h->page->beats);
}

/*
 * Publishes the counts of what is done; before any of it is committed, because what lies below the
 * commit is never seen again, so nobody would count it after a kill.
 */
void host_publish_counts(struct host *h);

/* Shows how far the stage and its links are. */
void host_publish(struct host *h);

#endif
