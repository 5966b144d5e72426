/* SPDX-License-Identifier: MIT */
/*
 * poison.pml - a record that kills its stage is taken out, once and for all
 *
 * One stage with two outputs, to a sink and to the dead letters, which take what they get at
 * different times. The stage is killed from outside, or it dies of the record in its hands; the
 * supervisor counts the deaths of the second kind for one seq. After the third it writes the
 * decision into the stage's directory, and starts the stage again only when that is safe. A stage
 * reads the decisions when it opens, and makes a dead letter of such a record in place of the step.
 *
 * VICTIM is the record that may kill, as often as CRASHES says; with -DALWAYS it kills each time.
 * Others may do it too, OTHER_CRASHES times in all: a single fault is no poison.
 *
 * The bar. A record that some life got past may have gone downstream as what it is: a sink may
 * have its output, and the dead letters nothing yet. So a decision is only made about a seq that
 * no life of the stage has got past (status page), and that no receiver has (their hellos in this
 * life of the supervisor, which must all have come).
 */
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef VICTIM
#define VICTIM 2
#endif
#ifndef CRASHES
#define CRASHES 4
#endif
#ifndef OTHER_CRASHES
#define OTHER_CRASHES 1
#endif
#ifndef KILLS /* of the stage, from outside */
#define KILLS 2
#endif
#ifndef SUPERVISOR_KILLS
#define SUPERVISOR_KILLS 1
#endif
#ifndef POWER_LOSSES
#define POWER_LOSSES 1
#endif
#define DEATHS_MAX 3

c_decl {
\#define MET_EVENTS "third-death", "decided", "letter", "letter-replayed", "barred", "unheard", "count-lost", "decision-lost", "flaky-passed", "done", "synced-at-open"
\#include "met.h"
}
#define MET_THIRD 0
#define MET_DECIDED 1
#define MET_LETTER 2
#define MET_REPLAYED 3
#define MET_BARRED 4
#define MET_UNHEARD 5
#define MET_COUNT_LOST 6
#define MET_DECISION_LOST 7
#define MET_FLAKY_PASSED 8
#define MET_DONE 9
#define MET_SYNCED 10
#define MET(event) c_code { met(event); }

mtype = { NOTHING, ORDINARY, LETTER };   /* what a record has become */
mtype = { DOWN, DECIDING, RUNNING };     /* the stage, as the supervisor has it */
mtype = { ABSENT, RENAMED, SAFE };       /* the file of a decision */

/* --- on disk --- */
byte committed = 0;               /* the stage's own position */
mtype decision[RECORDS + 1];      /* RENAMED can be seen, and be lost with the power */

/* --- downstream: safe as soon as it is taken --- */
byte taken[2];                    /* by the sink, by the dead letters */
mtype became[RECORDS + 1];        /* what the first of them took */

/* --- the stage process --- */
mtype stage;
byte processed;
byte in_hand;                     /* status_page.seq_in_hand */
mtype made[RECORDS + 1];          /* in its window */
bool decided[RECORDS + 1];        /* as read when it opened */

/* --- the supervisor --- */
byte count_seq, count;
byte passed;                      /* the highest seq that a life or a receiver is known to be past */
bool heard[2];                    /* the hello of a receiver has come in this life */

/* --- the world --- */
byte crashes = 0, other_crashes = 0, kills = 0, supervisor_kills = 0, power_losses = 0;
byte deaths_at[RECORDS + 1];      /* of its own, since the supervisor began: what may be counted */
bool ended = false;
byte n;
mtype content;

#define LEAST(a, b) ((a) < (b) -> (a) : (b))
#define MOST(a, b) ((a) > (b) -> (a) : (b))

/*
 * A new process: state as of the commit, decisions from the directory. A supervisor that was killed
 * may not have synced the last one: that is done before anybody acts upon it.
 */
inline open_stage() {
    stage = RUNNING;
    processed = committed;
    in_hand = 0;
    n = 1;
    do
    :: n <= RECORDS ->
        made[n] = NOTHING;
        if
#if !defined(MUTANT_NO_SYNC_AT_OPEN) && !defined(MUTANT_EARLY_EFFECT)
        :: decision[n] == RENAMED -> MET(MET_SYNCED); decision[n] = SAFE
#endif
        :: else
        fi;
        decided[n] = decision[n] != ABSENT;
        n++
    :: else -> break
    od;
#ifdef MUTANT_NOT_READ_AGAIN
    /* Only the process that comes next knows of it: by an argument, say, and not by its files. */
    n = 1;
    do
    :: n <= RECORDS -> decided[n] = decided[n] && count_seq == n && count >= DEATHS_MAX; n++
    :: else -> break
    od;
    if
    :: count == DEATHS_MAX -> count = 0; count_seq = 0
    :: else
    fi;
#endif
    n = 0
}

inline stage_is_dead() {
    stage = DOWN;
#ifndef MUTANT_NO_BAR
    passed = MOST(passed, processed);
#endif
    processed = 0;
    in_hand = 0;
    n = 1;
    do
    :: n <= RECORDS -> made[n] = NOTHING; decided[n] = false; n++
    :: else -> break
    od;
    n = 0
}

/* on_exited(), for an end that the process has brought upon itself, or that we brought upon it. */
inline count_death(seq) {
    if
#ifdef MUTANT_NOT_PER_SEQ
    :: count > 0 -> count = (count < DEATHS_MAX -> count + 1 : count); count_seq = seq
#else
    :: count_seq == seq -> count = (count < DEATHS_MAX -> count + 1 : count)
#endif
    :: else -> count_seq = seq; count = 1
    fi;
    if
    :: count == DEATHS_MAX -> MET(MET_THIRD)
    :: else
    fi
}

/* Whether the third death is enough: a seq that may be downstream already stays what it is. */
inline decide_or_restart() {
    if
    :: count < DEATHS_MAX || decision[count_seq] != ABSENT -> open_stage()
#ifndef MUTANT_NO_BAR
    :: count == DEATHS_MAX && passed >= count_seq -> MET(MET_BARRED); open_stage()
#ifndef MUTANT_UNHEARD
    :: count == DEATHS_MAX && passed < count_seq && !(heard[0] && heard[1]) ->
        MET(MET_UNHEARD);
        open_stage()
#endif
#endif
    :: else ->
        stage = DECIDING
    fi
}

/* The file with stage, seq, signal and last words: written, synced, renamed; then the directory. */
inline rename_decision() {
    MET(MET_DECIDED);
    assert(deaths_at[count_seq] >= DEATHS_MAX); /* what is not poison is never taken out */
    decision[count_seq] = RENAMED
}

inline sync_decision() {
    decision[count_seq] = SAFE;
    open_stage()
}

/* A frame with the next seq comes to a receiver, which cuts what it has. */
inline deliver(to) {
    n = taken[to] + 1;
    content = made[n];
    if
    :: became[n] == NOTHING -> became[n] = content
    :: else ->
        if
        :: content == LETTER -> MET(MET_REPLAYED)
        :: else
        fi;
        assert(became[n] == content) /* the same decision, whatever happened between them */
    fi;
    taken[to] = n;
    n = 0;
    content = NOTHING
}

inline step_ordinary() {
    if
    :: in_hand == VICTIM && deaths_at[in_hand] > 0 -> MET(MET_FLAKY_PASSED)
    :: else
    fi;
    made[in_hand] = ORDINARY;
    processed = in_hand;
    in_hand = 0
}

inline step_letter() {
    MET(MET_LETTER);
    made[in_hand] = LETTER;
    processed = in_hand;
    in_hand = 0
}

/* The stage dies in the step: of a signal, of its memory limit, or killed as hung. */
inline crash() {
    if
    :: in_hand == VICTIM -> crashes = (crashes < CRASHES -> crashes + 1 : crashes)
    :: else -> other_crashes++
    fi;
    deaths_at[in_hand] = (deaths_at[in_hand] < DEATHS_MAX -> deaths_at[in_hand] + 1 : DEATHS_MAX);
    count_death(in_hand);
    stage_is_dead()
}

inline killed_from_outside() {
#ifdef MUTANT_OUTSIDE_COUNTS
    if
    :: in_hand != 0 -> count_death(in_hand)
    :: else
    fi;
#endif
    stage_is_dead()
}

/* A new supervisor knows nothing but the files. */
inline supervisor_is_dead() {
    if
    :: count > 0 -> MET(MET_COUNT_LOST)
    :: else
    fi;
    stage_is_dead();
    count = 0;
    count_seq = 0;
    passed = 0;
    heard[0] = false;
    heard[1] = false;
    n = 1;
    do
    :: n <= RECORDS -> deaths_at[n] = 0; n++
    :: else -> break
    od;
    n = 0
}

/* keep: whether a rename that was not synced has reached the disk all the same. */
inline power_is_lost(keep) {
    n = 1;
    do
    :: n <= RECORDS ->
        if
        :: decision[n] == RENAMED && !keep -> MET(MET_DECISION_LOST); decision[n] = ABSENT
        :: decision[n] == RENAMED && keep -> decision[n] = SAFE
        :: else
        fi;
        n++
    :: else -> break
    od;
    supervisor_is_dead()
}

#ifdef ALWAYS
#define MAY_CRASH(seq) (seq == VICTIM)
#define MAY_PASS(seq) (seq != VICTIM)
#else
#define MAY_CRASH(seq) (seq == VICTIM && crashes < CRASHES)
#define MAY_PASS(seq) true
#endif

/* While the supervisor decides, the stage is dead; else it can be killed at any time. */
active proctype machine() {
    d_step {
        n = 0;
        do
        :: n <= RECORDS -> decision[n] = ABSENT; became[n] = NOTHING; made[n] = NOTHING; n++
        :: else -> break
        od;
        n = 0;
        content = NOTHING;
        stage = DOWN
    }
    do
    :: d_step { stage == DOWN -> decide_or_restart() }
#ifdef MUTANT_EARLY_EFFECT
    :: d_step { stage == DECIDING && decision[count_seq] == ABSENT -> rename_decision();
        open_stage() }
#else
    :: d_step { stage == DECIDING && decision[count_seq] == ABSENT -> rename_decision() }
#endif
    :: d_step { stage == DECIDING && decision[count_seq] == RENAMED -> sync_decision() }
    /* the stage */
    :: d_step { stage == RUNNING && in_hand == 0 && processed < RECORDS ->
        in_hand = processed + 1 }
    :: d_step { stage == RUNNING && in_hand != 0 && !decided[in_hand] && MAY_PASS(in_hand) ->
        step_ordinary() }
    :: d_step { stage == RUNNING && in_hand != 0 && decided[in_hand] -> step_letter() }
    :: d_step { stage == RUNNING && in_hand != 0 && !decided[in_hand] && MAY_CRASH(in_hand) ->
        crash() }
    :: d_step { stage == RUNNING && in_hand != 0 && in_hand != VICTIM &&
        other_crashes < OTHER_CRASHES -> crash() }
    :: d_step { stage == RUNNING && LEAST(LEAST(taken[0], taken[1]), processed) > committed ->
        committed = committed + 1 }
    /* links: a hello says what the receiver has; a frame goes over a link that is up */
    :: d_step { stage == RUNNING && !heard[0] -> heard[0] = true; passed = MOST(passed, taken[0]) }
    :: d_step { stage == RUNNING && !heard[1] -> heard[1] = true; passed = MOST(passed, taken[1]) }
    :: d_step { stage == RUNNING && heard[0] && taken[0] < processed && taken[0] >= committed ->
        deliver(0) }
    :: d_step { stage == RUNNING && heard[1] && taken[1] < processed && taken[1] >= committed ->
        deliver(1) }
    /* the world */
    :: d_step { stage == RUNNING && kills < KILLS -> kills++; killed_from_outside() }
    :: d_step { supervisor_kills < SUPERVISOR_KILLS -> supervisor_kills++; supervisor_is_dead() }
    :: d_step { power_losses < POWER_LOSSES -> power_losses++; power_is_lost(true) }
    :: d_step { power_losses < POWER_LOSSES -> power_losses++; power_is_lost(false) }
    :: committed == RECORDS -> break
    :: timeout -> assert(ended)
    od;
    skip;
    d_step {
        MET(MET_DONE);
        assert(taken[0] == RECORDS && taken[1] == RECORDS);
#ifdef ALWAYS
        assert(became[VICTIM] == LETTER);
#endif
        n = 1;
        do
        :: n <= RECORDS -> assert(became[n] == ORDINARY || n == VICTIM); n++
        :: else -> break
        od;
        n = 0
    }
}
