/* SPDX-License-Identifier: MIT */
/*
 * core_p.h - the inside of one step of the core; private to core*.c
 *
 * The files come in the order in which they build on each other: each uses only those above it.
 * core.c builds on all of them, and says which function takes which event. Only the functions here
 * change the core.
 */
#ifndef BULKHEAD_SUPERVISOR_CORE_CORE_P_H
#define BULKHEAD_SUPERVISOR_CORE_CORE_P_H

#include "supervisor/core/core.h"

/* What a step works with. */
struct step {
    struct core *core;
    const struct core_event *event;
    struct core_actions *actions;
};

/* A stage that does not move for this many observations in a row (stall_timeout) is hung. */
#define CORE_STILL_MAX 4u

/* --- core_moves.c: the primitives; each changes one state or appends one action --- */

/* Changes the state, and asserts that the table of states allows it. */
void step_move_stage(struct core_stage *stage, enum core_stage_state next);
void step_move_edge(struct core_edge *edge, enum core_edge_state next);
void step_move_pipeline(struct core *core, enum core_pipeline_state next);

/* Appends an action for the caller to fill in. The pointer is valid until the next call. */
struct core_action *step_add_action(struct step *s, enum core_action_kind kind, size_t stage);

/* Logs an event that is normal where stages may be killed. */
void step_note(struct step *s, size_t stage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Logs an event that a user should do something about. */
void step_warn(struct step *s, size_t stage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Sends a stage a message that is not about an edge. */
void step_tell(struct step *s, size_t stage, const struct control_message *message);

/* Sends a stage a message about an edge. */
void step_tell_edge(struct step *s, size_t stage, enum control_kind kind,
                    const struct core_edge *edge, uint64_t acked, uint64_t expected,
                    uint64_t furthest);

/* Whether the stage has a process to which messages can be sent. */
bool step_is_alive(const struct core_stage *stage);

/* Starts the next process of a stage. */
void step_spawn(struct step *s, size_t index);

/*
 * Kills a process. The text says why, in the form "did this and was killed". If a process is killed
 * more than once, the first text remains.
 */
void step_kill(struct step *s, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Kills a process for something that it did or failed to do, which counts against it. */
void step_kill_blamed(struct step *s, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- core_stop.c: the end of the pipeline --- */

/* If the pipeline is stopping and its last process is gone, it has stopped. */
void step_finish_if_all_down(struct step *s);

/*
 * Ends all stages in the order of the flow: tells them to stop, or, if at_once, kills them. Only
 * the outcome of the first call counts.
 */
void step_stop_all(struct step *s, enum core_outcome outcome, bool at_once);

/* Stops the topology in order because of a failure. The first reason remains. */
void step_fail(struct step *s, enum core_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Whether a sink has asked if everything has been replayed and has not settled yet, or died before
 * it did.
 */
bool step_is_unsettled(const struct step *s);

/* Ends the run if the source is done and nothing else is open. */
void step_stop_if_done(struct step *s);

void step_on_stop_requested(struct step *s);
void step_on_done(struct step *s);

/* --- core_want.c: shortages of resources --- */

/* Notes that a stage lacks a resource, and logs it unless the same was logged before. */
void step_note_want(struct step *s, size_t stage, enum want want, const char *text);

void step_on_paused(struct step *s);
void step_on_resumed(struct step *s);

/* --- core_settle.c: whether the output of former lives has been replayed --- */

/* Asks the source, if a sink has a question and the source is running. */
void step_ask_source(struct step *s);

/* Called when the process of a stage is gone. The next one asks again, before it is ready. */
void step_leave_question(struct core_stage *stage);

void step_on_unsettled(struct step *s);
void step_on_all_acked(struct step *s);
void step_on_settled(struct step *s);

/* --- core_links.c: how edges are linked --- */

/* Links every edge whose ends can be linked. */
void step_link_edges(struct step *s);

/* Takes a link down, and tells those of its ends that are alive, except stage `except`. */
void step_unlink_edge(struct step *s, struct core_edge *edge, size_t except);

/* A link did not come up, or broke. blamed: EDGE_FROM, EDGE_TO, or both if it may be either. */
void step_fail_link(struct step *s, struct core_edge *edge, unsigned blamed, const char *why);

/* Makes a failed link again. If it has failed too often, restarts the ends that are to blame. */
void step_retry_link(struct step *s, struct core_edge *edge);

void step_on_listening(struct step *s);
void step_on_dialed(struct step *s);
void step_on_link_failed(struct step *s);

/* --- core_standstill.c: whether records and acks that are under way arrive --- */

/*
 * Makes those links again that have not moved for stall_timeout. late: this observation comes too
 * late to prove anything. Returns whether any link stands still or is being made.
 */
bool step_judge_links(struct step *s, bool late);

/* The same for all links together. moved: something has moved, or is about to. */
void step_judge_standstill(struct step *s, bool moved);

/* --- core_health.c: observing live processes --- */

void step_on_misbehaved(struct step *s);
void step_on_frozen(struct step *s);
void step_on_kill_requested(struct step *s);
void step_on_answered(struct step *s);
void step_on_observed(struct step *s);

/* --- core_poison.c: what is to blame for a death --- */

/*
 * Judges the death that the event reports: may quarantine a record, or stop the topology. how: what
 * happened to the process. Returns whether it has stopped the topology; the stage is then down.
 */
bool step_judge_death(struct step *s, size_t index, const char *how);

/* --- core_deaths.c: what follows from the end of a process --- */

void step_on_exited(struct step *s);
void step_on_spawn_failed(struct step *s);

/* --- core_start.c: starting up --- */

void step_on_started(struct step *s);
void step_on_ready(struct step *s);
void step_on_positioned(struct step *s);

#endif
