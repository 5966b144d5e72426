/* SPDX-License-Identifier: MIT */
/*
 * file_replace.h - replaces a file as a whole or not at all
 *
 * The new content is written to another file, NAME.new, which is synced and renamed to NAME. Then
 * the directory is synced. So after a kill or a power failure at any point NAME has either the old
 * content or the new one. The next call overwrites what is left in NAME.new.
 */
#ifndef BULKHEAD_COMMON_FILE_REPLACE_H
#define BULKHEAD_COMMON_FILE_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* The end of the name of an unfinished file. */
#define FILE_REPLACE_SUFFIX ".new"

/*
 * Gives a file, which need not exist, this content and mode 0600.
 *
 *   dir_fd   the directory that it is in
 *   name     without a '/'; with the suffix at most NAME_MAX bytes
 *   durable  whether the content must survive a power failure; if not, nothing is synced
 *
 * Returns: 0; or an error as of file_open(), file_write_at(), file_sync() and file_rename(). Then
 *          the file has its old content, unless the last sync failed: then it may have either.
 */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t len, bool durable,
                 struct err *e);

/*
 * The same in steps, for files that are written bit by bit or written to afterwards. Opens an empty
 * file for reading and writing, to which file_replace_finish() gives the name; until then the old
 * file stays. The caller closes ret_fd. Returns: as file_open().
 */
int file_replace_begin(int dir_fd, const char *name, int *ret_fd, struct err *e);

/*
 * Syncs the new file, gives it the name, and syncs the directory. fd stays open.
 *
 *   len  how many bytes were written
 *
 * Returns: as file_replace(), or ERR_MISMATCH: NAME.new was removed, replaced or truncated.
 */
int file_replace_finish(int dir_fd, const char *name, int fd, uint64_t len, bool durable,
                        struct err *e);

#endif
