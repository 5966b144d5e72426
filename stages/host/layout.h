/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where the workers of a stage keep their files, and how these move to other workers
 *
 * A stage of one worker keeps its files in "stages/NAME", those of several in "stages/NAME/0",
 * "stages/NAME/1" and so on, beside a file "workers" that says how many there are and holds the
 * secret that their stores share. Before anything starts, layout_prepare() deals out what another
 * number of workers has left: it builds the new directory beside the old one, and one rename
 * decides. Format and order of the steps: docs/protocol.md, "Workers of a stage".
 */
#ifndef BULKHEAD_STAGES_HOST_LAYOUT_H
#define BULKHEAD_STAGES_HOST_LAYOUT_H

#include <stdbool.h>

#include "common/err.h"
#include "stages/store/store.h"
#include "topology/graph.h"

/* "stages/parse/2", for messages and to find it in a state directory. */
#define LAYOUT_PATH_BYTES_MAX (NAME_BYTES_MAX + 16u)
const char *layout_path(const struct stage *stage, char ret_path[LAYOUT_PATH_BYTES_MAX]);

/* Begins the names of torn pieces and the like that came with another number of workers. */
#define LAYOUT_EVIDENCE_PREFIX "from-"

/* "TOPOLOGY/STAGE": whose a quarantine is. The caller frees it. */
char *layout_owner(const struct topology *topology, const struct stage *stage);

/*
 * Makes the directories of all stages be those of the workers that the topology has. To be called
 * under the lock of the state directory, before any stage is opened.
 *
 *   stages_fd  the directory "stages"
 *   note       is told of every stage whose state goes to another number of workers; may be NULL
 *
 * Returns: 0
 *          ERR_MISMATCH, ERR_CORRUPT  what is there does not verify, or cannot be dealt out; e
 * names the file. The state of every stage is as it was ERR_NO_SPACE, ERR_NO_SPACE_LOST, ERR_IO
 * likewise, or some stages have theirs already
 */
int layout_prepare(int stages_fd, const struct topology *topology, void (*note)(const char *text),
                   struct err *e);

/* How far a stage is, as its files tell. */
struct layout_position {
    bool kept;              /* the kind keeps a position: it has a store or a cursor */
    bool found;             /* there is one on the disk */
    bool partial;           /* some of its workers have one and others do not */
    seq_number least, most; /* of its workers, and of key groups that are ahead, if found */
};

/*
 * Looks how far a stage is, whatever number of workers it was laid out for. Opens nothing for
 * writing and changes nothing. To be called after layout_settle().
 * Returns: 0; ERR_MISMATCH (a state of other options, a cursor of another kind), ERR_CORRUPT;
 * ERR_IO.
 */
int layout_read_position(int stages_fd, const struct topology *topology, const struct stage *stage,
                         struct layout_position *ret_position, struct err *e);

/*
 * Finishes or takes back what a start was killed in that changed the number of workers, for all
 * stages of the topology. Returns 0, ERR_CORRUPT, ERR_IO.
 */
int layout_settle(int stages_fd, const struct topology *topology, struct err *e);

/*
 * Whether anything is kept in the directory of a stage, which need not be in a topology: any file
 * but those that say how many workers there are, and what state it is a part of. ".": of any stage.
 */
bool layout_is_kept(int stages_fd, const char *base);

/*
 * Makes the directory of a stage, if it is not there, and has it be a part of a state, which is
 * known by a number, and of no other; that is safe when this returns. Returns 0, ERR_NO_SPACE or
 * ERR_IO.
 */
int layout_claim(int stages_fd, const char *base, uint64_t state, struct err *e);

/* Whether the directory of a stage holds something, and is not a part of this state alone. Returns
 * 0 or ERR_IO.
 */
int layout_is_foreign(int stages_fd, const char *base, uint64_t state, bool *ret_foreign,
                      struct err *e);

/*
 * Looks for what is not ours in the directory of a stage, or of any: to be done before all in there
 * is removed.
 *
 *   base       of the stage, which need not be in a topology, nor be there; NULL: all stages
 *   ret_path   "stages/read/notes": the first that was found, to be freed; NULL: none
 *
 * Returns 0 or ERR_IO.
 */
int layout_find_stranger(int stages_fd, const char *base, char **ret_path, struct err *e);

/* Removes all that is kept of a stage, which need not be in a topology. Returns 0 or ERR_IO. */
int layout_remove(int stages_fd, const char *base, struct err *e);

/*
 * Opens the directory of one worker, and makes it if it is the only one.
 *
 *   ret_spec  NULL, or is given the secret that the workers share, if there are several
 *
 * Returns: 0, ERR_CORRUPT or ERR_MISMATCH (it is not laid out for so many workers), ERR_IO.
 */
int layout_open(int stages_fd, const struct stage *stage, int *ret_fd, struct store_spec *ret_spec,
                struct err *e);

/*
 * Says what the store of one worker of so many is: whose, and what its keys and values mean. For a
 * kind with a store_spec.
 */
void layout_store_spec(const struct topology *topology, const struct stage *stage, size_t worker,
                       size_t workers, struct store_spec *ret_spec);

#endif
