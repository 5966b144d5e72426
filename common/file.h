/* SPDX-License-Identifier: MIT */
/*
 * file.h - the file operations that safety depends on
 *
 * All durable files of ours are written through these: whole writes at given offsets, fdatasync,
 * rename with the directory synced behind it. Interrupted and short calls are carried on with;
 * an error is final for the descriptor, but for ERR_NO_SPACE: that call may be repeated as it is,
 * when there is space. After a failed sync the kernel may have dropped the pages
 * and marked them clean, so nobody may sync the same descriptor again: the caller must give up
 * its process and start from what verifies.
 */
#ifndef BULKHEAD_COMMON_FILE_H
#define BULKHEAD_COMMON_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/err.h"

/*
 * Opens a file relative to a directory (AT_FDCWD: the current one), close-on-exec.
 *
 *   name     for messages too, so it should be what a person recognises
 *   flags    as for open(2)
 *   ret_fd   the caller closes it
 *
 * Returns: 0, ERR_NOT_FOUND (it does not exist), ERR_NO_SPACE, ERR_IO; ERR_MISMATCH: O_NOFOLLOW was
 *          given, and there is a link, or no directory where one is wanted, or the reverse.
 */
int file_open(int dir_fd, const char *name, int flags, mode_t mode, int *ret_fd, struct err *e);

/*
 * Writes all len bytes at the offset. Returns 0, ERR_NO_SPACE, ERR_IO; then part of it may be
 * written.
 */
int file_write_at(int fd, uint64_t offset, const void *bytes, size_t len, struct err *e);

/* Reads up to len bytes at the offset; fewer only at the end. Returns 0 or ERR_IO. */
int file_read_at(int fd, uint64_t offset, void *bytes, size_t len, size_t *ret_len, struct err *e);

/* Appends the whole content to out. Returns 0, ERR_RANGE (more than max bytes), ERR_IO. */
int file_read_whole(int fd, size_t max, struct buf *out, struct err *e);

/*
 * The same from where it is read now, of what cannot seek as well; waits for whoever writes into
 * it. Returns as file_read_whole().
 */
int file_read_stream(int fd, size_t max, struct buf *out, struct err *e);

/*
 * fdatasync(2). Returns 0, ERR_IO, or ERR_NO_SPACE_LOST where a file system finds out only now that
 * there is no room. After either the descriptor must not be used any more.
 */
int file_sync(int fd, struct err *e);

/* Lets the kernel begin to write these bytes to the disk; no more than a hint. */
void file_begin_write_out(int fd, uint64_t offset, uint64_t len);

/*
 * Waits until these bytes are on the disk, so that a file_sync() that follows, which is needed all
 * the same, does not take long. Returns as file_sync().
 */
int file_wait_written(int fd, uint64_t offset, uint64_t len, struct err *e);

/* Cuts or extends the file. Returns 0, ERR_NO_SPACE, ERR_IO. */
int file_truncate(int fd, uint64_t len, struct err *e);

/* The file's length in bytes. Returns 0 or ERR_IO. */
int file_length(int fd, uint64_t *ret_len, struct err *e);

/*
 * Whether a name still leads to a file of ours that is open, and it has no fewer bytes than were
 * written: what is put into one that was removed or truncated meanwhile is lost.
 *
 * Returns: 0, ERR_MISMATCH (e says what was done to it, and what to do), ERR_IO.
 */
int file_check_in_place(int dir_fd, const char *name, int fd, uint64_t written, struct err *e);

/* Makes `to` be what `from` is, both in dir_fd, and syncs the directory if durable. */
int file_rename(int dir_fd, const char *from, const char *to, bool durable, struct err *e);

/*
 * Makes directory entries safe, where the file system can do that: one that answers EINVAL cannot,
 * and is left alone. Returns 0 or ERR_IO.
 */
int file_sync_dir(int dir_fd, struct err *e);

/*
 * Makes safe that a file or directory is in the directory that it is in: as important, for a new
 * one, as its bytes. Returns: as file_open() of that directory, and file_sync_dir().
 */
int file_sync_entry(int dir_fd, const char *path, struct err *e);

/* Removes a file if it is there. Returns 0 or ERR_IO. */
int file_remove(int dir_fd, const char *name, struct err *e);

/*
 * Makes a directory of mode 0700 unless it is there, syncs the one that it is in, and opens it.
 * Requires: dir_fd is a descriptor. The caller closes ret_fd. Returns 0 or ERR_IO.
 */
int file_make_dir(int dir_fd, const char *name, int *ret_fd, struct err *e);

/*
 * Removes all in a directory whose name begins with the prefix, at most so many levels of
 * directories deep, following no link. Returns 0 or ERR_IO.
 */
int file_remove_in(int dir_fd, const char *prefix, unsigned depth, struct err *e);

#endif
