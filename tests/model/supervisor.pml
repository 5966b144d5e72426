/* SPDX-License-Identifier: MIT */
/*
 * supervisor.pml - one state directory, and never two who write to it
 *
 * Supervisors are started at any time, also while another one works, and are killed at any step.
 * Each takes the lock of the state directory (state_dir.c), starts a process for every stage
 * (spawn.c), kills one that hangs, and reaps a dead one before it starts the next generation
 * (driver.c, core_moves.c). A lock of flock(2) belongs to the open file, so it is held as long
 * as anybody lives who inherited that. A process that was killed may live on for a while: it waits
 * for a disk, and what it was writing still gets there.
 */
#ifndef STARTS
#define STARTS 2
#endif
#ifndef KILLS /* from outside: of a supervisor or of a stage */
#define KILLS 2
#endif
#ifndef HANGS /* stages that fall into an endless loop, and hear nothing any more */
#define HANGS 1
#endif
#ifndef STAGES
#define STAGES 2
#endif
#define PROCESSES (2 * STAGES + 1)
#define NOBODY 255

c_decl {
\#define MET_EVENTS "refused", "waited-for-orphans", "orphan-forked", "dying-stage", "late-message", "next-generation", "running"
\#include "met.h"
}
#define MET_REFUSED 0
#define MET_WAITED 1
#define MET_ORPHAN_FORKED 2
#define MET_DYING 3
#define MET_LATE 4
#define MET_NEXT 5
#define MET_RUNNING 6
#define MET(event) c_code { met(event); }

mtype = { NONE, TRYING, LOCKED, WORKING, UNREAPED, ENDED };    /* a supervisor */
mtype = { FREE, FORKED, OPENING, OPEN, DYING, ZOMBIE };        /* a stage process */

mtype supervisor[STARTS];
bool has_lock[STARTS];        /* its descriptor is the one that is locked */
byte child[STARTS * STAGES];  /* the present process of a stage, as its supervisor sees it */
bool believed_ready[STARTS * STAGES];

mtype process[PROCESSES];
byte owner[PROCESSES];
byte role[PROCESSES];         /* which stage */
bool process_has_lock[PROCESSES];
bool hung[PROCESSES];
bool said_ready[PROCESSES];
bool under_way[PROCESSES];    /* READY is in its control channel */

byte pid_file = NOBODY;
byte starts = 0, kills = 0, hangs = 0;
byte i, found;

#define SUPERVISES(s) (supervisor[s] == LOCKED || supervisor[s] == WORKING)
#define LIVES(s) (supervisor[s] == TRYING || SUPERVISES(s))
#define PROCESS_LIVES(p) (process[p] != FREE && process[p] != ZOMBIE)
#define WRITES(p) (process[p] == OPEN || process[p] == DYING)

/* found = whether anybody alive holds the lock. */
inline look_at_lock() {
    found = false;
    i = 0;
    do
    :: i < STARTS -> found = found || (LIVES(i) && has_lock[i]); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PROCESSES -> found = found || (PROCESS_LIVES(i) && process_has_lock[i]); i++
    :: else -> break
    od;
    i = 0
}

/* write_pid() and the emptying of links/: nobody else may be at work there. */
inline touch(s) {
    i = 0;
    do
    :: i < STARTS -> assert(i == s || !SUPERVISES(i)); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PROCESSES -> assert(!PROCESS_LIVES(i) || owner[i] == s); i++
    :: else -> break
    od;
    i = 0
}

/* take_lock(): whoever holds it, the start goes on, waits or is refused. */
inline try_lock(s) {
#ifdef MUTANT_TOUCH_BEFORE_LOCK
    touch(s);
#endif
    look_at_lock();
    if
    :: !found -> has_lock[s] = true; supervisor[s] = LOCKED
    :: found && pid_file != NOBODY && (LIVES(pid_file) || supervisor[pid_file] == UNREAPED) ->
        MET(MET_REFUSED);
        supervisor[s] = ENDED
    :: else -> MET(MET_WAITED) /* for orphans of a supervisor that is gone */
    fi;
    found = false
}

inline give_up(s) {
    look_at_lock();
    if
    :: found -> supervisor[s] = ENDED
    :: else
    fi;
    found = false
}

inline begin_work(s) {
    touch(s);
    pid_file = s;
    supervisor[s] = WORKING
}

#define CHILD(s, stage) child[(s) * STAGES + (stage)]
#define READY(s, stage) believed_ready[(s) * STAGES + (stage)]

/* fork(): the child has all that its parent has, the lock too. */
inline spawn(s, stage) {
    i = 0;
    do
    :: process[i] != FREE -> i++
    :: else -> break
    od;
    assert(i < PROCESSES); /* of the model: there is room */
    process[i] = FORKED;
    owner[i] = s;
    role[i] = stage;
    process_has_lock[i] = true;
    CHILD(s, stage) = i;
    READY(s, stage) = false;
    i = 0
}

/* A process is gone for good; its place is taken by a later one. */
inline bury(p) {
    process[p] = FREE;
    owner[p] = 0;
    role[p] = 0;
    process_has_lock[p] = false;
    hung[p] = false;
    said_ready[p] = false;
#ifndef MUTANT_OLD_MESSAGE
    under_way[p] = false
#endif
}

/* Dead: a zombie if its parent can still reap it, else it is init's and gone. */
inline die(p) {
    if
    :: SUPERVISES(owner[p]) -> process[p] = ZOMBIE; process_has_lock[p] = false
    :: else -> bury(p)
    fi
}

/* be_child(): PDEATHSIG, then whether the parent is still ours; then exec. */
inline become_stage(p) {
    if
#ifndef MUTANT_NO_PARENT_CHECK
    :: !SUPERVISES(owner[p]) -> MET(MET_ORPHAN_FORKED); die(p)
#endif
    :: else ->
        process[p] = OPENING;
#ifdef MUTANT_LOCK_NOT_INHERITED
        process_has_lock[p] = false
#endif
    fi
}

/* runner_open(): from here on it writes to the state of its stage. */
inline open_state(p) {
    i = 0;
    do
    :: i < PROCESSES -> assert(i == p || !WRITES(i) || role[i] != role[p]); i++
    :: else -> break
    od;
    i = 0;
    process[p] = OPEN;
    said_ready[p] = true;
    under_way[p] = true
}

/* hear_control(): a channel belongs to one process, so a message has no generation. */
inline hear(p) {
    under_way[p] = false;
    if
    :: SUPERVISES(owner[p]) && CHILD(owner[p], role[p]) == p ->
        assert(said_ready[p]); /* ready is who said so, not who came before it */
        READY(owner[p], role[p]) = true
    :: else
    fi
}

/* bury() and on_exited() of the supervisor: last words, reaping, and only then the next one. */
inline reap(p) {
    if
    :: under_way[p] -> MET(MET_LATE)
    :: else
    fi;
    MET(MET_NEXT);
#ifndef MUTANT_OLD_MESSAGE
    if
    :: under_way[p] -> hear(p)
    :: else
    fi;
#endif
    i = owner[p] * STAGES + role[p];
    if
    :: child[i] == p -> child[i] = NOBODY; believed_ready[i] = false
    :: else
    fi;
    i = 0;
    bury(p)
}

/* kill -9 of a supervisor: its stages get SIGKILL from the kernel, but for one just forked. */
inline kill_supervisor(s) {
    i = 0;
    supervisor[s] = (supervisor[s] == TRYING -> ENDED : UNREAPED);
    has_lock[s] = false;
    do
    :: i < PROCESSES ->
        if
        :: process[i] == ZOMBIE && owner[i] == s -> bury(i)
#ifndef MUTANT_NO_PDEATHSIG
        :: (process[i] == OPENING || process[i] == OPEN) && owner[i] == s -> process[i] = DYING
#endif
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < STAGES -> CHILD(s, i) = NOBODY; READY(s, i) = false; i++
    :: else -> break
    od;
    i = 0
}

#define SUPERVISOR_STEPS(s) \
    :: d_step { supervisor[s] == NONE && starts == s -> starts++; supervisor[s] = TRYING } \
    :: d_step { supervisor[s] == TRYING -> try_lock(s) } \
    :: d_step { supervisor[s] == TRYING -> give_up(s) } \
    :: d_step { supervisor[s] == LOCKED -> begin_work(s) } \
    :: d_step { supervisor[s] == UNREAPED -> supervisor[s] = ENDED } \
    :: d_step { LIVES(s) && kills < KILLS -> kills++; kill_supervisor(s) }

/* The supervisor kills a stage that hangs; with a mutant it does not wait for its end. */
#ifdef MUTANT_SPAWN_BEFORE_REAP
#define AFTER_KILL(p) CHILD(owner[p], role[p]) = NOBODY
#else
#define AFTER_KILL(p) skip
#endif

#define SPAWNS(s, stage) \
    :: d_step { supervisor[s] == WORKING && CHILD(s, stage) == NOBODY -> spawn(s, stage) }

#define PROCESS_STEPS(p) \
    :: d_step { process[p] == FORKED -> become_stage(p) } \
    :: d_step { process[p] == OPENING -> open_state(p) } \
    :: d_step { process[p] == OPEN && !hung[p] && hangs < HANGS -> hangs++; hung[p] = true } \
    :: d_step { process[p] == OPEN && !hung[p] && !SUPERVISES(owner[p]) -> die(p) /* EOF */ } \
    :: d_step { (process[p] == OPEN || process[p] == OPENING) && kills < KILLS -> \
        kills++; process[p] = DYING } \
    :: d_step { process[p] == OPEN && hung[p] && SUPERVISES(owner[p]) -> \
        process[p] = DYING; AFTER_KILL(p) } \
    :: d_step { process[p] == DYING -> MET(MET_DYING); die(p) } \
    :: d_step { under_way[p] -> hear(p) } \
    :: d_step { process[p] == ZOMBIE -> reap(p) }

#define IS_UP(s, stage) (CHILD(s, stage) != NOBODY && process[CHILD(s, stage)] == OPEN && \
    READY(s, stage))
#if STAGES == 2
#define ALL_UP(s) (supervisor[s] == WORKING && IS_UP(s, 0) && IS_UP(s, 1))
#else
#define ALL_UP(s) (supervisor[s] == WORKING && IS_UP(s, 0))
#endif

/*
 * Nothing more happens. Then no stage is alive whose supervisor is dead, and the pipeline runs,
 * unless everybody who was started has been killed or refused.
 */
inline check_rest() {
    found = 0;
    i = 0;
    do
    :: i < PROCESSES -> assert(!PROCESS_LIVES(i) || SUPERVISES(owner[i])); i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < STARTS ->
        assert(supervisor[i] == ENDED || ALL_UP(i));
        found = found + (ALL_UP(i) -> 1 : 0);
        i++
    :: else -> break
    od;
    i = 0;
    assert(found <= 1 && found + kills >= 1); /* one, or none because of a kill */
    if
    :: found == 1 -> MET(MET_RUNNING)
    :: else
    fi;
    found = 0
}

inline begin() {
    i = 0;
    do
    :: i < STARTS -> supervisor[i] = NONE; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < STARTS * STAGES -> child[i] = NOBODY; i++
    :: else -> break
    od;
    i = 0;
    do
    :: i < PROCESSES -> process[i] = FREE; i++
    :: else -> break
    od;
    i = 0
}

active proctype machine() {
    d_step { begin() }
    do
    SUPERVISOR_STEPS(0)
    SUPERVISOR_STEPS(1)
    SPAWNS(0, 0)
    SPAWNS(1, 0)
#if STAGES == 2
    SPAWNS(0, 1)
    SPAWNS(1, 1)
#endif
#if STARTS > 2
    SUPERVISOR_STEPS(2)
    SPAWNS(2, 0)
#if STAGES == 2
    SPAWNS(2, 1)
#endif
#endif
    PROCESS_STEPS(0)
    PROCESS_STEPS(1)
    PROCESS_STEPS(2)
#if STAGES == 2
    PROCESS_STEPS(3)
    PROCESS_STEPS(4)
#endif
    :: timeout -> d_step { check_rest() }; break
    od
}
