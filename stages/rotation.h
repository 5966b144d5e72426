/* SPDX-License-Identifier: MIT */
/*
 * rotation.h - a file that others rotate: which one is it now, and which one comes after it
 *
 * A log is rotated by renaming it and making a new one under its name. Files are known by device,
 * inode and time of birth, never by name. Which one follows a rotated file is told by the names
 * beside it: app.log.2 is followed by app.log.1, app.log-20260101 by app.log-20260102, the last of
 * them by app.log. Where a file in between is gone or compressed, the answer is a refusal; where
 * ours has no name any more, so that nobody can tell, that is said.
 */
#ifndef BULKHEAD_STAGES_ROTATION_H
#define BULKHEAD_STAGES_ROTATION_H

#include <stdbool.h>

#include "common/err.h"
#include "stages/source_marks.h"

/* Which file a descriptor leads to. Returns 0 or ERR_IO. */
int rotation_identify(int fd, struct file_identity *ret_file, struct err *e);

/* Whether both are the same file; a birth that is not known is not compared. */
bool rotation_is_same(const struct file_identity *a, const struct file_identity *b);

/*
 * Opens the file that is `file`, under whatever name beside `path` that begins with its name.
 * Returns: 0 (the caller closes *ret_fd), ERR_NOT_FOUND, ERR_IO.
 */
int rotation_find(const char *path, const struct file_identity *file, int *ret_fd, struct err *e);

/*
 * Finds the file that follows the one that is open as fd, and opens it; with ret_fd NULL, only
 * tells whether there is one.
 *
 *   ret_named  whether ours is still beside the path; if not, it cannot be told whether another one
 *              was there between the two
 *
 * Ownership: the caller closes *ret_fd.
 * Returns:   0; ERR_AGAIN (none yet: it was not rotated, or the new one has nothing in it, or files
 *            are renamed at this moment); ERR_MISMATCH (a file in between is missing or compressed,
 *            which a rotation that is not complete may make it seem, too); ERR_IO.
 */
int rotation_next(const char *path, int fd, int *ret_fd, bool *ret_named, struct err *e);

#endif
