/* SPDX-License-Identifier: MIT */
/*
 * rotation.h - a file that others rotate: which one is it now, and which one comes after it
 *
 * A log is rotated by renaming it and making a new one under its name, or by copying and truncating
 * it. Files are known by device, inode and time of birth, and copies by their bytes; which of them
 * comes next is told by when they were born and written, never by a guess from their names. Where
 * nobody can tell, the answer is a refusal that names the files. docs/decisions/0012 has the rules.
 */
#ifndef BULKHEAD_STAGES_KIT_ROTATION_H
#define BULKHEAD_STAGES_KIT_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "stages/kit/rotation_view.h"
#include "stages/kit/source_marks.h"

/* The file that comes next. */
struct rotation_step {
    int fd;
    bool continues;        /* it is a copy of what was read: goes on at the same offset */
    struct file_past past; /* of it */
    bool nameless;   /* the one before was found nowhere: one in between may have gone with it */
    char *other;     /* its name, if another log might have that, too; NULL: it says enough */
    char *elsewhere; /* the one before lies there, not beside the path; NULL: beside it */
};

/* Closes and frees what a step has. */
void rotation_step_done(struct rotation_step *step);

/* Which file a descriptor leads to. Returns 0 or ERR_IO. */
int rotation_identify(int fd, struct file_identity *ret_file, struct err *e);

/*
 * Opens the file that was read before the open one, which is older, whatever it is named by now.
 * Returns 0 (the caller closes *ret_fd) or ERR_NOT_FOUND, for whatever reason.
 */
int rotation_open_left(const struct rotation_view *v, int *ret_fd);

/* Whether both are the same file; a birth that is not known is not compared. */
bool rotation_is_same(const struct file_identity *a, const struct file_identity *b);

/*
 * Opens the file that a mark tells of, whatever it is named by now, beside the path, beside what
 * that leads to, or in a directory there; or else, beside the path, the one that has the bytes that
 * were read of it: a copy, decompressed, or put back.
 *
 * Returns: 0 (the caller closes *ret_fd), ERR_NOT_FOUND, ERR_MISMATCH (there are several), ERR_IO.
 */
int rotation_find(const char *path, const struct source_mark *at, _Atomic uint64_t *beats,
                  int *ret_fd, bool *ret_is_copy, struct err *e);

/*
 * Opens the copy that was made of the open file before it was truncated: the one that begins with
 * what was read of it, or, if that is gone, the first that was made of what it had after that.
 *
 * Returns: 0 (the caller closes ret_step->fd), ERR_NOT_FOUND (ret_step->past is that of the same
 *          file, begun again), ERR_AGAIN, ERR_MISMATCH, ERR_IO.
 */
int rotation_find_copy(const struct rotation_view *v, struct rotation_step *ret_step,
                       struct err *e);

/*
 * Whether the open file was cut off, though it begins with what was read of it, up to `from`: there
 * is a copy of it, made since, that begins so too, and goes on otherwise before `to`.
 *
 *   ret_waits  a copy has more than that: what the file has behind `to` is to be compared, too
 *
 * Returns: 0, ERR_AGAIN, ERR_MISMATCH, ERR_IO.
 */
int rotation_find_cut(const struct rotation_view *v, uint64_t from, uint64_t to, bool *ret_cut,
                      bool *ret_waits, struct err *e);

/*
 * While the open file is at the path: what lies beside it does not come after it, but for a copy of
 * it, which is needed if it is truncated next.
 *
 *   any       copies do not matter: nothing of it was read before now
 *   ret_past  what does not come after it; with `lowest`, the lowest number N among names like
 *             app.log.N, 0 if there is none or it is 0
 *
 * Returns: 0, ERR_AGAIN (it is not at the path), ERR_IO.
 */
int rotation_take_stock(const struct rotation_view *v, bool any, struct file_past *ret_past,
                        struct err *e);

/*
 * Finds the file that follows the open one, and opens it; with ret_step NULL, only tells whether
 * there is one.
 *
 * Ownership: the caller calls rotation_step_done(), or keeps ret_step->fd and frees the names.
 * Returns:   0; ERR_AGAIN (none yet: it was not rotated, or the new one has nothing in it, or files
 *            are renamed at this moment); ERR_MISMATCH (one in between is missing or compressed, or
 *            nobody can tell, which a rotation that is not complete may make it seem, too); ERR_IO.
 */
int rotation_next(const struct rotation_view *v, struct rotation_step *ret_step, struct err *e);

#endif
