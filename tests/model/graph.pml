/* SPDX-License-Identifier: MIT */
/*
 * graph.pml - one output dealt to two workers and to a branch, which come together again
 *
 *            ┌── 0 ── worker 0 ── 3 ──┐
 *   parse ───┼── 1 ── worker 1 ── 4 ──┼── merge ── 6 ── sink
 *            └── 2 ── branch ──── 5 ──┘
 *
 * parse: no state; it makes two records of every seq, each for the worker that has its key, and
 * gives both to the branch too. workers: a store each. branch and merge: no state. merge puts what
 * it gets into one order: by seq, input (the workers are one, the branch the other), and the order
 * in the seq. sink: a cursor. What is before parse is only what it has let go of. The last seq is
 * the end of the input: every stage but parse puts out one record more when it has come by all of
 * its inputs.
 *
 * Steps, and what is one step, are as in recovery.pml. What that model shows is not shown again:
 * frames are of one seq and closed at once, no frame is lost, stores are exact. A stage without
 * state passes acks on at once: one that is not passed on yet does what one does that has not come
 * yet. Late acks of old links are believed (-DLATE, so many of them), which must do no harm.
 *
 * -DPARTS: what the branch gets and puts out of a seq goes in two frames, the first of which says
 * that the seq goes on. Only when both have come is the seq there; a link that ends takes the first
 * one with it.
 */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef KILLS
#define KILLS 2
#endif
#ifndef WINDOW /* frames that no ack has come for, before a stage takes no more */
#define WINDOW RECORDS
#endif
#ifndef INBOX /* frames that a receiver takes of one link before it has worked on them */
#define INBOX RECORDS
#endif

#define PARSE 0
#define WORKER 1 /* and the next */
#define BRANCH 3
#define MERGE 4
#define SINK 5
#define STAGES 6
#define EDGES 7

/* Which of the two records of a seq are for worker 0: bit 0 the first, bit 1 the second. */
#define KEYS(n) ((n) % 2 == 1 -> 2 : 1)
/* What merge puts out for a seq, as digits: 1 and 2 from the workers, 3 from the branch, 4 its own. */
#ifdef DROPS /* the branch */
#define WANTED(n) ((n) == RECORDS -> 124 : 12)
#else
#define WANTED(n) ((n) == RECORDS -> 1234 : 123)
#endif

c_decl {
\#define MET_EVENTS "sender-behind", "acked-ahead", "late-ack", "positioned", "between-peers", "worker-behind", "window-full", "inbox-full", "done", "in-midst"
\#include "met.h"
}
#define MET_BEHIND 0
#define MET_AHEAD 1
#define MET_LATE_ACK 2
#define MET_POSITIONED 3
#define MET_BETWEEN 4
#define MET_WORKER_BEHIND 5
#define MET_WINDOW 6
#define MET_INBOX 7
#define MET_DONE 8
#define MET_MIDST 9 /* a link ends in the middle of a seq */
#define MET(event) c_code { met(event); }

/* --- on disk --- */
byte durable[3]; /* of the workers and the sink */

/* --- in a stage process --- */
byte processed[STAGES];
bool positioned[STAGES];
/* Frames in windows and inboxes, by the seq that they are for. */
byte dealt[RECORDS + 1];           /* by parse, to worker 0 */
byte taken[2 * (RECORDS + 1)];     /* by a worker, from parse: bits of records */
byte merging[3 * (RECORDS + 1)];   /* by merge, from its peers */
short merged[RECORDS + 1];         /* by merge, for the sink */

/* --- of an edge: at the sender, then at the receiver --- */
byte peer_acked[EDGES];
bool peer_known[EDGES];
byte expected[EDGES];
bool up[EDGES];
#ifdef PARTS
byte sent[EDGES];  /* frames of the next seq on this link */
byte part[EDGES];  /* so many of them has the receiver taken */
#endif
#ifdef LATE
byte late = 0; /* what a message says that is still under way; 0: none is */
byte late_edge = 0;
bool late_is_ack = false;
byte lates = 0;
#endif

byte let_go = 0; /* what comes before parse has let go of all up to here */
byte kills = 0;
bool ended = false;

hidden byte n, digit, acked, place;
hidden short list;

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST(a, b) ((a) > (b) -> (a) : (b))
#define LEAST_3(a, b, c) LEAST(LEAST(a, b), c)
#define MOST_3(a, b, c) MOST(MOST(a, b), c)
#define IS_WORKER(stage) ((stage) == WORKER || (stage) == WORKER + 1)
#define DISK(stage) ((stage) == SINK -> 2 : (stage) - WORKER)

/* host_least_peer_acked() */
#if defined(MUTANT_ACK_GREATEST)
#define PARSE_ACKED MOST_3(peer_acked[0], peer_acked[1], peer_acked[2])
#elif defined(MUTANT_ACK_GREATEST_OF_WORKERS)
#define PARSE_ACKED LEAST(MOST(peer_acked[0], peer_acked[1]), peer_acked[2])
#elif defined(MUTANT_ACK_WITHOUT_BRANCH)
#define PARSE_ACKED LEAST(peer_acked[0], peer_acked[1])
#else
#define PARSE_ACKED LEAST_3(peer_acked[0], peer_acked[1], peer_acked[2])
#endif
#define ALL_ACKED(stage) ((stage) == PARSE -> PARSE_ACKED : \
    ((stage) == SINK -> RECORDS : peer_acked[(stage) + 2]))
#if defined(MUTANT_POSITION_GREATEST)
#define PARSE_POSITION MOST_3(peer_acked[0], peer_acked[1], peer_acked[2])
#else
#define PARSE_POSITION LEAST_3(peer_acked[0], peer_acked[1], peer_acked[2])
#endif
#define PEERS_ACKED(stage) ((stage) == PARSE -> PARSE_POSITION : peer_acked[(stage) + 2])

/* committable(); and what is committed, and so acked upstream. */
#define COMMITTABLE(stage) LEAST(processed[stage], ALL_ACKED(stage))
#define COMMITTED(stage) (IS_WORKER(stage) || (stage) == SINK -> durable[DISK(stage)] : \
    COMMITTABLE(stage))

/* covered() */
#if defined(MUTANT_WITHOUT_WAITING_FOR_BRANCH)
#define MERGE_COVERED LEAST(expected[3], expected[4])
#elif defined(MUTANT_WITHOUT_WAITING_FOR_WORKER)
#define MERGE_COVERED LEAST(expected[4], expected[5])
#else
#define MERGE_COVERED LEAST_3(expected[3], expected[4], expected[5])
#endif
#define COVERED(stage) ((stage) == PARSE -> RECORDS : ((stage) == MERGE -> MERGE_COVERED - 1 : \
    ((stage) == SINK -> expected[6] - 1 : expected[(stage) - 1] - 1)))

/* host_all_peers_known() */
#define PEERS_KNOWN(stage) ((stage) == PARSE -> peer_known[0] && peer_known[1] && peer_known[2] : \
    ((stage) == SINK || peer_known[(stage) + 2]))

/* --- links --- */

/* The receiver asks for nothing that the window has let go of. */
inline rewind(edge, from) {
    assert(!up[edge] || expected[edge] > LEAST(peer_acked[edge], processed[from]))
}

/* outlet_set_position(): nothing below is there. */
inline begin_window(edge, from) {
    peer_acked[edge] = MOST(peer_acked[edge], place);
    rewind(edge, from)
}

/* A stage without state knows what its peers have acked: host_take_position(). */
inline take_position(stage) {
    MET(MET_POSITIONED);
    place = PEERS_ACKED(stage);
    processed[stage] = place;
    positioned[stage] = true;
    if
    :: stage == PARSE ->
        assert(place >= let_go); /* what comes before has all that is asked for */
        if
        :: peer_acked[0] != peer_acked[1] -> MET(MET_BETWEEN)
        :: else
        fi;
        begin_window(0, PARSE); begin_window(1, PARSE); begin_window(2, PARSE)
    :: stage == BRANCH -> expected[2] = place + 1; begin_window(5, BRANCH)
    :: stage == MERGE -> expected[3] = place + 1; expected[4] = place + 1;
        expected[5] = place + 1; begin_window(6, MERGE)
    :: else
    fi
}

/* The hello of the receiver reaches the sender. */
inline dial(edge, from, to) {
    acked = COMMITTED(to);
    up[edge] = true;
    peer_known[edge] = true;
    peer_acked[edge] = MOST(peer_acked[edge], acked);
    if
    :: positioned[from] && peer_acked[edge] > processed[from] -> MET(MET_BEHIND)
    :: else
    fi;
    if
    :: positioned[from] -> rewind(edge, from)
    :: !positioned[from] && PEERS_KNOWN(from) ->
        take_position(from)
    :: else
    fi
}

inline take_ack(edge, from) {
    if
    :: positioned[from] && acked > processed[from] -> MET(MET_AHEAD)
    :: else
    fi;
    peer_acked[edge] = MOST(peer_acked[edge], acked)
}

#ifdef PARTS
#define IN_PARTS(edge) ((edge) == 2 || (edge) == 5)
#define PART(edge) part[edge]
/* The last frame of a seq is the second that was sent on this link. */
#define IS_LAST(edge) (!IN_PARTS(edge) || sent[edge] == 1)
#ifdef MUTANT_ROOM_AS_EVER
/* The inbox is full, in the middle of a seq too. */
#define HAS_ROOM(edge, to) (QUEUED(edge, to) + part[edge] < INBOX)
#else
#define HAS_ROOM(edge, to) (QUEUED(edge, to) + part[edge] < INBOX || part[edge] != 0)
#endif
/* The link has ended; inlet_set_link(). */
inline forget_part(edge) {
    if
    :: part[edge] != 0 -> MET(MET_MIDST)
    :: else
    fi;
    sent[edge] = 0;
#ifndef MUTANT_PART_KEPT
    part[edge] = 0
#endif
}
#else
#define PART(edge) 0
#define IS_LAST(edge) true
#define HAS_ROOM(edge, to) (QUEUED(edge, to) < INBOX)
#define forget_part(edge) skip
#endif

/* What is in the next frame; it is the one that the receiver expects (recovery.pml). */
inline receive(edge, to) {
#ifdef PARTS
    if
    :: IN_PARTS(edge) ->
        part[edge] = part[edge] + 1
    :: else
    fi;
#endif
    if
    :: IS_LAST(edge) -> receive_last(edge, to)
    :: else ->
#ifdef PARTS
        sent[edge] = 1
#endif
        skip
    fi
}

inline receive_last(edge, to) {
    n = expected[edge];
#ifdef PARTS
    assert(!IN_PARTS(edge) || part[edge] == 2); /* all of the seq, once */
    sent[edge] = 0;
    part[edge] = 0;
#endif
    if
    :: edge <= 1 -> taken[edge * (RECORDS + 1) + n] = (edge == 0 -> dealt[n] : 3 - dealt[n])
    :: edge == 3 || edge == 4 ->
        merging[(edge - 3) * (RECORDS + 1) + n] = taken[(edge - 3) * (RECORDS + 1) + n]
    :: edge == 5 -> merging[2 * (RECORDS + 1) + n] = 1
    :: else
    fi;
    expected[edge] = n + 1;
    n = 0
}

#if defined(MUTANT_SKIP_EMPTY)
/* A frame is sent only if there is something in it. */
#define IS_SENT(edge) ((edge) != 5)
#else
#define IS_SENT(edge) true
#endif
#if defined(MUTANT_ONE_INBOX)
/* One bound for what came by all links. */
#define QUEUED(edge, to) ((to) == MERGE -> \
    expected[3] + expected[4] + expected[5] - 3 - 3 * processed[MERGE] : \
    expected[edge] - 1 - processed[to])
#else
#define QUEUED(edge, to) (expected[edge] - 1 - processed[to])
#endif
#define HAS_FRAME(edge, from, to) (up[edge] && positioned[from] && expected[edge] <= processed[from] && \
    IS_SENT(edge))

#define EDGE(edge, from, to) \
    :: d_step { !up[edge] && positioned[to] -> dial(edge, from, to) } \
    :: d_step { HAS_FRAME(edge, from, to) && HAS_ROOM(edge, to) -> receive(edge, to) } \
    :: d_step { up[edge] && COMMITTED(to) > peer_acked[edge] -> \
        acked = COMMITTED(to); take_ack(edge, from) } \
    LATES(edge, from, to)

#ifdef LATE
/* One message stays under way while its link ends and others come and go. */
#ifdef MUTANT_OLD_HELLO
/* A sender that believes it goes on there; what the receiver expects must not lie before that. */
#define LATE_HELLO(edge, to) \
    :: d_step { late == 0 && lates < LATE && !up[edge] && positioned[to] -> \
        late = expected[edge]; late_edge = edge; late_is_ack = false; lates++ } \
    :: d_step { late != 0 && late_edge == edge && !late_is_ack -> \
        assert(up[edge] || !positioned[to] || late <= expected[edge]); late = 0; late_edge = 0 }
#else
#define LATE_HELLO(edge, to)
#endif
#define LATES(edge, from, to) \
    :: d_step { late == 0 && lates < LATE && up[edge] && COMMITTED(to) > peer_acked[edge] -> \
        late = COMMITTED(to); late_edge = edge; late_is_ack = true; lates++ } \
    :: d_step { late != 0 && late_edge == edge && late_is_ack -> \
        MET(MET_LATE_ACK); acked = late; late = 0; late_edge = 0; take_ack(edge, from) } \
    LATE_HELLO(edge, to)
#else
#define LATES(edge, from, to)
#endif

/* --- stages --- */

/* Merge: what it has of a seq, in the order that one worker would have made. */
inline merge_seq() {
    list = 0;
    for (digit : 1 .. 2) {
#if defined(MUTANT_NO_ORDER)
        /* Records of workers are not compared: first those of worker 0. */
        list = list * 10 + merging[(digit - 1) * (RECORDS + 1) + n] % 3;
#else
        if
        :: (merging[n] & digit) != 0 -> list = list * 10 + digit
        :: else
        fi;
        if
        :: (merging[RECORDS + 1 + n] & digit) != 0 -> list = list * 10 + digit
        :: else
        fi
#endif
    }
#ifdef MUTANT_END_OF_EACH
    /* An end that came by one input is taken for that of all. */
    if
    :: n == RECORDS -> list = list * 10 + 4
    :: else
    fi;
#endif
#ifndef DROPS
    if
    :: merging[2 * (RECORDS + 1) + n] != 0 -> list = list * 10 + 3
    :: else
    fi;
#endif
    if
    :: n == RECORDS -> list = list * 10 + 4
    :: else
    fi;
    merged[n] = list;
    merging[n] = 0; merging[RECORDS + 1 + n] = 0; merging[2 * (RECORDS + 1) + n] = 0
}

inline work(stage) {
    n = processed[stage] + 1;
    if
#ifdef MUTANT_DEAL_BY_ARRIVAL
    :: stage == PARSE -> dealt[n] = (expected[0] <= expected[1] -> 1 : 2)
#else
    :: stage == PARSE -> dealt[n] = KEYS(n)
#endif
    :: stage == MERGE -> merge_seq()
    :: stage == SINK -> assert(merged[n] == WANTED(n))
    :: else
    fi;
    processed[stage] = n
}

#define IS_FULL(stage) (processed[stage] >= ALL_ACKED(stage) + WINDOW)
#define CAN_WORK(stage) (positioned[stage] && PEERS_KNOWN(stage) && \
    processed[stage] < COVERED(stage) && !IS_FULL(stage))

inline settle() {
    do
    :: CAN_WORK(PARSE) -> work(PARSE)
    :: CAN_WORK(WORKER) -> work(WORKER)
    :: CAN_WORK(WORKER + 1) -> work(WORKER + 1)
    :: CAN_WORK(BRANCH) -> work(BRANCH)
    :: CAN_WORK(MERGE) -> work(MERGE)
    :: CAN_WORK(SINK) -> work(SINK)
    :: else -> break
    od;
    if
    :: positioned[PARSE] && COMMITTED(PARSE) > let_go -> let_go = COMMITTED(PARSE)
    :: else
    fi;
    if
    :: processed[PARSE] < RECORDS && positioned[PARSE] && IS_FULL(PARSE) -> MET(MET_WINDOW)
    :: HAS_FRAME(5, BRANCH, MERGE) && !HAS_ROOM(5, MERGE) -> MET(MET_INBOX)
    :: else
    fi;
    n = 0; digit = 0; list = 0; acked = 0; place = 0
}

#define COMMITS(stage) \
    :: d_step { COMMITTABLE(stage) > durable[DISK(stage)] -> \
        durable[DISK(stage)] = durable[DISK(stage)] + 1 }

/* --- death --- */

inline kill_inlet(edge) {
    up[edge] = false;
    forget_part(edge)
}

inline kill_outlet(edge) {
    up[edge] = false;
    forget_part(edge);
    peer_known[edge] = false;
    peer_acked[edge] = 0
}

inline kill_parse() {
    kill_outlet(0);
    kill_outlet(1);
    kill_outlet(2);
    positioned[PARSE] = false;
    processed[PARSE] = 0;
    for (n : 1 .. RECORDS) { dealt[n] = 0 }
}

inline kill_worker(i) {
    kill_inlet(i);
    kill_outlet(3 + i);
    if
    :: processed[WORKER + i] > durable[i] -> MET(MET_WORKER_BEHIND)
    :: else
    fi;
    positioned[WORKER + i] = true;
    processed[WORKER + i] = durable[i];
    peer_acked[3 + i] = durable[i];
    expected[i] = durable[i] + 1;
    for (n : 1 .. RECORDS) { taken[i * (RECORDS + 1) + n] = 0 }
}

inline kill_branch() {
    kill_inlet(2);
    kill_outlet(5);
    positioned[BRANCH] = false;
    processed[BRANCH] = 0;
    expected[2] = 0
}

inline kill_merge() {
    kill_inlet(3);
    kill_inlet(4);
    kill_inlet(5);
    kill_outlet(6);
    positioned[MERGE] = false;
    processed[MERGE] = 0;
    expected[3] = 0; expected[4] = 0; expected[5] = 0;
    for (n : 1 .. RECORDS) {
        merging[n] = 0; merging[RECORDS + 1 + n] = 0; merging[2 * (RECORDS + 1) + n] = 0;
        merged[n] = 0
    }
}

inline kill_sink() {
    kill_inlet(6);
    positioned[SINK] = true;
    processed[SINK] = durable[2];
    expected[6] = durable[2] + 1
}

inline kill_all() {
    kill_parse(); kill_worker(0); kill_worker(1); kill_branch(); kill_merge(); kill_sink()
}

/* All that parse gave out has come back as acked, so everything everywhere is safe. */
inline check_done() {
    MET(MET_DONE);
    assert(durable[0] == RECORDS && durable[1] == RECORDS && durable[2] == RECORDS)
}

#define KILL(step) :: d_step { kills < KILLS -> kills++; step; n = 0 }

active proctype pipeline() {
    d_step { kill_all(); n = 0 }
    do
    :: atomic {
    if
    EDGE(0, PARSE, WORKER)
    EDGE(1, PARSE, WORKER + 1)
    EDGE(2, PARSE, BRANCH)
    EDGE(3, WORKER, MERGE)
    EDGE(4, WORKER + 1, MERGE)
    EDGE(5, BRANCH, MERGE)
    EDGE(6, MERGE, SINK)
    COMMITS(WORKER)
    COMMITS(WORKER + 1)
    COMMITS(SINK)
    KILL(kill_parse())
    KILL(kill_worker(0))
    KILL(kill_worker(1))
    KILL(kill_branch())
    KILL(kill_merge())
    KILL(kill_sink())
    KILL(kill_all()) /* the supervisor was killed, and with it all */
    :: d_step { let_go == RECORDS && positioned[PARSE] && PEERS_KNOWN(PARSE) && \
        COMMITTED(PARSE) == RECORDS -> check_done() }; goto done
    :: timeout -> assert(ended) /* nobody can go on, and it is not done */
    fi;
    d_step { settle() }
    }
    od;
done:
    skip
}
