/* SPDX-License-Identifier: MIT */
/*
 * recovery.pml - stages that are killed, links that are made anew, and every output once
 *
 *                   ┌────────────── 2 ──────────────┐
 *   source ── 0 ── parse ── 1 ── limits ──── 3 ── dead letters      (limits ── 4 ── sink: -DSINK)
 *
 * source: a position on disk that may lie behind what was acked. parse: no state; it goes on where
 * those behind it have least. limits: a store, whose state runs ahead of the commit and is undone
 * when the process dies. dead letters: a sink that merges two inputs by seq.
 *
 * Every step stands for one piece of the turn of stages/host/process_host.c or of a handler of
 * stages/host/process_control.c. Any order of them is allowed, so every timing is covered. What cannot
 * be told apart from outside is one step, to keep states few:
 * - A killed process is back at once: one that comes back late does just what one does that is
 *   back and is given no time.
 * - A stage works on what it has at once: that changes only its own memory. How far a frame or a
 *   commit reaches is free.
 * - Frames and acks are taken as they are sent: one that is lost with its link, on the way or in
 *   either end, does what one does that was not sent yet. -DWIRE puts channels between them all
 *   the same, to check just that.
 */
#ifndef RECORDS
#define RECORDS 2
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef LOSSES /* links that break, or frames that they swallow, while both their ends live */
#define LOSSES 1
#endif
#ifndef WINDOW /* seqs in closed frames that no ack has come for, before a stage takes no more */
#define WINDOW RECORDS
#endif

#define SOURCE 0
#define PARSE 1
#define LIMITS 2
#define DEAD 3
#define SINK_STAGE 4

#ifdef SINK
#define STAGES 5
#define EDGES 5
#else
#define STAGES 4
#define EDGES 4
#endif

/* What becomes of record n: 2 and 5 are refused by parse, 3 by limits, which also passes it on. */
#define PARSE_REFUSES(n) ((n) % 3 == 2)
#define LIMITS_REFUSES(n) ((n) % 3 == 0)
/* The state of limits: doubled or skipped records, or two in the wrong order, give another one. */
#define NEXT_STATE(state, n) (((state) * 2 + (n)) % 16)

c_decl {
\#define MET_EVENTS "cut", "replay-dropped", "gap", "frame-of-several", "undo", "sender-behind", "acked-ahead", "late-hello", "late-ack", "positioned", "done"
\#include "met.h"
}
#define MET_CUT 0
#define MET_REPLAY 1
#define MET_GAP 2
#define MET_SEVERAL 3
#define MET_UNDO 4
#define MET_BEHIND 5
#define MET_AHEAD 6
#define MET_LATE_HELLO 7
#define MET_LATE_ACK 8
#define MET_POSITIONED 9
#define MET_DONE 10
#define MET(event) c_code { met(event); }

mtype = { DOWN, UP };

/* --- on disk; what a new process starts with --- */
byte durable[STAGES]; /* of source its cursor, of parse nothing, of limits its log, of sinks theirs */
byte state_durable;   /* what the log of limits gives */
byte lines_durable[2]; /* length of the file of dead letters, and of the sink's */

/* --- in a stage process --- */
byte processed[STAGES];    /* host.processed */
byte committed[STAGES];    /* host.committed, which is what is acked upstream */
byte closed[STAGES];       /* window.pushed: frames are closed up to here */
byte ends[STAGES];         /* bit n: a frame ends at n, or the first one begins behind n */
bool positioned = false;   /* parse knows where it goes on */
byte state;                /* the live state of limits, */
byte state_at[RECORDS + 1]; /* and the undo log: the state as of every seq from the commit on */
byte lines[2];             /* what the sinks have written, committed or not */

/* --- the sending end of an edge: outlet and window --- */
byte peer_acked[EDGES];    /* outlet.peer_acked; at least where the process began */
byte peer_expected[EDGES]; /* of the hello; 0 when it no longer matters */
bool peer_known[EDGES];
byte sent[EDGES];          /* last seq of the frames sent; only while the link is up */
/* --- the receiving end: inlet --- */
byte expected[EDGES];
byte ack_sent[EDGES]; /* only while the link is up */
/* --- between them --- */
mtype link[EDGES];
bool swallowed[EDGES]; /* the link has lost a frame: only then may a gap be seen */
#ifdef WIRE
chan frames[EDGES] = [2] of { byte, byte }; /* first, last */
chan acks[EDGES] = [1] of { byte };
#endif
/* Messages under way when their link is over; an ack may find even the next process. */
#ifdef LATE
byte late_ack[EDGES];
byte late_hello[EDGES]; /* its `expected`; 0: none */
#endif

byte kills = 0;
byte losses = 0;
bool ended = false;

/* Scratch of the steps. */
hidden byte n, first, last, acked, mark;
hidden byte want_state[RECORDS + 1]; /* set once: the state as of every seq in an undisturbed run */
hidden byte want_lines[2 * (RECORDS + 1)];

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST(a, b) ((a) > (b) -> (a) : (b))

/* host_least_peer_acked(); a sink has nobody to wait for. */
#ifdef SINK
#define LIMITS_ACKED LEAST(peer_acked[3], peer_acked[4])
#else
#define LIMITS_ACKED peer_acked[3]
#endif
#ifdef MUTANT_ACK_GREATEST
#define PARSE_ACKED MOST(peer_acked[1], peer_acked[2])
#else
#define PARSE_ACKED LEAST(peer_acked[1], peer_acked[2])
#endif
#define ALL_ACKED(stage) ((stage) == SOURCE -> peer_acked[0] : ((stage) == PARSE -> PARSE_ACKED : \
    ((stage) == LIMITS -> LIMITS_ACKED : RECORDS)))

/* covered(): up to here all inlets have everything. */
#define COVERED(stage) ((stage) == SOURCE -> RECORDS : ((stage) == PARSE -> expected[0] - 1 : \
    ((stage) == LIMITS -> expected[1] - 1 : ((stage) == DEAD -> \
    LEAST(expected[2], expected[3]) - 1 : expected[EDGES - 1] - 1))))

#define IS_POSITIONED(stage) ((stage) != PARSE || positioned)

/* committable(): everything is acked downstream, and done here. */
#ifdef MUTANT_COMMIT_AHEAD
#define COMMITTABLE(stage) ((stage) == LIMITS -> processed[stage] : \
    LEAST(processed[stage], ALL_ACKED(stage)))
#else
#define COMMITTABLE(stage) LEAST(processed[stage], ALL_ACKED(stage))
#endif

/* What a receiver says in its acks and in its hello. */
#if defined(MUTANT_ACK_BEFORE_DOWNSTREAM)
#define ACKABLE(stage) ((stage) == PARSE -> processed[stage] : committed[stage])
#elif defined(MUTANT_ACK_BEFORE_COMMIT)
#define ACKABLE(stage) ((stage) == PARSE -> committed[stage] : COMMITTABLE(stage))
#else
#define ACKABLE(stage) committed[stage]
#endif

/* --- the window --- */

/* Moves mark back to the last end of a frame at or below it. */
inline last_end(stage) {
    do
    :: mark > 0 && ((ends[stage] >> mark) & 1) == 0 -> mark--
    :: else -> break
    od
}

/* Acked frames leave the window; those that were not sent yet need not be (window.c). */
inline drop_acked(edge, stage) {
    mark = LEAST(peer_acked[edge], closed[stage]);
    last_end(stage);
    if
    :: link[edge] == UP && sent[edge] < mark -> sent[edge] = mark
    :: else
    fi
}

/* Ends of frames that no outlet holds any more say nothing: this only keeps states few. */
inline forget_ends(stage) {
    mark = LEAST(ALL_ACKED(stage), closed[stage]);
    last_end(stage);
    ends[stage] = (ends[stage] >> mark) << mark
}

/* window_rewind(): back to the frame that holds what the peer expects; it must still be there. */
inline rewind(edge, stage) {
    mark = LEAST(peer_acked[edge], closed[stage]);
    last_end(stage);
#ifdef MUTANT_FORGET_EARLY
    assert(peer_expected[edge] > sent[edge]);
#endif
    assert(peer_expected[edge] > mark); /* or the topology is refused: states do not fit */
    mark = LEAST(peer_expected[edge] - 1, closed[stage]);
    last_end(stage);
    sent[edge] = mark
}

/* A process begins, or parse knows where it goes on (host_take_position()). */
inline start_at(stage, position) {
    processed[stage] = position;
    committed[stage] = position;
    closed[stage] = position;
    ends[stage] = 1 << position
}

/* --- links, as core_links.c and process_control.c make them --- */

/* Either end is gone or has given up; what was under way is lost. */
inline take_down(edge, to) {
#ifdef LATE
    if
    :: link[edge] == UP && ack_sent[edge] > 0 -> late_ack[edge] = ack_sent[edge]
    :: else
    fi;
#endif
    link[edge] = DOWN;
    ack_sent[edge] = 0;
    swallowed[edge] = false;
#ifndef MUTANT_FORGET_EARLY
    sent[edge] = 0;
#endif
#ifdef WIRE
    do
    :: nempty(frames[edge]) -> frames[edge]?first,last
    :: empty(frames[edge]) -> break
    od;
    if
    :: nempty(acks[edge]) -> acks[edge]?acked
    :: empty(acks[edge])
    fi;
#endif
    first = 0;
    last = 0;
    acked = 0
}

/* Parse takes its position when it knows all its peers (on_dial()). */
inline take_position() {
    MET(MET_POSITIONED);
#ifdef MUTANT_POSITION_GREATEST
    n = MOST(peer_acked[1], peer_acked[2]);
#else
    n = LEAST(peer_acked[1], peer_acked[2]);
#endif
    positioned = true;
    start_at(PARSE, n);
    expected[0] = n + 1;
    if
    :: link[1] == UP -> rewind(1, PARSE)
    :: else
    fi;
    if
    :: link[2] == UP -> rewind(2, PARSE)
    :: else
    fi
}

/*
 * A link comes up: on_listen() of the receiver, whose hello goes by way of the supervisor to
 * on_dial() of the sender. The code says acked once more in the first ack, to no effect.
 */
inline dial(edge, from, to, hello_expected) {
    link[edge] = UP;
    peer_known[edge] = true;
    peer_expected[edge] = hello_expected;
    ack_sent[edge] = ACKABLE(to);
    if
    :: ack_sent[edge] > peer_acked[edge] -> peer_acked[edge] = ack_sent[edge]
    :: else
    fi;
    if
    :: IS_POSITIONED(from) ->
        if
        :: peer_acked[edge] > closed[from] -> MET(MET_BEHIND)
        :: else
        fi;
        rewind(edge, from);
        forget_ends(from)
    :: !IS_POSITIONED(from) && peer_known[1] && peer_known[2] -> take_position()
    :: else
    fi
}

inline take_ack(edge, from) {
    if
    :: acked > closed[from] -> MET(MET_AHEAD)
    :: else
    fi;
    if
    :: acked > peer_acked[edge] ->
        peer_acked[edge] = acked;
        if
        :: IS_POSITIONED(from) -> drop_acked(edge, from); forget_ends(from)
        :: else
        fi
    :: else
    fi;
    acked = 0
}

/* inlet_receive() and judge(). */
inline receive(edge, to) {
    if
    :: last < expected[edge] -> MET(MET_REPLAY)
#ifndef MUTANT_ACCEPT_GAP
    :: first > expected[edge] ->
        MET(MET_GAP);
        assert(swallowed[edge]); /* nothing but a lost frame makes a gap */
        take_down(edge, to)
#endif
    :: else ->
        if
        :: last > first -> MET(MET_SEVERAL)
        :: else
        fi;
        if
        :: first < expected[edge] ->
            MET(MET_CUT);
#ifdef MUTANT_NO_CUT
            processed[to] = first - 1; /* the stage is given what it had once more */
#endif
        :: first > expected[edge] -> processed[to] = first - 1 /* only MUTANT_ACCEPT_GAP comes here */
        :: else
        fi;
        expected[edge] = last + 1
    fi;
    first = 0;
    last = 0
}

/* The next frame of the window. */
inline take_frame(edge, from) {
    first = sent[edge] + 1;
    last = first;
    do
    :: ((ends[from] >> last) & 1) == 0 -> last++
    :: else -> break
    od;
    sent[edge] = last
}

#ifdef WIRE
#define HAS_ROOM(edge) nfull(frames[edge])
#define PASS_FRAME(edge, to) frames[edge]!first,last; first = 0; last = 0
#define WIRES(edge, from, to) \
    :: d_step { nempty(frames[edge]) -> frames[edge]?first,last; receive(edge, to) } \
    :: d_step { link[edge] == UP && ACKABLE(to) > ack_sent[edge] && nfull(acks[edge]) -> \
        ack_sent[edge] = ACKABLE(to); acks[edge]!ack_sent[edge] } \
    :: d_step { nempty(acks[edge]) -> acks[edge]?acked; take_ack(edge, from) }
#else
#define HAS_ROOM(edge) true
#define PASS_FRAME(edge, to) receive(edge, to)
#define WIRES(edge, from, to) \
    :: d_step { link[edge] == UP && ACKABLE(to) > ack_sent[edge] -> \
        ack_sent[edge] = ACKABLE(to); acked = ack_sent[edge]; take_ack(edge, from) }
#endif

/* outlet_send(): what the peer said that it has is passed over. */
inline send(edge, from, to) {
    take_frame(edge, from);
    if
#ifdef HARMLESS_SEND_ALL
    :: true -> PASS_FRAME(edge, to)
#else
    :: last >= peer_expected[edge] -> peer_expected[edge] = 0; PASS_FRAME(edge, to)
#endif
    :: else -> first = 0; last = 0
    fi
}

#define CAN_SEND(edge, from) (link[edge] == UP && IS_POSITIONED(from) && sent[edge] < closed[from])

#define EDGE(edge, from, to) \
    :: d_step { link[edge] == DOWN && IS_POSITIONED(to) -> dial(edge, from, to, expected[edge]) } \
    :: d_step { CAN_SEND(edge, from) && HAS_ROOM(edge) -> send(edge, from, to) } \
    WIRES(edge, from, to) \
    LATES(edge, from, to) \
    /* A frame is swallowed, and another one shows it; a last one would never be missed. */ \
    :: d_step { losses < LOSSES && CAN_SEND(edge, from) && sent[edge] + 1 < closed[from] && \
        ((ends[from] >> closed[from] - 1) & 1) != 0 -> losses++; take_frame(edge, from); \
        swallowed[edge] = last >= expected[edge]; first = 0; last = 0 } \
    /* An end finds that the link is broken. */ \
    :: d_step { losses < LOSSES && link[edge] == UP -> losses++; take_down(edge, to) }

#ifdef LATE
/* present_link() of core_links.c: a hello for a link that is no longer the present one is dropped. */
#ifdef MUTANT_OLD_HELLO
#define LATE_HELLO(edge, from, to) \
    if \
    :: link[edge] == DOWN && IS_POSITIONED(to) -> dial(edge, from, to, late_hello[edge]) \
    :: else \
    fi; late_hello[edge] = 0
#else
#define LATE_HELLO(edge, from, to) late_hello[edge] = 0
#endif
/* take_ack() of outlet.c: so is an ack with another serial. */
#ifdef HARMLESS_OLD_ACK
#define LATE_ACK(edge, from) acked = late_ack[edge]; late_ack[edge] = 0; take_ack(edge, from)
#else
#define LATE_ACK(edge, from) late_ack[edge] = 0
#endif
#define LATES(edge, from, to) \
    :: d_step { late_hello[edge] != 0 -> MET(MET_LATE_HELLO); LATE_HELLO(edge, from, to) } \
    :: d_step { late_ack[edge] != 0 -> MET(MET_LATE_ACK); LATE_ACK(edge, from) }
#else
#define LATES(edge, from, to)
#endif

/* --- stages --- */

/* What a sink has in its file for all seqs below n, and adds for n. */
inline write_lines(file, count) {
    assert(lines[file] == want_lines[file * (RECORDS + 1) + n - 1]); /* once, and in order */
    lines[file] = lines[file] + count;
    assert(lines[file] == want_lines[file * (RECORDS + 1) + n])
}

/* runner_take() of the next seq. */
inline work(stage) {
    n = processed[stage] + 1;
    if
    :: stage == LIMITS && !PARSE_REFUSES(n) ->
        state = NEXT_STATE(state, n)
    :: stage == DEAD -> write_lines(0, (PARSE_REFUSES(n) -> 1 : 0) + (LIMITS_REFUSES(n) -> 1 : 0))
    :: stage == SINK_STAGE -> write_lines(1, (PARSE_REFUSES(n) -> 0 : 1))
    :: else
    fi;
    if
    :: stage == LIMITS -> assert(state == want_state[n]); state_at[n] = state
    :: else
    fi;
    processed[stage] = n
}

/* runner_commit(): from here on a new process starts here. */
inline commit(stage, count) {
    n = committed[stage] + count;
    if
    :: stage == LIMITS ->
        state_durable = state_at[n];
        mark = committed[stage];
        do
        :: mark < n -> state_at[mark] = 0; mark++
        :: else -> break
        od
    :: stage == DEAD -> lines_durable[0] = want_lines[n]
    :: stage == SINK_STAGE -> lines_durable[1] = want_lines[RECORDS + 1 + n]
    :: else
    fi;
    committed[stage] = n;
    if
    :: stage != PARSE && stage != SOURCE -> durable[stage] = n
    :: else
    fi
}

inline close_frame(stage, count) {
    closed[stage] = closed[stage] + count;
    ends[stage] = ends[stage] | (1 << closed[stage])
}

/* Work comes before all else; is_blocked(): a full window stops its stage. */
#define CAN_WORK(stage) (IS_POSITIONED(stage) && processed[stage] < COVERED(stage) && \
    closed[stage] < ALL_ACKED(stage) + WINDOW)
inline work_all() {
    do
    :: CAN_WORK(SOURCE) -> work(SOURCE)
    :: CAN_WORK(PARSE) -> work(PARSE)
    :: CAN_WORK(LIMITS) -> work(LIMITS)
    :: CAN_WORK(DEAD) -> work(DEAD)
#ifdef SINK
    :: CAN_WORK(SINK_STAGE) -> work(SINK_STAGE)
#endif
    :: else -> break
    od;
    n = 0;
    mark = 0
}

#define COMMITS(stage, count) \
    :: d_step { IS_POSITIONED(stage) && COMMITTABLE(stage) >= committed[stage] + count -> \
        commit(stage, count) }
#define CLOSES(stage, count) \
    :: d_step { IS_POSITIONED(stage) && closed[stage] + count <= processed[stage] -> \
        close_frame(stage, count) }
#define STAGE(stage) COMMITS(stage, 1) COMMITS(stage, 2) COMMITS(stage, 3) COMMITS(stage, 4)
#define SENDS(stage) CLOSES(stage, 1) CLOSES(stage, 2) CLOSES(stage, 3) CLOSES(stage, 4)

/* --- death --- */

inline kill_inlet(edge, stage) {
#ifdef LATE
    if
    :: link[edge] == DOWN && expected[edge] > 0 -> late_hello[edge] = expected[edge]
    :: else
    fi;
#endif
    take_down(edge, stage);
    expected[edge] = (IS_POSITIONED(stage) -> processed[stage] + 1 : 0)
}

inline kill_outlet(edge, stage, to) {
    take_down(edge, to);
    sent[edge] = 0;
    peer_known[edge] = false;
    peer_expected[edge] = 0;
    peer_acked[edge] = processed[stage]
}

inline kill_source() {
    start_at(SOURCE, durable[SOURCE]);
    kill_outlet(0, SOURCE, PARSE)
}

inline kill_parse() {
    positioned = false;
    start_at(PARSE, 0);
    kill_inlet(0, PARSE);
    kill_outlet(1, PARSE, LIMITS);
    kill_outlet(2, PARSE, DEAD)
}

inline kill_limits() {
    n = processed[LIMITS];
    start_at(LIMITS, durable[LIMITS]);
    do
    :: n > durable[LIMITS] -> MET(MET_UNDO); state_at[n] = 0; n--
    :: else -> break
    od;
    state = state_durable;
    state_at[durable[LIMITS]] = state;
    kill_inlet(1, LIMITS);
    kill_outlet(3, LIMITS, DEAD);
#ifdef SINK
    kill_outlet(4, LIMITS, SINK_STAGE)
#endif
}

inline kill_dead() {
    start_at(DEAD, durable[DEAD]);
    lines[0] = lines_durable[0];
    kill_inlet(2, DEAD);
    kill_inlet(3, DEAD)
}

inline kill_sink() {
#ifdef SINK
    start_at(SINK_STAGE, durable[SINK_STAGE]);
    lines[1] = lines_durable[1];
    kill_inlet(4, SINK_STAGE)
#else
    skip
#endif
}

/* say_done(): all that the source gave out has come back, so everything everywhere is safe. */
inline check_done() {
    MET(MET_DONE);
    assert(durable[DEAD] == RECORDS && lines_durable[0] == want_lines[RECORDS]);
    assert(durable[LIMITS] == RECORDS && state_durable == want_state[RECORDS]);
#ifdef SINK
    assert(durable[SINK_STAGE] == RECORDS);
    assert(lines_durable[1] == want_lines[2 * RECORDS + 1])
#endif
}

inline begin() {
    n = 1;
    do
    :: n <= RECORDS ->
        want_state[n] = (PARSE_REFUSES(n) -> want_state[n - 1] : NEXT_STATE(want_state[n - 1], n));
        want_lines[n] = want_lines[n - 1] + (PARSE_REFUSES(n) -> 1 : 0) +
                        (LIMITS_REFUSES(n) -> 1 : 0);
        want_lines[RECORDS + 1 + n] = want_lines[RECORDS + n] + (PARSE_REFUSES(n) -> 0 : 1);
        n++
    :: else -> break
    od;
    n = 0;
    do
    :: n < EDGES -> link[n] = DOWN; n++
    :: else -> break
    od;
    kill_source();
    kill_parse();
    kill_limits();
    kill_dead();
    kill_sink();
    n = 0; first = 0; last = 0; mark = 0
}

active proctype pipeline() {
    d_step { begin(); work_all() }
    do
    :: atomic {
    if
    EDGE(0, SOURCE, PARSE)
    EDGE(1, PARSE, LIMITS)
    EDGE(2, PARSE, DEAD)
    EDGE(3, LIMITS, DEAD)
    STAGE(SOURCE) SENDS(SOURCE)
    STAGE(PARSE) SENDS(PARSE)
    STAGE(LIMITS) SENDS(LIMITS)
    STAGE(DEAD)
#ifdef SINK
    EDGE(4, LIMITS, SINK_STAGE)
    STAGE(SINK_STAGE)
    :: d_step { kills < KILLS -> kills++; kill_sink() }
#endif
    /* The source's cursor may stay behind what was acked: it knows only some places (marks). */
    :: d_step { durable[SOURCE] < committed[SOURCE] -> durable[SOURCE] = committed[SOURCE] }
    :: d_step { kills < KILLS -> kills++; kill_source() }
    :: d_step { kills < KILLS -> kills++; kill_parse() }
    :: d_step { kills < KILLS -> kills++; kill_limits() }
    :: d_step { kills < KILLS -> kills++; kill_dead() }
    /* The supervisor was killed, and with it all. */
    :: d_step { kills < KILLS ->
        kills++; kill_source(); kill_parse(); kill_limits(); kill_dead(); kill_sink() }
    :: d_step { committed[SOURCE] == RECORDS && peer_known[0] -> check_done() }; goto done
    :: timeout -> assert(ended) /* nobody can go on, and it is not done */
    fi;
    d_step { work_all() }
    }
    od;
done:
    skip
}
