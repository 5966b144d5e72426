/* SPDX-License-Identifier: MIT */
/*
 * state_dir.h - the directory in which a topology keeps all that must outlive its processes
 *
 * One topology, one directory, one supervisor: a lock held by the living process sees to that. It
 * is on the directory itself, which cannot be removed while there is something in it, and on the
 * file "lock" beside: somebody may remove that. The directory is made with mode 0700. One that is
 * another user's, or that others can write, is refused untouched.
 *
 *   lock                 holds the pid of the supervisor that lives
 *   manifest             what it is the state of, see manifest.h
 *   control.sock         where status, kill and stop talk to the supervisor
 *   links/               sockets of the links; emptied at every start
 *   stages/NAME/         state of each stage
 *   dead-letters.jsonl   what could not be handled
 *   last-run, .json      the status at the end of the last run that a supervisor saw end
 */
#ifndef BULKHEAD_SUPERVISOR_RUN_STATE_DIR_H
#define BULKHEAD_SUPERVISOR_RUN_STATE_DIR_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/err.h"

struct state_dir {
    char *path;
    int fd;
    int lock_fd;
    int held_fd;          /* of these two, the one that processes inherit to keep the lock */
    bool locks_file_only; /* the file system locks no directories: who removes the file lets others
                             in */
    int links_fd;
    int stages_fd;
};

/*
 * The directory under which topologies have theirs: $XDG_STATE_HOME/bulkhead, or /var/lib/bulkhead
 * for root, or ~/.local/state/bulkhead. The caller frees it. NULL if none of them can be known.
 */
char *state_dir_root(void);

/*
 * Opens the directory, makes it if needed, and locks it.
 *
 *   path    NULL: the default one for the name
 *   name    of the topology
 *
 * Returns: 0, ERR_BUSY (e names the pid of the other supervisor), ERR_MISMATCH (not ours),
 *          ERR_IO. After an error *d needs no closing, and nothing was changed
 *          but that missing directories may have been made.
 */
int state_dir_open(struct state_dir *d, const char *path, const char *name, struct err *e);

/*
 * Removes what the last run has left for others to see: its sockets and its last status. To be
 * called when it is certain that this one begins. Returns 0 or ERR_IO.
 */
int state_dir_begin_run(const struct state_dir *d, struct err *e);

/*
 * Removes the sockets of an edge, whose listener must be dead. Returns 0 or ERR_IO.
 */
int state_dir_remove_links(const struct state_dir *d, unsigned edge, struct err *e);

/*
 * Keeps the status that a run ended with, as text and as JSON. Not synced. state_dir_begin_run()
 * forgets it. Returns 0, ERR_NO_SPACE or ERR_IO.
 */
int state_dir_keep_last_run(const struct state_dir *d, const struct buf *text,
                            const struct buf *json, struct err *e);

/*
 * Appends what was kept in a directory, as text or as JSON; nothing if there is nothing. It need
 * not be locked.
 */
void state_dir_read_last_run(const char *path, bool json, struct buf *out);

/*
 * Removes all that is in a directory, at most so many levels deep, following no link. Returns 0 or
 * ERR_IO.
 */
int state_dir_empty(int dir_fd, unsigned depth, struct err *e);

/* Removes the sockets, unlocks and closes. Takes one that was never opened, if zeroed. */
void state_dir_close(struct state_dir *d);

#endif
