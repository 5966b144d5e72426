/* SPDX-License-Identifier: MIT */
/*
 * file.h - the file operations that durability depends on
 *
 * All our durable files are written through these: whole writes at given offsets, fdatasync, and
 * rename followed by a sync of the directory. Interrupted and short calls are continued. An error
 * is final for the descriptor, except ERR_NO_SPACE: that call may be repeated when there is space.
 * After a failed sync the kernel may have dropped the pages and marked them clean, so the same
 * descriptor must not be synced again. The caller must end its process, and the next one starts
 * from what verifies.
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
 *   name     also used in messages
 *   flags    as for open(2)
 *   ret_fd   the caller closes it
 *
 * Returns: 0, ERR_NO_SPACE, ERR_IO
 *          ERR_NOT_FOUND  it does not exist
 *          ERR_MISMATCH   O_NOFOLLOW was given, and it is a symbolic link, or a directory is needed
 *                         and it is not one, or it is one and must not be
 */
int file_open(int dir_fd, const char *name, int flags, mode_t mode, int *ret_fd, struct err *e);

/*
 * Writes all len bytes at the offset. Returns 0, ERR_NO_SPACE or ERR_IO; on failure a part may be
 * written.
 */
int file_write_at(int fd, uint64_t offset, const void *bytes, size_t len, struct err *e);

/* Reads len bytes at the offset, fewer only at the end of the file. Returns 0 or ERR_IO. */
int file_read_at(int fd, uint64_t offset, void *bytes, size_t len, size_t *ret_len, struct err *e);

/* Appends the whole content to out. Returns 0, ERR_RANGE (more than max bytes), ERR_IO. */
int file_read_whole(int fd, size_t max, struct buf *out, struct err *e);

/*
 * As file_read_whole(), from the current position, so that it also works for a pipe, whose writer
 * it waits for.
 */
int file_read_stream(int fd, size_t max, struct buf *out, struct err *e);

/*
 * fdatasync(2). Returns 0, ERR_IO, or ERR_NO_SPACE_LOST where a file system notices only now that
 * there is no space. After either error the descriptor must not be used any more.
 */
int file_sync(int fd, struct err *e);

/* Hints to the kernel that it should begin to write these bytes to the disk. */
void file_begin_write_out(int fd, uint64_t offset, uint64_t len);

/*
 * Waits until these bytes are on the disk, so that the following file_sync(), which is still
 * needed, does not take long. Returns as file_sync().
 */
int file_wait_written(int fd, uint64_t offset, uint64_t len, struct err *e);

/* Cuts or extends the file. Returns 0, ERR_NO_SPACE, ERR_IO. */
int file_truncate(int fd, uint64_t len, struct err *e);

/* The file's length in bytes. Returns 0 or ERR_IO. */
int file_length(int fd, uint64_t *ret_len, struct err *e);

/*
 * Checks that a name still leads to the open file, and that the file has at least the bytes that
 * were written. What is written to a file that has been removed or truncated would be lost.
 *
 * Returns: 0, ERR_IO, or ERR_MISMATCH: e says what happened to the file and what to do.
 */
int file_check_in_place(int dir_fd, const char *name, int fd, uint64_t written, struct err *e);

/* Renames `from` to `to`, both in dir_fd, and syncs the directory if durable. */
int file_rename(int dir_fd, const char *from, const char *to, bool durable, struct err *e);

/*
 * Makes directory entries durable. Does nothing on a file system that cannot (EINVAL). Returns 0 or
 * ERR_IO.
 */
int file_sync_dir(int dir_fd, struct err *e);

/*
 * Makes the directory entry of a file or directory durable, which for a new one is as important as
 * its content. Returns: as file_open() of the directory that it is in, and file_sync_dir().
 */
int file_sync_entry(int dir_fd, const char *path, struct err *e);

/* Removes a file if it exists. Returns 0 or ERR_IO. */
int file_remove(int dir_fd, const char *name, struct err *e);

/*
 * Creates a directory of mode 0700 unless it exists, syncs its parent, and opens it.
 * Requires: dir_fd is a descriptor. The caller closes ret_fd. Returns 0 or ERR_IO.
 */
int file_make_dir(int dir_fd, const char *name, int *ret_fd, struct err *e);

/*
 * Removes everything in a directory whose name begins with the prefix, at most `depth` levels of
 * directories deep. Follows no links. Returns 0 or ERR_IO.
 */
int file_remove_in(int dir_fd, const char *prefix, unsigned depth, struct err *e);

#endif
