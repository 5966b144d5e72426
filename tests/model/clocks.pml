/* SPDX-License-Identifier: MIT */
/*
 * clocks.pml - workers whose clocks go as that of one worker would
 *
 *   sender 0 ──┬── worker 0          sender 1, with -DSENDERS=2, has the records from seq 3 on,
 *              └── worker 1          and a link to either worker too
 *
 * A record goes to one worker; the other one is told its time, in a tick, but not if it was told
 * a time as late as that already (outlet_add_tick()). What it was told counts per link, and from
 * the position where the process of the sender began. The clock of a worker is in its store: as of
 * the commit after a kill. Senders have no state; what is behind the workers acks sooner or later.
 * Steps are as in graph.pml.
 */
#ifndef RECORDS
#define RECORDS 4
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef SENDERS
#define SENDERS 1
#endif
#ifndef WINDOW
#define WINDOW RECORDS
#endif

#define EDGES (2 * SENDERS)
#define EDGE_OF(sender, worker) (2 * (sender) + (worker))
#define SENDER_OF(edge) ((edge) / 2)
#define WORKER_OF(edge) ((edge) % 2)

/* Times of records, 2 1 3 3 4 4 …, what the clock is then, and whose they are. */
#define TIME(n) ((n) == 1 -> 2 : ((n) == 2 -> 1 : ((n) + 3) / 2))
#define CLOCK(n) ((n) == 0 -> 0 : ((n) <= 2 -> 2 : ((n) + 3) / 2))
#define DEALT_TO(n) ((n) / 2 % 2)
#define SENT_BY(n) (SENDERS == 1 || (n) <= 2 -> 0 : 1)

c_decl {
\#define MET_EVENTS "suppressed", "tick", "made-again", "sender-between", "worker-behind", "done"
\#include "met.h"
}
#define MET_SUPPRESSED 0
#define MET_TICK 1
#define MET_AGAIN 2
#define MET_BETWEEN 3
#define MET_WORKER_BEHIND 4
#define MET_DONE 5
#define MET(event) c_code { met(event); }

/* --- on disk --- */
byte durable[2]; /* of the workers */

/* --- senders --- */
bool positioned[SENDERS];
byte made[SENDERS];        /* processed */
byte time_sent[EDGES];
byte frames[EDGES * (RECORDS + 1)]; /* the time in the frame of a seq, from record or tick; 0: none */
byte peer_acked[EDGES];
bool peer_known[EDGES];
/* --- workers --- */
byte worked[2]; /* processed */
byte clock[2];
byte expected[EDGES];
byte inbox[EDGES * (RECORDS + 1)];
bool up[EDGES];

byte kills = 0;
bool ended = false;

hidden byte n, edge_at, time;

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST(a, b) ((a) > (b) -> (a) : (b))
#define LEAST_ACKED(sender) LEAST(peer_acked[EDGE_OF(sender, 0)], peer_acked[EDGE_OF(sender, 1)])
#define FRAME(edge, n) frames[(edge) * (RECORDS + 1) + (n)]
#define INBOX(edge, n) inbox[(edge) * (RECORDS + 1) + (n)]

/* on_emit() for one of the workers. */
inline give(sender, worker) {
    edge_at = EDGE_OF(sender, worker);
    if
#if defined(MUTANT_TIME_OF_ANY_LINK)
    :: DEALT_TO(n) != worker && (TIME(n) <= time_sent[EDGE_OF(sender, 0)] || \
        TIME(n) <= time_sent[EDGE_OF(sender, 1)]) -> MET(MET_SUPPRESSED)
#elif defined(MUTANT_NO_TICKS)
    :: DEALT_TO(n) != worker -> skip
#else
    :: DEALT_TO(n) != worker && TIME(n) <= time_sent[edge_at] -> MET(MET_SUPPRESSED)
#endif
    :: else ->
        if
        :: DEALT_TO(n) != worker -> MET(MET_TICK)
        :: else
        fi;
        FRAME(edge_at, n) = TIME(n);
        time_sent[edge_at] = MOST(TIME(n), time_sent[edge_at])
    fi
}

/* A sender works on the next seq; the frames that it makes of those it does not have are empty. */
inline make(sender) {
    n = made[sender] + 1;
    if
    :: n < expected[EDGE_OF(sender, 0)] || n < expected[EDGE_OF(sender, 1)] -> MET(MET_AGAIN)
    :: else
    fi;
    if
    :: SENT_BY(n) == sender && DEALT_TO(n) == 0 -> give(sender, 0); give(sender, 1)
    :: SENT_BY(n) == sender && DEALT_TO(n) == 1 -> give(sender, 1); give(sender, 0)
    :: else
    fi;
    made[sender] = n
}

#if SENDERS == 2
#define COVERED(worker) (LEAST(expected[worker], expected[2 + worker]) - 1)
#define SENDS_AT(worker, n) EDGE_OF(SENT_BY(n), worker)
#else
#define COVERED(worker) (expected[worker] - 1)
#define SENDS_AT(worker, n) (worker)
#endif

/* advance_clock() */
inline work(worker) {
    n = worked[worker] + 1;
    time = INBOX(SENDS_AT(worker, n), n);
    INBOX(SENDS_AT(worker, n), n) = 0;
    clock[worker] = MOST(clock[worker], time);
    assert(clock[worker] == CLOCK(n));
    worked[worker] = n
}

#define CAN_MAKE(sender) (positioned[sender] && made[sender] < RECORDS && \
    made[sender] < LEAST_ACKED(sender) + WINDOW && \
    peer_known[EDGE_OF(sender, 0)] && peer_known[EDGE_OF(sender, 1)])
#define CAN_WORK(worker) (worked[worker] < COVERED(worker))

inline settle() {
    do
    :: CAN_MAKE(0) -> make(0)
#if SENDERS == 2
    :: CAN_MAKE(1) -> make(1)
#endif
    :: CAN_WORK(0) -> work(0)
    :: CAN_WORK(1) -> work(1)
    :: else -> break
    od;
    n = 0; time = 0; edge_at = 0
}

/* Acked frames leave the window. */
inline take_ack(edge) {
    peer_acked[edge] = MOST(peer_acked[edge], durable[WORKER_OF(edge)]);
    for (n : 1 .. RECORDS) {
        if
        :: n <= peer_acked[edge] -> FRAME(edge, n) = 0
        :: else
        fi
    }
    n = 0
}

inline dial(edge) {
    up[edge] = true;
    peer_known[edge] = true;
    take_ack(edge);
    if
    :: !positioned[SENDER_OF(edge)] && peer_known[EDGE_OF(SENDER_OF(edge), 0)] && \
        peer_known[EDGE_OF(SENDER_OF(edge), 1)] ->
        positioned[SENDER_OF(edge)] = true;
        made[SENDER_OF(edge)] = LEAST_ACKED(SENDER_OF(edge));
        if
        :: peer_acked[EDGE_OF(SENDER_OF(edge), 0)] != peer_acked[EDGE_OF(SENDER_OF(edge), 1)] ->
            MET(MET_BETWEEN)
        :: else
        fi
    :: else
    fi
}

inline receive(edge) {
    n = expected[edge];
    INBOX(edge, n) = FRAME(edge, n);
    expected[edge] = n + 1
}

#define EDGE(edge) \
    :: d_step { !up[edge] -> dial(edge) } \
    :: d_step { up[edge] && positioned[SENDER_OF(edge)] && expected[edge] <= made[SENDER_OF(edge)] \
        -> receive(edge) } \
    :: d_step { up[edge] && durable[WORKER_OF(edge)] > peer_acked[edge] -> take_ack(edge) }

#define COMMITS(worker) :: d_step { durable[worker] < worked[worker] -> \
    durable[worker] = durable[worker] + 1 }

inline kill_outlet(edge) {
    up[edge] = false;
    peer_known[edge] = false;
    peer_acked[edge] = 0;
#ifndef MUTANT_TIME_KEPT
    time_sent[edge] = 0;
#endif
    for (n : 1 .. RECORDS) { FRAME(edge, n) = 0 }
}

inline kill_sender(sender) {
    kill_outlet(EDGE_OF(sender, 0));
    kill_outlet(EDGE_OF(sender, 1));
    positioned[sender] = false;
    made[sender] = 0
}

inline kill_inlet(edge) {
    up[edge] = false;
    expected[edge] = durable[WORKER_OF(edge)] + 1;
    for (n : 1 .. RECORDS) { INBOX(edge, n) = 0 }
}

inline kill_worker(worker) {
    if
    :: worked[worker] > durable[worker] -> MET(MET_WORKER_BEHIND)
    :: else
    fi;
    worked[worker] = durable[worker];
#ifdef MUTANT_CLOCK_NOT_SAVED
    clock[worker] = 0;
#else
    clock[worker] = CLOCK(durable[worker]); /* what work() has found it to be there */
#endif
    kill_inlet(worker);
#if SENDERS == 2
    kill_inlet(2 + worker)
#endif
}

#if SENDERS == 2
#define SECOND(step) step
#else
#define SECOND(step)
#endif
#define KILL(step) :: d_step { kills < KILLS -> kills++; step; n = 0 }

active proctype pipeline() {
    d_step { kill_worker(0); kill_worker(1); n = 0 }
    do
    :: atomic {
    if
    EDGE(0)
    EDGE(1)
    SECOND(EDGE(2))
    SECOND(EDGE(3))
    COMMITS(0)
    COMMITS(1)
    KILL(kill_sender(0))
    SECOND(KILL(kill_sender(1)))
    KILL(kill_worker(0))
    KILL(kill_worker(1))
    :: d_step { durable[0] == RECORDS && durable[1] == RECORDS -> MET(MET_DONE) }; goto done
    :: timeout -> assert(ended)
    fi;
    d_step { settle() }
    }
    od;
done:
    skip
}
