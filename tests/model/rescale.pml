/* SPDX-License-Identifier: MIT */
/*
 * rescale.pml - another number of workers in the next run
 *
 *   parse ──┬── worker 0 ──┬── sink          from one to WORKERS_MAX of them, changed whenever
 *           ├── worker … ──┤                 everything is down
 *
 * The state of a keyed stage lies in groups of keys. Each worker has some groups; each group has a
 * position of its own, behind which its state goes on, since it may come from another worker of
 * the run before. A worker goes on behind the least of its groups, and leaves alone what is not
 * above the position of the record's group: state and outputs of that are there already.
 * Steps are as in graph.pml.
 */
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef RUNS
#define RUNS 3
#endif
#ifndef KILLS /* of single processes */
#define KILLS 1
#endif
#ifndef WORKERS_MAX
#define WORKERS_MAX 3
#endif
#ifndef WINDOW
#define WINDOW RECORDS
#endif
#define GROUPS 3

#define GROUP_OF(n) (((n) + 1) % GROUPS)
#define WORKER_OF(group) ((group) * workers / GROUPS) /* partition_worker_of_group() */
/* Records of a group up to a seq. */
#define COUNT(group, n) (((n) + GROUPS - ((group) + 2) % GROUPS) / GROUPS - \
    (((group) + 2) % GROUPS == 0 -> 1 : 0))

c_decl {
\#define MET_EVENTS "groups-apart", "left-alone", "more-workers", "fewer-workers", "sender-between", "group-ahead-of-commit", "done"
\#include "met.h"
}
#define MET_APART 0
#define MET_LEFT_ALONE 1
#define MET_MORE 2
#define MET_FEWER 3
#define MET_BETWEEN 4
#define MET_AHEAD 5
#define MET_DONE 6
#define MET(event) c_code { met(event); }

/* --- on disk --- */
byte group_position[GROUPS];
byte group_state[GROUPS]; /* how many records it has had */
byte lines = 0;           /* the sink's cursor */

byte workers;
/* --- parse --- */
bool positioned = false;
byte parsed = 0;
byte worker_acked[WORKERS_MAX];
bool worker_known[WORKERS_MAX];
bool up[WORKERS_MAX];
/* --- workers --- */
byte expected[WORKERS_MAX];
byte worked[WORKERS_MAX];
byte state[GROUPS];
byte sink_acked[WORKERS_MAX];
bool sink_known[WORKERS_MAX];
bool sink_up[WORKERS_MAX];
/* --- sink --- */
byte sink_expected[WORKERS_MAX];
byte written = 0;
bool has[RECORDS + 1]; /* the output for a seq is in the inbox */

byte let_go = 0;
byte kills = 0;
byte runs = 1;
bool ended = false;

hidden byte n, group, least, most, before;

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST(a, b) ((a) > (b) -> (a) : (b))

/* Where a worker goes on: the least position of its groups; and what it has committed. */
#define OF_WORKER(i, group, none) (WORKER_OF(group) == i -> group_position[group] : none)
#define LEAST_OF(i) LEAST(OF_WORKER(i, 0, 255), LEAST(OF_WORKER(i, 1, 255), OF_WORKER(i, 2, 255)))
#define MOST_OF(i) MOST(OF_WORKER(i, 0, 0), MOST(OF_WORKER(i, 1, 0), OF_WORKER(i, 2, 0)))
#ifdef MUTANT_POSITION_GREATEST
#define POSITION(i) MOST_OF(i)
#else
#define POSITION(i) LEAST_OF(i)
#endif

/* Everybody in the present run. */
inline find_least_acked() {
    least = 255;
    most = 0;
    for (n : 0 .. WORKERS_MAX - 1) {
        if
        :: n < workers -> least = LEAST(least, worker_acked[n]); most = MOST(most, worker_acked[n])
        :: else
        fi
    }
    n = 0
}

#define ALL_KNOWN (worker_known[0] && (workers < 2 || worker_known[1]) && \
    (workers < 3 || worker_known[2]))
#define SINK_COVERED (LEAST(sink_expected[0], LEAST((workers < 2 -> 255 : sink_expected[1]), \
    (workers < 3 -> 255 : sink_expected[2]))) - 1)

/* runner_take(): what the group of the record has is left alone. */
inline work(i) {
    n = worked[i] + 1;
    group = GROUP_OF(n);
    if
    :: WORKER_OF(group) != i -> skip
#ifndef MUTANT_NOT_LEFT_ALONE
#ifdef MUTANT_LEFT_ALONE_BY_WORKER
    :: WORKER_OF(group) == i && n <= MOST_OF(i) ->
#else
    :: WORKER_OF(group) == i && n <= group_position[group] ->
#endif
        MET(MET_LEFT_ALONE);
        assert(lines >= n) /* its output is safe downstream */
#endif
    :: else ->
        assert(state[group] == COUNT(group, n - 1)); /* every record once, and in order */
        state[group] = state[group] + 1
    fi;
    worked[i] = n;
    group = 0
}

inline write() {
    n = written + 1;
    assert(has[n]); /* no output is missing */
    has[n] = false;
    written = n
}

#define CAN_PARSE (positioned && parsed < RECORDS && ALL_KNOWN)
#define CAN_WORK(i) (i < workers && sink_known[i] && worked[i] < expected[i] - 1)

inline settle() {
    do
    :: CAN_PARSE && parsed < least + WINDOW -> parsed++
    :: CAN_WORK(0) -> work(0)
    :: CAN_WORK(1) -> work(1)
    :: CAN_WORK(2) -> work(2)
    :: written < SINK_COVERED -> write()
    :: else -> break
    od;
    n = 0
}

/* Commits all groups of a worker as of one seq; one that is further stays where it is. */
inline commit(i) {
    before = POSITION(i) + 1;
    group = 0;
    do
    :: group < GROUPS && WORKER_OF(group) == i ->
        if
#ifndef MUTANT_MOVED_BACK
        :: group_position[group] >= before -> MET(MET_AHEAD)
#endif
        :: else ->
            group_state[group] = state[group] -
                (COUNT(group, MOST(worked[i], group_position[group])) -
                 COUNT(group, MOST(before, group_position[group])));
            group_position[group] = before
        fi;
        group++
    :: group < GROUPS && WORKER_OF(group) != i -> group++
    :: else -> break
    od;
    group = 0; before = 0
}

inline take_ack(i) {
    least = POSITION(i);
    worker_acked[i] = MOST(worker_acked[i], least);
    find_least_acked();
    if
    :: positioned && LEAST(least, parsed) > let_go -> let_go = LEAST(least, parsed)
    :: else
    fi
}

inline dial(i) {
    up[i] = true;
    worker_known[i] = true;
    take_ack(i);
    if
    :: !positioned && ALL_KNOWN ->
        find_least_acked();
        if
        :: least != most -> MET(MET_BETWEEN)
        :: else
        fi;
        positioned = true;
        parsed = least;
        assert(parsed >= let_go);
        let_go = parsed
    :: else
    fi;
    assert(!positioned || expected[i] > LEAST(parsed, worker_acked[i]))
}

inline sink_dial(i) {
    sink_up[i] = true;
    sink_known[i] = true;
    sink_acked[i] = MOST(sink_acked[i], lines);
    least = POSITION(i);
    assert(sink_expected[i] > LEAST(worked[i], MOST(least, sink_acked[i])))
}

#define EDGES(i) \
    :: d_step { i < workers && !up[i] -> dial(i) } \
    :: d_step { i < workers && up[i] && positioned && expected[i] <= parsed -> \
        expected[i] = expected[i] + 1 } \
    :: d_step { i < workers && !sink_up[i] -> sink_dial(i) } \
    :: d_step { i < workers && sink_up[i] && sink_expected[i] <= worked[i] -> \
        has[sink_expected[i]] = has[sink_expected[i]] || \
            WORKER_OF(GROUP_OF(sink_expected[i])) == i; \
        sink_expected[i] = sink_expected[i] + 1 } \
    :: d_step { i < workers && sink_up[i] && lines > sink_acked[i] -> sink_acked[i] = lines }

/* An ack, and a commit as far as the sink has acked. */
#define WORKER(i) \
    :: d_step { i < workers && up[i] && POSITION(i) > worker_acked[i] -> take_ack(i) } \
    :: d_step { i < workers && POSITION(i) < LEAST(worked[i], sink_acked[i]) -> commit(i) }

inline kill_parse() {
    positioned = false;
    parsed = 0;
    for (n : 0 .. WORKERS_MAX - 1) { worker_acked[n] = 0; worker_known[n] = false; up[n] = false }
    n = 0
}

inline kill_worker(i) {
    up[i] = false;
    sink_up[i] = false;
    sink_known[i] = false;
    if
    :: i < workers && LEAST_OF(i) != MOST_OF(i) -> MET(MET_APART)
    :: else
    fi;
    sink_acked[i] = 0;
    worked[i] = (i < workers -> POSITION(i) : 0);
    expected[i] = worked[i] + 1;
    for (n : 0 .. GROUPS - 1) {
        if
        :: WORKER_OF(n) == i -> state[n] = group_state[n]
        :: else
        fi
    }
    n = 0
}

inline kill_sink() {
    written = lines;
    for (n : 0 .. WORKERS_MAX - 1) { sink_up[n] = false; sink_expected[n] = lines + 1 }
    for (n : 1 .. RECORDS) { has[n] = false }
    n = 0
}

inline start_run(count) {
    if
    :: count > workers -> MET(MET_MORE)
    :: count < workers -> MET(MET_FEWER)
    :: else
    fi;
    workers = count;
    kill_parse(); kill_sink(); kill_worker(0); kill_worker(1); kill_worker(2)
}

#define KILL(step) :: d_step { kills < KILLS -> kills++; step; n = 0 }
#define RUN(count) :: d_step { runs < RUNS && workers != count -> runs++; start_run(count); n = 0 }

active proctype pipeline() {
    d_step { workers = 2; start_run(2); n = 0; least = 0; most = 0 }
    do
    :: atomic {
    if
    EDGES(0) WORKER(0)
    EDGES(1) WORKER(1)
    EDGES(2) WORKER(2)
    :: d_step { lines < written -> lines++ }
    KILL(kill_parse())
    KILL(kill_worker(0))
    KILL(kill_worker(1))
    KILL(kill_sink())
    RUN(1)
    RUN(2)
    RUN(3)
    :: d_step { lines == RECORDS && let_go == RECORDS -> MET(MET_DONE);
        assert(group_position[0] == RECORDS && group_position[1] == RECORDS && \
            group_position[2] == RECORDS);
        assert(group_state[0] == COUNT(0, RECORDS) && group_state[1] == COUNT(1, RECORDS) && \
            group_state[2] == COUNT(2, RECORDS)) }; goto done
    :: timeout -> assert(ended)
    fi;
    d_step { find_least_acked(); settle(); least = 0; most = 0 }
    }
    od;
done:
    skip
}
