/* SPDX-License-Identifier: MIT */
/*
 * core_p.h - one step of the core from inside; private to core*.c
 *
 * The files in the order of this header: each uses only what stands above it. core.c is on top and
 * says who takes which event. Nothing but the functions here changes the core.
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

/* A stage is hung when so many observations in a row, stall_timeout in all, saw it not move. */
#define CORE_STILL_MAX 4u

/* --- core_moves.c: the primitives; each moves one state or appends one action --- */

/* Moves to a state that the table of states allows from here; asserts that it does. */
void step_move_stage(struct core_stage *stage, enum core_stage_state next);
void step_move_edge(struct core_edge *edge, enum core_edge_state next);
void step_move_pipeline(struct core *core, enum core_pipeline_state next);

/* Appends an action, for the caller to fill in; the pointer is dead with the next one. */
struct core_action *step_add_action(struct step *s, enum core_action_kind kind, size_t stage);

/* For the log: what belongs to a life in which stages may be killed. */
void step_note(struct step *s, size_t stage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* For the log: what a user should do something about. */
void step_warn(struct step *s, size_t stage, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells a stage something that is about no edge. */
void step_tell(struct step *s, size_t stage, const struct control_message *message);

/* Tells a stage something about an edge. */
void step_tell_edge(struct step *s, size_t stage, enum control_kind kind,
                    const struct core_edge *edge, uint64_t acked, uint64_t expected,
                    uint64_t furthest);

/* Whether there is a process that can be told something. */
bool step_is_alive(const struct core_stage *stage);

/* Starts the next process of a stage. */
void step_spawn(struct step *s, size_t index);

/*
 * Ends a process. The text says what for, as "did this and was killed"; the first one stays what it
 * died of.
 */
void step_kill(struct step *s, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for what it did or did not do: that counts against it. */
void step_kill_blamed(struct step *s, size_t index, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- core_stop.c: the end of the pipeline --- */

/* If the pipeline is stopping and its last process is gone, it has stopped. */
void step_finish_if_all_down(struct step *s);

/*
 * Wants all stages gone, along the flow: told to stop, or killed at once if there is no time for
 * that. The outcome is that of the first call.
 */
void step_stop_all(struct step *s, enum core_outcome outcome, bool at_once);

/* Stops the topology in order for a reason; the first reason stays. */
void step_fail(struct step *s, enum core_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Whether some sink waits to hear that all has come again, has not acted upon it yet, or has died
 * before it did.
 */
bool step_is_unsettled(const struct step *s);

/* Ends the run if the source is done and nothing else is open. */
void step_stop_if_done(struct step *s);

void step_on_stop_requested(struct step *s);
void step_on_done(struct step *s);

/* --- core_want.c: resources of which there are none --- */

/* Takes down that a stage wants something, and says so unless that was said. */
void step_note_want(struct step *s, size_t stage, enum want want, const char *text);

void step_on_paused(struct step *s);
void step_on_resumed(struct step *s);

/* --- core_settle.c: whether what former lives have shown has come again --- */

/* Asks the source, if it can be asked and there is a question. */
void step_ask_source(struct step *s);

/* The process of a stage is gone: its question is for the next one, which asks before it is ready.
 */
void step_leave_question(struct core_stage *stage);

void step_on_unsettled(struct step *s);
void step_on_all_acked(struct step *s);
void step_on_settled(struct step *s);

/* --- core_links.c: how edges are linked --- */

/* Links every edge whose ends can be linked. */
void step_link_edges(struct step *s);

/* Takes a link down and tells those of its ends that are alive, but for `except`. */
void step_unlink_edge(struct step *s, struct core_edge *edge, size_t except);

/* A link did not come up, or broke; blamed: EDGE_FROM, EDGE_TO, or both if nobody can tell. */
void step_fail_link(struct step *s, struct core_edge *edge, unsigned blamed, const char *why);

/* Makes a link again that failed; when that does not help, restarts the ends that are to blame. */
void step_retry_link(struct step *s, struct core_edge *edge);

void step_on_listening(struct step *s);
void step_on_dialed(struct step *s);
void step_on_link_failed(struct step *s);

/* --- core_standstill.c: whether what is under way arrives --- */

/*
 * Makes the links again that have stood for stall_timeout; late: this observation comes so late
 * that it says nothing. Returns whether any stands, or is being made.
 */
bool step_judge_links(struct step *s, bool late);

/* The same for all links together; moved: something has, or is about to. */
void step_judge_standstill(struct step *s, bool moved);

/* --- core_health.c: what is seen of the living --- */

void step_on_misbehaved(struct step *s);
void step_on_frozen(struct step *s);
void step_on_kill_requested(struct step *s);
void step_on_answered(struct step *s);
void step_on_observed(struct step *s);

/* --- core_poison.c: what is to blame for a death --- */

/*
 * Judges the death that the event tells of: may take a record out, or stop the topology. how: what
 * became of the process. Returns whether it has stopped it; the stage is down then.
 */
bool step_judge_death(struct step *s, size_t index, const char *how);

/* --- core_deaths.c: what follows from the end of a process --- */

void step_on_exited(struct step *s);
void step_on_spawn_failed(struct step *s);

/* --- core_start.c: the way up --- */

void step_on_started(struct step *s);
void step_on_ready(struct step *s);
void step_on_positioned(struct step *s);

#endif
