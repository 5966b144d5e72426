/* SPDX-License-Identifier: MIT */
/*
 * rotation.h - a file that other programs rotate: which file is it now, and which one comes next
 *
 * A log is rotated by renaming it and creating a new one under its name, or by copying it and
 * truncating it. Files are identified by device, inode and birth time, and copies by their bytes.
 * Which file comes next follows from when the files were born and written, never from a guess by
 * their names. Where that does not decide it, the answer is an error that names the files.
 * docs/decisions/0012 has the rules.
 *
 * Throughout rotation*.[ch], "ours" is the file that is being read.
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
    bool continues;        /* it is a copy of what was read: continue at the same offset */
    struct file_past past; /* what came before this file */
    bool nameless; /* the previous file was not found, so one in between may be missing too */
    char *other;   /* the file's name, if it might belong to another log; NULL: it cannot */
    /* The directory of the previous file, if it is not that of the path; else NULL. */
    char *elsewhere;
};

/* Closes and frees what a step holds. */
void rotation_step_done(struct rotation_step *step);

/* Finds out which file a descriptor refers to. Returns 0 or ERR_IO. */
int rotation_identify(int fd, struct file_identity *ret_file, struct err *e);

/*
 * Opens the file that was read before the open one and is older than it, under whatever name it has
 * now. Returns 0 (the caller closes *ret_fd), or ERR_NOT_FOUND for any failure.
 */
int rotation_open_left(const struct rotation_view *v, int *ret_fd);

/* Whether both are the same file. An unknown birth time is not compared. */
bool rotation_is_same(const struct file_identity *a, const struct file_identity *b);

/*
 * Opens the file that a mark describes, under whatever name it has now: in the directory of the
 * path, in that of the path's target, or in a subdirectory of either. If it is not there, opens the
 * file in those directories that has the bytes that were read: a copy, a decompressed file, or one
 * that was put back.
 *
 *   ret_is_copy   whether it was found by its bytes
 *
 * Returns: 0 (the caller closes *ret_fd), ERR_NOT_FOUND, ERR_MISMATCH (several files fit), ERR_IO.
 */
int rotation_find(const char *path, const struct source_mark *at, _Atomic uint64_t *beats,
                  int *ret_fd, bool *ret_is_copy, struct err *e);

/*
 * Opens the copy that was made of the open file before it was truncated: the one that begins with
 * what was read of it. If that is gone, opens the first copy of what the file held after that.
 *
 * Returns: 0 (the caller closes ret_step->fd), ERR_NOT_FOUND (ret_step->past is that of the same
 * file, read again from its beginning), ERR_AGAIN, ERR_MISMATCH, ERR_IO.
 */
int rotation_find_copy(const struct rotation_view *v, struct rotation_step *ret_step,
                       struct err *e);

/*
 * Whether the open file was truncated, although it still begins with what was read of it, up to
 * `from`. That is so if there is a copy, made since, that begins the same way but differs before
 * `to`.
 *
 *   ret_waits  a copy is longer than that, so what the file has after `to` must be compared too
 *
 * Returns: 0, ERR_AGAIN, ERR_MISMATCH, ERR_IO.
 */
int rotation_find_cut(const struct rotation_view *v, uint64_t from, uint64_t to, bool *ret_cut,
                      bool *ret_waits, struct err *e);

/*
 * For use while the open file is at the path: the other files of the log do not come after it. The
 * exception is a copy of it, which is needed if the file is truncated next.
 *
 *   any       copies do not matter, because nothing of the file was read before now
 *   ret_past  the files that do not come after it; its `lowest` is the lowest number N among names
 *             like app.log.N, or 0 if there is none or it is 0
 *
 * Returns: 0, ERR_AGAIN (the file is not at the path), ERR_IO.
 */
int rotation_take_stock(const struct rotation_view *v, bool any, struct file_past *ret_past,
                        struct err *e);

/*
 * Finds the file that follows the open one and opens it. If ret_step is NULL, only finds out
 * whether there is one.
 *
 * Ownership: the caller calls rotation_step_done(), or keeps ret_step->fd and frees the names.
 *
 * Returns: 0, or
 *
 *   ERR_AGAIN     there is none yet: the file was not rotated, the new one is empty, or files are
 *                 being renamed right now
 *   ERR_MISMATCH  a file in between is missing or compressed, or the order cannot be known; a
 *                 rotation that is not complete can look like this too
 *   ERR_IO
 */
int rotation_next(const struct rotation_view *v, struct rotation_step *ret_step, struct err *e);

#endif
