/* SPDX-License-Identifier: MIT */
/*
 * core.h - the decisions of the supervisor, without processes, clocks or sockets
 *
 * core_step(event) changes the core and appends actions; the loop turns signals, timers and
 * messages into events and carries the actions out. The time is in the event. So whole stories
 * are tested in a millisecond (tests/sim/core_test.c), and what happened is always a list of
 * events.
 *
 * A stage is what it *is* (its state) apart from what is *wanted* of it. An edge is linked when
 * its sender is ready and its receiver knows its position; a link never outlives either of them.
 * Drawn in docs/architecture.md.
 */
#ifndef BULKHEAD_SUPERVISOR_CORE_CORE_H
#define BULKHEAD_SUPERVISOR_CORE_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/control.h"
#include "ipc/status_page.h"
#include "topology/graph.h"

/* name, text, the states that may follow */
#define CORE_STAGE_STATE_LIST(X)                                                                   \
    X(STAGE_DOWN, "down", TO(STAGE_STARTING))                                                      \
    X(STAGE_STARTING, "starting",                                                                  \
      TO(STAGE_RUNNING) | TO(STAGE_BACKOFF) | TO(STAGE_STOPPING) | TO(STAGE_DOWN))                 \
    X(STAGE_RUNNING, "running", TO(STAGE_BACKOFF) | TO(STAGE_STOPPING) | TO(STAGE_DOWN))           \
    X(STAGE_BACKOFF, "waiting to restart", TO(STAGE_STARTING) | TO(STAGE_DOWN))                    \
    X(STAGE_STOPPING, "stopping", TO(STAGE_DOWN))

enum core_stage_state {
#define X(name, text, next) name,
    CORE_STAGE_STATE_LIST(X)
#undef X
};

#define CORE_EDGE_STATE_LIST(X)                                                                    \
    X(EDGE_DOWN, "down", TO(EDGE_LISTENING))                                                       \
    X(EDGE_LISTENING, "listening", TO(EDGE_DIALING) | TO(EDGE_DOWN))                               \
    X(EDGE_DIALING, "connecting", TO(EDGE_UP) | TO(EDGE_DOWN))                                     \
    X(EDGE_UP, "up", TO(EDGE_DOWN))

enum core_edge_state {
#define X(name, text, next) name,
    CORE_EDGE_STATE_LIST(X)
#undef X
};

#define CORE_PIPELINE_STATE_LIST(X)                                                                \
    X(PIPELINE_NEW, "new", TO(PIPELINE_RUNNING))                                                   \
    X(PIPELINE_RUNNING, "running", TO(PIPELINE_DRAINING) | TO(PIPELINE_STOPPING))                  \
    X(PIPELINE_DRAINING, "draining", TO(PIPELINE_STOPPING))                                        \
    X(PIPELINE_STOPPING, "stopping", TO(PIPELINE_STOPPED))                                         \
    X(PIPELINE_STOPPED, "stopped", 0)

enum core_pipeline_state {
#define X(name, text, next) name,
    CORE_PIPELINE_STATE_LIST(X)
#undef X
};

/* Why the topology ends. */
enum core_outcome {
    CORE_OUTCOME_NONE,
    CORE_OUTCOME_DONE,    /* the input is at its end, everything is safe */
    CORE_OUTCOME_STOPPED, /* a user asked for it, and it drained */
    CORE_OUTCOME_FORCED,  /* a user asked twice, or draining took too long */
    CORE_OUTCOME_REFUSED, /* a stage cannot go on and said why */
    CORE_OUTCOME_UNREAD,  /* the output has no reader any more */
    CORE_OUTCOME_STORM,   /* a stage died too often without progress */
};

/* How a process ended, in words, with the zero at the end. */
#define CORE_CAUSE_BYTES_MAX 192u

struct core_stage {
    bool wanted;
    enum core_stage_state is;
    uint64_t generation;
    bool ready;      /* may be linked as a sender */
    bool positioned; /* may be linked as a receiver */
    bool was_linked; /* had all its links at some time in this life */
    bool was_ready;  /* some life of it has opened its files and state */

    /* Why we have sent a SIGKILL to the present process, if we have. */
    bool kill_asked; /* A death by it counts against nothing: a user asked us to kill it, or a link
                        of it failed and nobody can tell at which end. */
    bool blamed;     /* It was for what the process did or did not do. */
    bool hung;       /* It made no progress. */
    bool held;       /* It made none because a debugger held it, which is not its fault. */
    char killed_for[CORE_CAUSE_BYTES_MAX]; /* "did this and was killed"; empty: we sent none */

    /* The resource that it waits for, because there is none. */
    bool paused;         /* it waits now */
    enum want want;      /* the resource, also when it has it again */
    unsigned want_tries; /* lives in a row that ended because of it with nothing done in between */
    char want_text[160]; /* what was said of it last */
    bool want_at_work;   /* it was missed after the stage was ready, so to be ready again does not
                            prove that there is some */

    uint64_t unsettled; /* number of its question whether all has come again; 0: none is open */
    bool may_ask_again; /* a process of it died with that question, and none was ready since */
    bool image_trusted; /* the last death did not taint its shared memory */
    unsigned strikes;   /* deaths without progress since the last progress */
    unsigned outside;   /* such deaths that were brought about from outside */
    uint64_t restarts;
    uint64_t spawned_at_ms;
    uint64_t acked;       /* when it died last */
    uint64_t deadline_ms; /* when it is started again; 0: it does not wait for that */

    /*
     * What tells a hung stage: its beats at the last observation, the question that it owes an
     * answer to (0: none), and for how many observations it has not moved, nor answered if it says
     * that it waits.
     */
    uint64_t beats;
    uint64_t progress; /* the sum of what it had done and of what was acked */
    uint64_t observed_at_ms;
    uint64_t asked;
    unsigned still;
    bool was_observed, has_beaten; /* in this life */

    /* What tells a poison record: deaths of its own doing, all with this seq in hand. */
    bool may_quarantine;
    bool is_sink;
    uint64_t poison_seq;
    enum status_work poison_work; /* what it was doing at that seq */
    unsigned poison_deaths;
    uint64_t memory_bytes_max; /* its memory_max; 0: it has none */
};

/* The ends of an edge. */
#define EDGE_FROM 1u
#define EDGE_TO 2u

/* One direction of a link: how far it had come at the last observation, and for how many not. */
struct core_flow {
    uint64_t seq, part;
    unsigned still;
};

struct core_edge {
    size_t from, to;
    enum core_edge_state is;
    uint64_t serial;
    uint64_t heard_by; /* generation of the sender that was last told what the receiver has */
    uint64_t expected; /* the next seq that the receiver expected then */
    unsigned failures; /* in a row, with neither end dead in between */
    unsigned blamed;   /* for the failures: EDGE_FROM, EDGE_TO, or both */
    uint64_t failed_at_ms;
    uint64_t deadline_ms; /* when it must be up; if it is down: not to be made before */
    char why[128];        /* of the last failure; "" if it is not to be said again */

    /* If it cannot be made because a resource is missing. */
    enum want want;
    size_t want_stage;   /* the end that misses it */
    unsigned want_tries; /* in a row */

    struct core_flow records, acks;
    unsigned standstills; /* in a row, of one or the other; nothing has moved between them */
    uint64_t stood_taken, stood_heard; /* where it stood at the last of them */
};

struct core {
    struct core_stage *stages;
    size_t stage_count;
    size_t source;
    struct core_edge *edges;
    size_t edge_count;
    enum core_pipeline_state is;
    enum core_outcome outcome;
    bool source_done; /* it said so, but not every stage was ready yet */
    uint64_t stall_timeout_ms;
    bool pending;         /* records were under way when the stages were looked at last */
    unsigned all_still;   /* observations in a row in which nothing moved at all */
    unsigned standstills; /* and how often in a row that was long enough to do something */
    uint64_t deadline_ms;
    uint64_t serial;        /* of the newest link */
    uint64_t questions;     /* of sinks whether all has come again */
    uint64_t pings;         /* questions to stages whether they can be spoken to */
    uint64_t late_messages; /* of links or processes that are over; dropped */
    size_t reason_stage;    /* whose refusal or storm it was */
    char reason[CONTROL_TEXT_BYTES_MAX + 1];
};

enum core_event_kind {
    CORE_STARTED,
    CORE_SPAWN_FAILED,     /* stage, want, text */
    CORE_STAGE_READY,      /* stage */
    CORE_STAGE_POSITIONED, /* stage */
    CORE_LINK_LISTENING,   /* stage, edge, serial, acked, expected */
    CORE_LINK_DIALED,      /* stage, edge, serial */
    CORE_LINK_FAILED,      /* stage, edge, serial, want, text */
    CORE_STAGE_DONE,       /* stage */
    CORE_STAGE_REFUSED,    /* stage, text */
    CORE_STAGE_UNREAD,     /* stage, text */
    CORE_STAGE_UNSETTLED,  /* stage: a sink that waits to hear whether all has come again */
    CORE_STAGE_ALL_ACKED,  /* stage, serial */
    CORE_STAGE_SETTLED,    /* stage */
    CORE_STAGE_ANSWERED,   /* stage, serial: of the question that it answers */
    CORE_STAGE_EXITED,     /* stage, acked, seq, work, out_of_memory, signal, exit_code */
    CORE_STAGE_FROZEN,     /* stage: it got SIGSTOP */
    CORE_STAGE_MISBEHAVED, /* stage, text: it talks nonsense, or does not listen */
    CORE_STAGE_PAUSED,     /* stage, want, text: it tries again by itself, or ends for that */
    CORE_STAGE_RESUMED,    /* stage */
    CORE_STAGES_OBSERVED,  /* observations: of all stages; links */
    CORE_KILL_REQUESTED,   /* stage */
    CORE_STOP_REQUESTED,
    CORE_TIME_PASSED,
};

/* The exit code of a process whose end others have seen in our place, so that nothing is known. */
#define CORE_EXIT_UNKNOWN (-1)

/* What the status page of a stage shows. */
struct core_observation {
    uint64_t beats;     /* grows with everything that it does */
    bool waiting;       /* it says that it sleeps, for want of something to do */
    bool held;          /* a debugger has stopped it; looked for if it does not move */
    bool unread;        /* because nobody outside takes its output now */
    uint64_t processed; /* what it has done, up to which seq */
    uint64_t acked;     /* what of that is safe, and known to be so downstream */
};

/* What the pages of both ends show of a link; given and taken 0, heard UINT64_MAX: nothing is known
 * of it. */
struct core_link_observation {
    uint64_t given; /* the sender has put into frames all up to here */
    uint64_t heard; /* and has been told that all up to here is safe */
    uint64_t taken; /* the receiver has all up to here */
    uint64_t part;  /* and so many frames of the next seq */
    bool full;      /* and takes no more for now */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms; /* never runs backwards */
    size_t stage;
    uint32_t edge;
    uint64_t serial;
    uint64_t acked;
    uint64_t expected;
    uint64_t seq;          /* that it had in hand; 0: none */
    enum status_work work; /* that it did with it */
    bool out_of_memory;    /* its memory_max was what it died of */
    enum want want;
    int signal; /* that ended the process; 0 if it exited */
    int exit_code;
    const char *text;
    const struct core_observation *observations;
    const struct core_link_observation *links; /* of all edges; may be NULL */
};

enum core_action_kind {
    CORE_SPAWN,      /* stage, generation, keep_image */
    CORE_QUARANTINE, /* stage, seq, text: make durable that this seq is a dead letter here */
    CORE_KILL,       /* stage: SIGKILL */
    CORE_TELL,       /* stage, message */
    CORE_NOTE,       /* stage, text: for the log; serious: also for one that wants few */
    CORE_EXIT,       /* all processes are gone; see core->outcome */
};

struct core_action {
    enum core_action_kind kind;
    size_t stage;
    uint64_t generation;
    bool keep_image;
    bool serious;
    uint64_t seq;
    struct control_message message;
    char text[256];
};

/* What one step wants done, in order. */
struct core_actions {
    struct core_action *items;
    size_t count;
    size_t capacity;
};

/* Prepares a core for a topology; allocates all that it will ever need. */
void core_init(struct core *core, const struct topology *topology);
void core_done(struct core *core);

/*
 * What a message from a stage says, as an event; its stage is set by the caller, its text is that
 * of the message. False: it is no message that a stage sends.
 */
bool core_event_of_message(const struct control_message *m, struct core_event *event);

/*
 * Takes one event. Actions are appended to `actions`; the caller empties it when it has carried
 * them out. An event about what is over (an old link, a dead process) changes nothing but
 * late_messages.
 */
void core_step(struct core *core, const struct core_event *event, struct core_actions *actions);

/*
 * Asserts what holds between two steps, of all stages and edges; core_step() ends with it. One pass
 * over both, which is nothing against the step of a process that caused it.
 */
void core_invariant(const struct core *core);

/* When CORE_TIME_PASSED should come at the latest; 0: no need. */
uint64_t core_deadline_ms(const struct core *core);

/* How often CORE_STAGES_OBSERVED should come. */
uint64_t core_observe_interval_ms(const struct core *core);

/* What a stage waits for that there is none of, for itself or for a link; WANT_NOTHING. */
enum want core_stage_want(const struct core *core, size_t stage);

/*
 * How a process of a stage ended, as in "it ...": what we killed it for, if it died of that.
 * signal: that ended it; 0 if it exited with the code.
 */
void core_describe_end(const struct core_stage *stage, int signal, int exit_code,
                       char ret_text[CORE_CAUSE_BYTES_MAX]);

/* How long to wait before the next try after so many for want of a resource. Pure. */
uint64_t core_want_wait_ms(unsigned tries);

/* How long a stage waits before its restart after so many strikes; 0: not at all. Pure. */
uint64_t core_backoff_ms(unsigned strikes);

const char *core_stage_state_text(enum core_stage_state state);

/* Whether we have killed the process that a stage has, and it is not gone yet. */
bool core_is_dying(const struct core_stage *stage);
const char *core_pipeline_state_text(enum core_pipeline_state state);

void core_actions_done(struct core_actions *actions);

#endif
