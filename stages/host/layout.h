/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where the workers of a stage keep their files, and how these move to other workers
 *
 * A stage with one worker keeps its files in "stages/NAME". With several workers they are in
 * "stages/NAME/0", "stages/NAME/1" and so on, next to a file "workers" that has the number of
 * workers and the secret that their stores share. Before anything starts, layout_prepare()
 * redistributes what a different number of workers has left: it builds the new directory next to
 * the old one, and a single rename decides. Format and order of the steps: docs/protocol.md,
 * "Workers of a stage".
 */
#ifndef BULKHEAD_STAGES_HOST_LAYOUT_H
#define BULKHEAD_STAGES_HOST_LAYOUT_H

#include <stdbool.h>

#include "common/err.h"
#include "stages/store/store.h"
#include "topology/graph.h"

/* The path of a worker's files in the state directory: "stages/parse/2". Returns ret_path. */
#define LAYOUT_PATH_BYTES_MAX (NAME_BYTES_MAX + 16u)
const char *layout_path(const struct stage *stage, char ret_path[LAYOUT_PATH_BYTES_MAX]);

/* The prefix of torn pieces that were kept from a previous number of workers. */
#define LAYOUT_EVIDENCE_PREFIX "from-"

/* "TOPOLOGY/STAGE", the owner of a quarantine file. The caller frees it. */
char *layout_owner(const struct topology *topology, const struct stage *stage);

/*
 * Lays out the directories of all stages for the workers that the topology has. Call it with the
 * state directory locked, before any stage is opened.
 *
 * A state that was written for other options is converted, as layout_read_change() says. Remove
 * before what is to be discarded, and rename before what was renamed.
 *
 *   stages_fd  the directory "stages"
 *   lefts      for every stage of the topology, what earlier changes left of its state; may be
 *              NULL, and so may each of them
 *   note       receives a line for every stage whose state is converted, or goes to a different
 *              number of workers; may be NULL
 *
 * Returns: 0
 *          ERR_MISMATCH       a file cannot be redistributed, or a state of other options cannot be
 *                             converted; no stage's state was changed
 *          ERR_CORRUPT        a file does not verify; no stage's state was changed
 *          ERR_NO_SPACE, ERR_NO_SPACE_LOST, ERR_IO
 *                             no stage's state was changed, or some stages have the new layout
 *          After ERR_MISMATCH and ERR_CORRUPT, e names the file.
 */
int layout_prepare(int stages_fd, const struct topology *topology, const char *const *lefts,
                   void (*note)(const char *text), struct err *e);

/*
 * Finds out what becomes of the state of a stage, whatever options and number of workers it was
 * written for. Changes nothing. Call it after layout_settle().
 *
 *   left        what earlier changes left of the state (state_change.left); "" at first
 *   ret_change  the caller ends it with state_change_done(); empty after an error. It goes on if
 *               there is no state. If only the name of the stage has changed (stage.renamed_from),
 *               it is converted, and says nothing
 *
 * Returns: 0
 *          ERR_MISMATCH  it is the state of another stage; or it could be converted, but not before
 *                        its workers, which were killed, are level again
 *          ERR_CORRUPT, ERR_IO
 */
int layout_read_change(int stages_fd, const struct topology *topology, const struct stage *stage,
                       const char *left, struct state_change *ret_change, struct err *e);

/* How far a stage is, according to its files. */
struct layout_position {
    bool kept;    /* the kind keeps a position: it has a store or a cursor */
    bool found;   /* there is a position on disk */
    bool partial; /* some workers have a position on disk and others do not */
    /* If found: the lowest position of a worker, and the highest of a worker or a key group. */
    seq_number least, most;
};

/*
 * Finds out how far a stage is, whatever number of workers and options it was laid out for. Changes
 * nothing.
 * Call it after layout_settle().
 * Returns: 0, ERR_MISMATCH (a state of another stage, a cursor of another kind), ERR_CORRUPT,
 *          ERR_IO.
 */
int layout_read_position(int stages_fd, const struct topology *topology, const struct stage *stage,
                         struct layout_position *ret_position, struct err *e);

/*
 * Finishes or undoes a change of the number of workers that was interrupted by a kill, for all
 * stages of the topology. Returns 0, ERR_CORRUPT, ERR_IO.
 */
int layout_settle(int stages_fd, const struct topology *topology, struct err *e);

/* The same for one stage, whether the topology has it or not. */
int layout_settle_stage(int stages_fd, const char *base, struct err *e);

/*
 * Whether a start was killed after it had moved the old directory of a stage away, and before the
 * new one was in its place: layout_settle_stage() puts it there.
 */
bool layout_is_between(int stages_fd, const char *base);

/*
 * Whether the directory of a stage holds any file apart from those that have its number of workers
 * and the state it is part of. The stage need not be in a topology. With ".", looks at all stages.
 */
bool layout_is_kept(int stages_fd, const char *base);

/*
 * Makes the directory of a stage part of the state with this number, and of no other. Creates the
 * directory if it does not exist. The change is safe when this returns. Returns 0, ERR_NO_SPACE or
 * ERR_IO.
 */
int layout_claim(int stages_fd, const char *base, uint64_t state, struct err *e);

/*
 * Whether the directory of a stage is not empty and is part of another state than this one, or of
 * none. Returns 0 or ERR_IO.
 */
int layout_is_foreign(int stages_fd, const char *base, uint64_t state, bool *ret_foreign,
                      struct err *e);

/*
 * Looks for files that are not ours in the directory of one stage or of all. Call it before
 * everything in there is removed.
 *
 *   base       the stage, which need not be in a topology or exist; NULL: all stages
 *   ret_path   the first such file, "stages/read/notes", which the caller frees; NULL: none
 *
 * Returns 0 or ERR_IO.
 */
int layout_find_stranger(int stages_fd, const char *base, char **ret_path, struct err *e);

/* Removes all files of a stage, which need not be in a topology. Returns 0 or ERR_IO. */
int layout_remove(int stages_fd, const char *base, struct err *e);

/*
 * Gives what is kept of a stage another name. May be repeated after a kill, and has no effect once
 * it is done. Call it with the state directory locked, before layout_prepare(), which then needs a
 * stage with this renamed_from.
 *
 *   topology  the name of the topology
 *   from      the former name of the stage
 *   to        its name; a directory of that name must hold no files but those that say how many
 *             workers it has and which state it is part of
 *
 * Returns: 0
 *          ERR_MISMATCH  there are files of both names, or a file of another stage
 *          ERR_CORRUPT, ERR_NO_SPACE, ERR_IO
 */
int layout_rename(int stages_fd, const char *topology, const char *from, const char *to,
                  struct err *e);

/*
 * Opens the directory of one worker, and creates it if the stage has only one.
 *
 *   ret_spec  set to the secret that the workers share, if there are several; may be NULL
 *
 * Returns: 0, ERR_CORRUPT, ERR_MISMATCH (it is laid out for another number of workers), ERR_IO.
 */
int layout_open(int stages_fd, const struct stage *stage, int *ret_fd, struct store_spec *ret_spec,
                struct err *e);

/*
 * Describes the store of one of several workers: whose it is, and what its keys and values mean.
 * Requires: the kind has a store_spec.
 */
void layout_store_spec(const struct topology *topology, const struct stage *stage, size_t worker,
                       size_t workers, struct store_spec *ret_spec);

#endif
