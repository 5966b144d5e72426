/* SPDX-License-Identifier: MIT */
/*
 * power_loss.pml - what is on the disk when the power comes back
 *
 * A store (stages/store/store.c: a log of groups) in front of a sink (stages/kit/output_file.c: a file, and a
 * cursor with two slots, stages/store/cursor.c). What is written stands in the kernel's memory, where
 * every new process finds it; of what no sync has made safe, a power loss keeps any part, drops any
 * part, and tears any part into bytes that do not verify. A sync may fail: then the kernel takes
 * the page for clean all the same, and its process dies. The cursor of a source is written by the
 * same code as that of a sink.
 *
 * Written again over the same bytes, a place cannot tear: every byte of it stays what it is.
 */
#ifndef RECORDS
#define RECORDS 3
#endif
#ifndef POWER_LOSSES
#define POWER_LOSSES 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef SYNC_FAILURES
#define SYNC_FAILURES 1
#endif

c_decl {
\#define MET_EVENTS "torn-slot", "torn-group", "kept-unsynced", "group-of-several", "adopted-unsynced-slot", "adopted-unsynced-group", "first-slot-torn", "log-cut-back", "done", "shown-again"
\#include "met.h"
}
#define MET_TORN_SLOT 0
#define MET_TORN_GROUP 1
#define MET_KEPT 2
#define MET_SEVERAL 3
#define MET_SLOT_ADOPTED 4
#define MET_GROUP_ADOPTED 5
#define MET_FIRST_TORN 6
#define MET_CUT 7
#define MET_DONE 8
#define MET_SHOWN_AGAIN 9
#define MET(event) c_code { met(event); }

/*
 * Places on the disk: 1..RECORDS a line of the output file each; behind them two slots; then the
 * pages of the log, one a record. As a process sees them, and as they are on the disk.
 */
#define LINE(n) (n)
#define SLOT(i) (RECORDS + 1 + (i))
#define PAGE(n) (RECORDS + 2 + (n))
#define PLACES (2 * RECORDS + 3)
#define NOTHING 0
#define TORN 255
#define WHOLE_LINE 1
/* A slot: its counter and the seq. A page: the first seq of its group, and whether it ends it. */
#define SLOT_OF(count, seq) ((count) * 8 + (seq))
#define COUNT_IN(slot) ((slot) / 8)
#define SEQ_IN(slot) ((slot) % 8)
#define PAGE_OF(first, ends) ((first) * 2 + (ends))

byte seen[PLACES];
byte disk[PLACES];
bool dirty[PLACES];

mtype = { CLOSED, OPENING, IDLE, WRITTEN, FILE_SAFE, SLOT_WRITTEN };

mtype sink = CLOSED;
byte sink_written;    /* lines in the file */
byte sink_committed;  /* what it acks */
byte slot_count;      /* cursor.counter */

mtype store = CLOSED;
byte store_committed;
byte store_target;    /* of the commit that is being made */
bool image_trusted;

/* What somebody was told: the next life must still know it. */
byte sink_promised, store_promised;

byte power_losses = 0, kills = 0, sync_failures = 0;
byte i, first, last;

inline put(place, value) {
    seen[place] = value;
    dirty[place] = true
}

inline sync(from, to) {
    i = from;
    do
    :: i <= to ->
        if
        :: dirty[i] -> disk[i] = seen[i]; dirty[i] = false
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* Nothing has reached the disk, and nothing ever will unless it is written again. */
inline sync_fails(from, to) {
    sync_failures++;
    i = from;
    do
    :: i <= to -> dirty[i] = false; i++
    :: else -> break
    od;
    i = 0
}

/* --- the sink --- */

#define WHOLE(slot) (seen[SLOT(slot)] != NOTHING && seen[SLOT(slot)] != TORN)
#ifdef MUTANT_ONE_SLOT
#define SLOT_FOR(count) 0
#else
#define SLOT_FOR(count) (((count) - 1) % 2)
#endif

/* choose_slot(), and go_on() with what it says. */
inline open_sink() {
    if
    :: !WHOLE(0) && !WHOLE(1) ->
        assert(seen[SLOT(1)] == NOTHING); /* or the cursor is corrupt, and refused */
        if
        :: seen[SLOT(0)] == TORN -> MET(MET_FIRST_TORN)
        :: else
        fi;
        assert(sink_promised == 0);
        slot_count = 0;
        sink_committed = 0;
        i = 1;
        do
        :: i <= RECORDS -> assert(seen[LINE(i)] == NOTHING); i++ /* or begin_new() refuses */
        :: else -> break
        od;
        i = 0
    :: else ->
        if
        :: WHOLE(1) && (!WHOLE(0) || COUNT_IN(seen[SLOT(1)]) > COUNT_IN(seen[SLOT(0)])) -> i = 1
        :: else -> i = 0
        fi;
        slot_count = COUNT_IN(seen[SLOT(i)]);
        sink_committed = SEQ_IN(seen[SLOT(i)]);
        if
        :: disk[SLOT(i)] != seen[SLOT(i)] -> MET(MET_SLOT_ADOPTED)
        :: else
        fi;
        i = 1;
        do
        :: i <= sink_committed -> assert(seen[LINE(i)] == WHOLE_LINE); i++ /* or it is refused */
        :: else -> break
        od;
        i = 0
    fi;
    sink_written = sink_committed;
    assert(sink_committed >= sink_promised);
#if defined(MUTANT_NO_WRITE_AGAIN)
    sink = (slot_count == 0 -> OPENING : IDLE)
#else
    sink = OPENING
#endif
}

/* The first slot of a new file, or the one that was found once more. */
inline write_first_slot() {
    if
    :: slot_count == 0 -> slot_count = 1; put(SLOT(SLOT_FOR(1)), SLOT_OF(1, 0))
#ifndef MUTANT_SYNC_ONLY
    :: slot_count != 0 ->
        put(SLOT(SLOT_FOR(slot_count)), SLOT_OF(slot_count, sink_committed))
#endif
    :: else
    fi;
    sink = SLOT_WRITTEN
}

/*
 * Lines above the commit that a former life wrote are written over where they are, also when they are
 * the same: after a sync that failed they may be here and not on the disk.
 */
inline write_line() {
    sink_written++;
    if
    :: seen[LINE(sink_written)] == WHOLE_LINE -> MET(MET_SHOWN_AGAIN)
    :: else
    fi;
#ifdef MUTANT_COMPARE_ONLY
    if
    :: seen[LINE(sink_written)] != WHOLE_LINE -> put(LINE(sink_written), WHOLE_LINE)
    :: else
    fi
#else
    put(LINE(sink_written), WHOLE_LINE)
#endif
}

inline write_slot() {
    slot_count++;
    put(SLOT(SLOT_FOR(slot_count)), SLOT_OF(slot_count, sink_written));
#ifdef MUTANT_ACK_BEFORE_SYNC
    sink_committed = sink_written;
    sink_promised = sink_committed;
#endif
    sink = SLOT_WRITTEN
}

inline slot_is_safe() {
    sync(SLOT(0), SLOT(1));
#ifdef MUTANT_CURSOR_FIRST
    sync(LINE(1), LINE(RECORDS));
#endif
    sink_committed = sink_written;
    sink_promised = sink_committed;
    sink = IDLE
}

inline kill_sink() {
    sink = CLOSED;
    sink_written = 0;
    sink_committed = 0;
    slot_count = 0
}

/* --- the store --- */

/* last = the end of the group that begins at first; 0 if no good one is there. */
inline find_group() {
    i = first;
    last = 0;
    do
    :: i <= RECORDS && seen[PAGE(i)] == PAGE_OF(first, 0) -> i++
    :: i <= RECORDS && seen[PAGE(i)] == PAGE_OF(first, 1) -> last = i; break
    :: else -> break
    od;
    i = 0
}

/* store_log_replay(): group by group, as far as they verify. */
inline rebuild() {
    store_committed = 0;
    first = 1;
    do
    :: first <= RECORDS ->
        find_group();
        if
        :: last != 0 -> store_target = first; store_committed = last; first = last + 1
        :: else -> break
        fi
    :: else -> break
    od;
    first = store_committed + 1;
    do
    :: first <= RECORDS ->
        if
        :: seen[PAGE(first)] != NOTHING -> MET(MET_TORN_GROUP)
        :: else
        fi;
        find_group();
#ifdef MUTANT_TAIL_BELIEVED
        if
        :: last != 0 -> store_committed = last
        :: seen[PAGE(first)] != NOTHING && seen[PAGE(first)] != TORN -> store_committed = first
        :: else
        fi;
#else
        assert(last == 0); /* or a good group lies behind, and the log is refused as corrupt */
#endif
        first++
    :: else -> break
    od;
    i = 1;
    do
    :: i <= store_committed ->
        assert(seen[PAGE(i)] != NOTHING && seen[PAGE(i)] != TORN); /* the state is whole */
        if
        :: disk[PAGE(i)] != seen[PAGE(i)] -> MET(MET_GROUP_ADOPTED)
        :: else
        fi;
        i++
    :: else -> break
    od;
    last = 0;
    first = 0;
    i = 0
}

/* What lies behind the state is cut off. */
inline cut_log() {
    i = store_committed + 1;
    do
    :: i <= RECORDS ->
        if
        :: seen[PAGE(i)] != NOTHING -> MET(MET_CUT); put(PAGE(i), NOTHING)
        :: else
        fi;
        i++
    :: else -> break
    od;
    i = 0
}

/* attach_log() trusts what the image has; else all is rebuilt, and the last group written again. */
inline open_store() {
    if
    :: image_trusted -> store = IDLE
    :: else ->
        store_target = 0;
        rebuild();
#ifndef MUTANT_SYNC_ONLY
        i = store_target;
        do
        :: i > 0 && i <= store_committed -> put(PAGE(i), seen[PAGE(i)]); i++
        :: else -> break
        od;
        i = 0;
#endif
#ifdef MUTANT_NO_WRITE_AGAIN
        store = IDLE
#else
        store = OPENING
#endif
    fi;
    cut_log();
    store_target = 0;
    assert(store_committed >= store_promised)
}

inline write_group(count) {
    i = store_committed + 1;
    store_target = store_committed + count;
    if
    :: count > 1 -> MET(MET_SEVERAL)
    :: else
    fi;
    do
    :: i <= store_target ->
        put(PAGE(i), PAGE_OF(store_committed + 1, (i == store_target -> 1 : 0)));
        i++
    :: else -> break
    od;
    i = 0;
#ifdef MUTANT_ACK_BEFORE_SYNC
    store_promised = store_target;
#endif
    store = WRITTEN
}

inline group_is_safe() {
    sync(PAGE(1), PAGE(RECORDS));
    if
    :: store == WRITTEN -> store_committed = store_target
    :: else
    fi;
    store_target = 0;
    store_promised = store_committed;
    store = IDLE
}

inline kill_store(trusted) {
    /* The image outlives its process, but for one that was still being rebuilt. */
    image_trusted = trusted && (store == IDLE || store == WRITTEN);
    store_committed = (image_trusted -> store_committed : 0);
    store_target = 0;
    store = CLOSED
}

/* --- the power --- */

inline lose(place) {
    if
    :: dirty[place] && seen[place] != disk[place] -> MET(MET_KEPT); disk[place] = seen[place]
    :: dirty[place] && seen[place] != disk[place] ->
        if
        :: place >= SLOT(0) && place <= SLOT(1) -> MET(MET_TORN_SLOT)
        :: else
        fi;
        disk[place] = TORN
    :: true
    fi;
    dirty[place] = false;
    seen[place] = disk[place]
}

#define COMMITS(count) \
    :: d_step { store == IDLE && sink >= IDLE && store_committed + count <= sink_committed -> \
        write_group(count) }

active proctype machine() {
    do
    /* sink */
    :: d_step { sink == CLOSED -> open_sink() }
    :: d_step { sink == OPENING -> write_first_slot() }
    :: d_step { sink == IDLE && sink_written < RECORDS -> write_line() }
#ifdef MUTANT_CURSOR_FIRST
    :: d_step { sink == IDLE && sink_written > sink_committed -> write_slot() }
#else
    :: d_step { sink == IDLE && sink_written > sink_committed ->
        sync(LINE(1), LINE(RECORDS)); sink = FILE_SAFE }
    :: d_step { sink == FILE_SAFE -> write_slot() }
#endif
    :: d_step { sink == SLOT_WRITTEN -> slot_is_safe() }
    :: d_step { sink == IDLE && sink_written > sink_committed && sync_failures < SYNC_FAILURES ->
        sync_fails(LINE(1), LINE(RECORDS)); kill_sink() }
    :: d_step { sink == SLOT_WRITTEN && sync_failures < SYNC_FAILURES ->
        sync_fails(SLOT(0), SLOT(1)); kill_sink() }
    /* store */
    :: d_step { store == CLOSED -> open_store() }
    COMMITS(1)
    COMMITS(2)
    COMMITS(3)
    :: d_step { store == OPENING || store == WRITTEN -> group_is_safe() }
    :: d_step { (store == OPENING || store == WRITTEN) && sync_failures < SYNC_FAILURES ->
        sync_fails(PAGE(1), PAGE(RECORDS)); kill_store(false) }
    /* The process was killed before it could make something of the failure. */
    :: d_step { store == WRITTEN && sync_failures < SYNC_FAILURES && kills < KILLS ->
        kills++; sync_fails(PAGE(1), PAGE(RECORDS)); kill_store(true) }
    /* the world */
    :: d_step { kills < KILLS && sink != CLOSED -> kills++; kill_sink() }
    :: d_step { kills < KILLS && store != CLOSED -> kills++; kill_store(true) }
    :: d_step { kills < KILLS && store != CLOSED -> kills++; kill_store(false) }
    :: atomic { power_losses < POWER_LOSSES ->
        power_losses++;
        kill_sink();
        kill_store(false);
        first = 1;
        do
        :: first < PLACES -> lose(first); first++
        :: else -> break
        od;
        first = 0;
        last = 0 }
    :: timeout ->
        assert(sink_committed == RECORDS && store_committed == RECORDS);
        MET(MET_DONE);
        break
    od
}
