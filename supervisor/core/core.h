/* SPDX-License-Identifier: MIT */
/*
 * core.h - the decisions of the supervisor, without processes, clocks or sockets
 *
 * core_step(event) changes the core and appends actions. The loop turns signals, timers and
 * messages into events, and carries the actions out. Each event carries the time. Whole stories are
 * therefore tested in a millisecond (tests/sim/core_test.c), and a history is always a list of
 * events.
 *
 * What a stage *is* (its state) is kept apart from what is *wanted* of it. An edge is linked once
 * its sender is ready and its receiver knows its position. A link never outlives either of them.
 * docs/architecture.md has a drawing.
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
    CORE_OUTCOME_DONE,    /* the input was read to its end, and everything is safe */
    CORE_OUTCOME_STOPPED, /* a user asked for it, and the topology drained */
    CORE_OUTCOME_FORCED,  /* a user asked twice, or draining took too long */
    CORE_OUTCOME_REFUSED, /* a stage cannot continue and reported why */
    CORE_OUTCOME_UNREAD,  /* the output no longer has a reader */
    CORE_OUTCOME_STORM,   /* a stage died too often without progress */
};

/* The length of a text that describes how a process ended, with its terminating zero. */
#define CORE_CAUSE_BYTES_MAX 192u

struct core_stage {
    bool wanted;
    enum core_stage_state is;
    uint64_t generation;
    bool ready;      /* may be linked as a sender */
    bool positioned; /* may be linked as a receiver */
    bool was_linked; /* all its links were up at some time in this life */
    bool was_ready;  /* one of its processes so far has opened its files and state */

    /* Why we have sent SIGKILL to the present process. All are clear if we have not. */
    bool kill_asked; /* a user asked us to kill it, or a link failed and the end at fault is not
                        known; the death counts against nothing */
    bool blamed;     /* killed for something that it did, or failed to do */
    bool hung;       /* killed because it made no progress */
    bool held;       /* it was hung only because a debugger held it, which is not its fault */
    char killed_for[CORE_CAUSE_BYTES_MAX]; /* "did this and was killed"; "" if we sent no SIGKILL */

    /* The shortage of a resource that keeps the stage from working. */
    bool paused;         /* it is waiting for the resource now */
    enum want want;      /* the resource; kept after the shortage is over */
    unsigned want_tries; /* lives in a row that the shortage ended, with nothing done in between */
    char want_text[160]; /* the last message logged about it */
    bool want_at_work;   /* the shortage came after the stage was ready; that a new process is ready
                            does not prove that it is over */

    uint64_t unsettled; /* its open question: has everything been replayed? 0: there is none */
    bool may_ask_again; /* a process died with that question open, and none has been ready since */
    bool image_trusted; /* the last death left its shared memory sound */
    unsigned strikes;   /* deaths without progress since the last progress */
    unsigned outside;   /* deaths without progress that were caused from outside */
    uint64_t restarts;
    uint64_t spawned_at_ms;
    uint64_t acked;       /* the seq up to which its last process had acked when it died */
    uint64_t deadline_ms; /* when it is started again; 0: no restart is scheduled */

    /* How a hung stage is recognized. */
    uint64_t beats;          /* its beats at the last observation */
    uint64_t progress;       /* the sum of processed and acked at the last observation */
    uint64_t observed_at_ms; /* when it was last observed */
    uint64_t asked;          /* the serial of the ping that it has not answered; 0: none */
    unsigned still;          /* observations in a row in which it neither moved nor, if it says that
                                it is waiting, answered */
    bool was_observed;       /* this life has been observed */
    bool has_beaten;         /* a beat of this life has been observed */

    /*
     * How a poison record is recognized: the stage dies by its own fault, always at the same seq.
     */
    bool may_quarantine;          /* records may be quarantined at this stage */
    bool is_sink;                 /* its kind is a sink */
    uint64_t poison_seq;          /* the seq in hand at the last of those deaths */
    enum status_work poison_work; /* what it was doing at that seq */
    unsigned poison_deaths;       /* how many of those deaths there were in a row */
    uint64_t memory_bytes_max;    /* its memory_max; 0: it has none */
};

/* The ends of an edge. */
#define EDGE_FROM 1u
#define EDGE_TO 2u

/* One direction of a link. */
struct core_flow {
    uint64_t seq;   /* the seq it had reached at the last observation */
    uint64_t part;  /* frames of the next seq that had arrived by then */
    unsigned still; /* observations in a row in which it should have moved and did not */
};

struct core_edge {
    size_t from, to;
    enum core_edge_state is;
    uint64_t serial;
    uint64_t heard_by; /* generation of the sender that was last told how far the receiver is */
    uint64_t expected; /* the next seq that the receiver expected at that time */
    unsigned failures; /* failures in a row, with neither end dead in between */
    unsigned blamed;   /* the end that the failures are blamed on: EDGE_FROM, EDGE_TO, or both */
    uint64_t failed_at_ms; /* when it last failed */
    uint64_t deadline_ms;  /* when it must be up; of an edge that is down, the earliest next try */
    char why[128];         /* why it last failed; "" once that has been logged */

    /* The shortage of a resource that keeps the link from being made. */
    enum want want;      /* the resource; WANT_NOTHING: there is no shortage */
    size_t want_stage;   /* the end that lacks it */
    unsigned want_tries; /* tries in a row that failed for it */

    struct core_flow records; /* from the sender to the receiver */
    struct core_flow acks;    /* from the receiver to the sender */
    unsigned standstills;     /* standstills of either, in a row, with no movement between them */
    uint64_t stood_taken;     /* seq that the receiver had at the last standstill */
    uint64_t stood_heard;     /* seq that the sender knew to be safe at the last standstill */
};

struct core {
    struct core_stage *stages;
    size_t stage_count;
    size_t source;
    struct core_edge *edges;
    size_t edge_count;
    enum core_pipeline_state is;
    enum core_outcome outcome;
    bool source_done; /* the source is done; the end of the run may still wait for other stages */
    uint64_t stall_timeout_ms;
    bool pending;           /* records were under way at the last observation */
    unsigned all_still;     /* observations in a row in which nothing moved at all */
    unsigned standstills;   /* how often in a row that lasted long enough for us to act */
    uint64_t deadline_ms;   /* when draining or stopping is cut short; 0: neither is going on */
    uint64_t serial;        /* serial of the newest link */
    uint64_t questions;     /* questions so far by sinks: has everything been replayed? */
    uint64_t pings;         /* pings sent so far */
    uint64_t late_messages; /* messages dropped because their link or process is gone */
    size_t reason_stage;    /* the stage that the reason is about */
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
    CORE_STAGE_UNSETTLED,  /* stage: a sink asks whether everything has been replayed */
    CORE_STAGE_ALL_ACKED,  /* stage, serial */
    CORE_STAGE_SETTLED,    /* stage */
    CORE_STAGE_ANSWERED,   /* stage, serial: that of the ping it answers */
    CORE_STAGE_EXITED,     /* stage, acked, seq, work, out_of_memory, signal, exit_code */
    CORE_STAGE_FROZEN,     /* stage: it was stopped, as by SIGSTOP */
    CORE_STAGE_MISBEHAVED, /* stage, text: it sent an invalid message, or does not read ours */
    CORE_STAGE_PAUSED,     /* stage, want, text: it tries again on its own, or ends because of it */
    CORE_STAGE_RESUMED,    /* stage */
    CORE_STAGES_OBSERVED,  /* observations (of all stages), links */
    CORE_KILL_REQUESTED,   /* stage */
    CORE_STOP_REQUESTED,
    CORE_TIME_PASSED,
};

/* The exit code of a process that another process reaped, so that its own is unknown. */
#define CORE_EXIT_UNKNOWN (-1)

/* What the status page of a stage shows. */
struct core_observation {
    uint64_t beats;     /* grows with everything that it does */
    bool waiting;       /* it says that it is asleep because it has nothing to do */
    bool held;          /* a debugger has stopped it; checked only if it did not move */
    bool unread;        /* it is waiting because its output is not being read */
    uint64_t processed; /* the seq up to which it has processed all records */
    uint64_t acked;     /* the seq up to which it has acked them; they are safe downstream too */
};

/*
 * What the status pages of both ends show of a link. If nothing is known of the link, given and
 * taken are 0 and heard is UINT64_MAX.
 */
struct core_link_observation {
    uint64_t given; /* the seq up to which the sender has put records into frames */
    uint64_t heard; /* the seq up to which the sender knows them to be safe */
    uint64_t taken; /* the seq up to which the receiver has them */
    uint64_t part;  /* frames of the next seq that the receiver has */
    bool full;      /* the receiver accepts no more for now */
};

struct core_event {
    enum core_event_kind kind;
    uint64_t now_ms; /* never runs backwards */
    size_t stage;
    uint32_t edge;
    uint64_t serial;
    uint64_t acked;
    uint64_t expected;
    uint64_t seq;          /* the seq that the process had in hand; 0: none */
    enum status_work work; /* what it was doing at that seq */
    bool out_of_memory;    /* it died because it reached its memory_max */
    enum want want;
    int signal; /* the signal that ended the process; 0 if it exited */
    int exit_code;
    const char *text;
    const struct core_observation *observations; /* one for each stage */
    const struct core_link_observation *links;   /* one for each edge; may be NULL */
};

enum core_action_kind {
    CORE_SPAWN,      /* stage, generation, keep_image */
    CORE_QUARANTINE, /* stage, seq, text: record durably that this seq is a dead letter here */
    CORE_KILL,       /* stage: send SIGKILL */
    CORE_TELL,       /* stage, message */
    CORE_NOTE,       /* stage, text: log it; serious: log it as a warning */
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

/* What is to be done after one step, in order. */
struct core_actions {
    struct core_action *items;
    size_t count;
    size_t capacity;
};

/* Prepares a core for a topology, and allocates all the memory that it will ever need. */
void core_init(struct core *core, const struct topology *topology);
void core_done(struct core *core);

/*
 * Turns a message from a stage into an event. The caller sets the stage; the text still belongs to
 * the message.
 * Returns: false if this is not a message that a stage sends.
 */
bool core_event_of_message(const struct control_message *m, struct core_event *event);

/*
 * Takes one event. Appends actions to `actions`, which the caller empties once it has carried them
 * out. An event about a link or process that is gone changes nothing but late_messages.
 */
void core_step(struct core *core, const struct core_event *event, struct core_actions *actions);

/*
 * Asserts what holds for all stages and edges between two steps; core_step() ends with it. It makes
 * one pass over both, which costs nothing compared with what the process did to cause the event.
 */
void core_invariant(const struct core *core);

/* The latest time at which CORE_TIME_PASSED should come; 0: it need not come. */
uint64_t core_deadline_ms(const struct core *core);

/* How often CORE_STAGES_OBSERVED should come. */
uint64_t core_observe_interval_ms(const struct core *core);

/* The resource that a stage lacks, for itself or for one of its links; WANT_NOTHING if none. */
enum want core_stage_want(const struct core *core, size_t stage);

/*
 * Describes how a process of a stage ended, in words that continue "it ...". If our SIGKILL ended
 * it, that is why we sent it.
 *
 *   signal      the signal that ended it; 0 if it exited
 *   exit_code   its exit code if it exited
 */
void core_describe_end(const struct core_stage *stage, int signal, int exit_code,
                       char ret_text[CORE_CAUSE_BYTES_MAX]);

/* How long to wait for a resource after this many tries in vain. Pure. */
uint64_t core_want_wait_ms(unsigned tries);

/* How long a stage waits for its restart after this many strikes; 0: not at all. Pure. */
uint64_t core_backoff_ms(unsigned strikes);

const char *core_stage_state_text(enum core_stage_state state);

/* Whether we have killed the process of a stage and it is not gone yet. */
bool core_is_dying(const struct core_stage *stage);
const char *core_pipeline_state_text(enum core_pipeline_state state);

void core_actions_done(struct core_actions *actions);

#endif
