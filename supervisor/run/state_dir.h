/* SPDX-License-Identifier: MIT */
/*
 * state_dir.h - the directory in which a topology keeps all that must outlive its processes
 *
 * One topology, one directory, one supervisor: the live supervisor holds a lock. The lock is on the
 * directory itself, which cannot be removed while it is not empty, and on the file "lock" in it,
 * which can be. The directory is created with mode 0700. One that belongs to another user, or that
 * others can write to, is refused and left untouched.
 *
 *   lock                 the pid of the live supervisor
 *   manifest             what it is the state of, see manifest.h
 *   control.sock         the socket through which status, kill and stop reach the supervisor
 *   links/               the sockets of the links; emptied at every start
 *   stages/NAME/         the state of each stage
 *   dead-letters.jsonl   the dead letters
 *   last-run, .json      the status at the end of the last run whose supervisor was not killed
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
    int held_fd;          /* fd or lock_fd: the one that stages inherit, which keeps the lock */
    bool locks_file_only; /* the file system cannot lock directories; if the file is removed, a
                             second supervisor can start */
    int links_fd;
    int stages_fd;
};

/*
 * The directory that holds the state directories of all topologies by default:
 * $XDG_STATE_HOME/bulkhead, or /var/lib/bulkhead for root, or ~/.local/state/bulkhead. The caller
 * frees it. NULL if none of them is known.
 */
char *state_dir_root(void);

/*
 * Opens the directory and locks it. Creates it if it does not exist.
 *
 *   path    its path; NULL: the default one for the name
 *   name    the name of the topology
 *
 * Returns: 0, ERR_BUSY (e has the pid of the other supervisor), ERR_MISMATCH (not ours), ERR_IO.
 *          After an error *d need not be closed, and nothing was changed, except that missing
 *          directories may have been created.
 */
int state_dir_open(struct state_dir *d, const char *path, const char *name, struct err *e);

/*
 * Opens the directory to look at it, and changes nothing. It is not locked, and its links are not
 * opened. If there is none, d->fd is -1, and d->path is where it would be.
 *
 * Returns: 0, ERR_MISMATCH (not ours), ERR_IO. After 0, the caller closes it with
 *          state_dir_close().
 */
int state_dir_look(struct state_dir *d, const char *path, const char *name, struct err *e);

/*
 * Removes what the last run left for other processes: its sockets and its last status. To be called
 * once it is certain that this run begins. Returns 0 or ERR_IO.
 */
int state_dir_begin_run(const struct state_dir *d, struct err *e);

/*
 * Removes the sockets of an edge, whose listener must be dead. Returns 0 or ERR_IO.
 */
int state_dir_remove_links(const struct state_dir *d, unsigned edge, struct err *e);

/*
 * Keeps the last status of a run, as text and as JSON. It is not synced. state_dir_begin_run()
 * removes it. Returns 0, ERR_NO_SPACE or ERR_IO.
 */
int state_dir_keep_last_run(const struct state_dir *d, const struct buf *text,
                            const struct buf *json, struct err *e);

/*
 * Appends the status kept in a directory, as text or as JSON; nothing if there is none. The
 * directory need not be locked.
 */
void state_dir_read_last_run(const char *path, bool json, struct buf *out);

/*
 * Removes everything in a directory, up to `depth` levels deep, without following links. Returns 0
 * or ERR_IO.
 */
int state_dir_empty(int dir_fd, unsigned depth, struct err *e);

/* Removes the sockets, unlocks and closes. *d may be zeroed, and never have been opened. */
void state_dir_close(struct state_dir *d);

#endif
