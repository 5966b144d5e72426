/* SPDX-License-Identifier: MIT */
/*
 * process_host_p.h - the inside of a stage process; private to process_*.c
 *
 * There is one struct with one owner, and one file for each part of the work. process_host.c, with
 * the turns of the loop, is at the top. The other files follow in the order of the sections below;
 * each calls only those that come after it.
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

/* What could not be done for lack of space. */
enum host_pause {
    HOST_NOT_PAUSED,
    HOST_PAUSED_AT_WORK,   /* a source or a sink could not process a record */
    HOST_PAUSED_AT_COMMIT, /* a commit failed: nothing more is processed until one succeeds */
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
    struct pollfd *poll_fds; /* room for everything that host_wait() may wait for */

    /* The position of the stage; see process_host.c. */
    bool positioned; /* the position is known */
    seq_number committed;
    uint64_t committed_at_us;
    bool has_committed; /* this process has committed something */

    /* How the last turn went. */
    bool made_room;    /* an outlet has closed frames because they were large */
    bool turn_is_long; /* a source has read for so long that its frame should be sent */
    bool paced;        /* a source was not allowed to read yet, so it was not asked for input */
    bool io_waits;     /* a read, a write or a commit returned ERR_AGAIN */
    bool commit_waits; /* the commit returned ERR_AGAIN */

    /* The last frames that were sent. */
    uint64_t flushed_at_us;
    bool sent_idle; /* they were sent because there was nothing more to do */

    /* Sources only: what was read, and what was reported to the supervisor. */
    bool at_end;          /* all input was read, or the stage was told to stop reading */
    bool gave_all;        /* at some point there was nothing more to read; see all_given */
    seq_number all_given; /* the last seq that was emitted at that point */
    uint64_t all_asked;   /* serial of an open question whether everything was emitted; 0: none */
    bool done_said;       /* CTL_STAGE_DONE was sent */

    /* The lack of space; see process_space.c. */
    enum host_pause paused;
    uint64_t retry_at_ms; /* when to try again */

    uint64_t idle_bytes; /* private memory in use before the first record */
};

/* --- process_host.c --- */

/*
 * The life of a stage process: open; then turns, until h->stopping or an error, with a wait after
 * each turn that has nothing more to do; then close, in any case.
 * Requires: h->config is set, and everything else is zero.
 * Returns:  0, or an error that h->e describes. A restart would not help after ERR_MISMATCH or
 *           ERR_CORRUPT.
 */
int host_open(struct host *h);
int host_turn(struct host *h, bool *ret_more);
int host_wait(struct host *h); /* in process_pace.c */
void host_close(struct host *h);

/* Runs the whole life; returns the exit code of the process. */
int host_run(struct host *h);

/* --- process_pace.c: when to send, commit and sleep --- */

/* Whether a frame is large enough to send. */
bool host_is_ripe(const struct host *h);

/*
 * Closes frames, if it is time, and sends what can be sent.
 *
 *   more  whether more records can be added to the frames immediately
 *
 * Returns 0 or ERR_IO.
 */
int host_send_all(struct host *h, bool more);

/* How long a source must not read, so that single records accumulate; 0: it may read. */
uint64_t host_paced_us(const struct host *h);

/* Commits what can be committed, if it is time. Returns 0 or an error of runner_commit(). */
int host_commit_if_due(struct host *h);

/* --- process_edges.c: records in through the inlets and out through the outlets --- */

/* Creates the inlets, the outlets and the poll_fds; host_close_edges() frees them. */
void host_open_edges(struct host *h);
void host_close_edges(struct host *h);

/*
 * Receives the outputs of the stage: an emit_function for a struct host. The links to the workers
 * of one stage are next to each other in h->outlets. One worker gets the record; the others get its
 * time, if their clock needs it. An end goes to all of them.
 */
void host_on_emit(void *host, port_number port, const struct record *record);

/*
 * The traffic on the links. A link that fails is closed and reported to the supervisor, which makes
 * a new one. All return 0 or ERR_IO.
 */
int host_receive_all(struct host *h);                 /* receives acks and frames */
int host_send(struct host *h, struct outlet *outlet); /* sends the frames that can be sent */
int host_ack_upstream(struct host *h);                /* sends what is committed */

/* The seq up to which all inlets have received everything: the stage may process up to there. */
seq_number host_covered(const struct host *h);

/*
 * Finds the next record whose seq is not above limit. *ret_inlet is the inlet that has it, or NULL
 * if there is none; *ret_record is set only if there is one.
 * Returns 0, or an error of inlet_read().
 */
int host_next_inlet(struct host *h, seq_number limit, struct inlet **ret_inlet,
                    const struct record **ret_record);

/* --- process_memory.c: how a stage ends that cannot get memory --- */

/*
 * Makes the process end in order, from now on, if it cannot get memory. The host must not move for
 * as long as the process lives.
 */
void host_watch_memory(struct host *h);

/*
 * Handles an inlet that failed to receive, for the reason in h->e. If there was no memory, and the
 * limit is the stage's own memory_max, the process dies here; otherwise this returns.
 */
void host_die_of_receipt(struct host *h, const struct inlet *in);

/* Ends the process because its store cannot grow; see store_spec. */
void host_end_for_want_of_state(const struct err *e);

/* --- process_space.c: lack of space --- */

/* Whether it is too early to retry what failed for lack of space. */
bool host_must_wait_for_space(const struct host *h);

/*
 * Notes the result rc of something that needs space. ERR_NO_SPACE pauses the stage, and 0 ends a
 * pause that began with the same `what`; both are reported to the supervisor.
 * Returns: 0, rc if it is another error, or an error of host_tell().
 */
int host_note_space(struct host *h, enum host_pause what, int rc);

/* --- process_end.c --- */

/* Reports why the stage ends, to the supervisor or in the log; returns the exit code. */
int host_end(struct host *h, int rc);

/* Ends the process because link_start() could not create a thread; nothing else exists yet. */
void host_end_for_want_of_thread(const struct err *e);

/* --- process_control.c: the conversation with the supervisor --- */

/* Sends a message to the supervisor; if it is gone, sets h->stopping. Returns 0 or ERR_IO. */
int host_tell(struct host *h, const struct control_message *message);

/* Reports that a link failed, for the reason in h->e. Returns 0 or ERR_IO. */
int host_tell_failed(struct host *h, uint32_t edge, uint64_t serial);

/*
 * Reports that the stage cannot continue and that a restart would not help, for the reason in h->e.
 *
 *   kind  CTL_STAGE_REFUSED or CTL_STAGE_UNREAD
 */
void host_refuse(struct host *h, enum control_kind kind);

/*
 * Processes all messages that have arrived from the supervisor.
 * Returns: 0, ERR_MISMATCH (a peer expects records that were discarded), ERR_PROTOCOL, ERR_IO, or
 *          an error of peer_has() or settle() in stage_ops.
 */
int host_hear_supervisor(struct host *h);

/* Sets the position: everything up to it is done, nothing after it. Returns 0 or ERR_IO. */
int host_take_position(struct host *h, seq_number position);

/* The lowest seq that a peer downstream has acked; UINT64_MAX if there is no peer. */
seq_number host_least_peer_acked(const struct host *h);

/* Whether every peer downstream has reported to this process what it acked. */
bool host_all_peers_known(const struct host *h);

/* --- process_status.c: the status page --- */

/* Shows that the stage is alive, and the seq that it is processing; 0: none. */
static inline void host_show_in_hand(struct host *h, seq_number seq)
{
    atomic_store_explicit(&h->page->seq_in_hand, seq, memory_order_relaxed);
    beat_once(&h->page->beats);
}

/*
 * Publishes the counts of what is done. Call it before any of that is committed: what is committed
 * is not processed again, so after a kill it would never be counted.
 */
void host_publish_counts(struct host *h);

/* Publishes how far the stage and its links are. */
void host_publish(struct host *h);

#endif
