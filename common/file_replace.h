/* SPDX-License-Identifier: MIT */
/*
 * file_replace.h - files that are there as a whole or not at all
 *
 * The new content is written into another file, NAME.new. Then that is synced, takes the name, and
 * the directory is synced: so, whatever is killed or loses its power meanwhile, NAME has the old
 * content or the new one. What is left of a NAME.new is overwritten by the next call.
 */
#ifndef BULKHEAD_COMMON_FILE_REPLACE_H
#define BULKHEAD_COMMON_FILE_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

/* What the name of a file that is not finished has at its end. */
#define FILE_REPLACE_SUFFIX ".new"

/*
 * Gives a file, which need not be there, this content; mode 0600.
 *
 *   dir_fd   the directory that it is in
 *   name     without a '/'; NAME_MAX bytes with the suffix
 *   durable  the content is to survive a loss of power; if not, nothing is synced
 *
 * Returns: 0; or as file_open(), file_write_at(), file_sync() and file_rename(): the file has its
 *          old content, unless the last sync failed, after which it may have either.
 */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t len, bool durable,
                 struct err *e);

/*
 * The same in steps, for what is written bit by bit, or goes on being written: opens an empty file,
 * for reading and writing, that file_replace_finish() gives the name. The caller closes ret_fd;
 * without a finish nothing has happened. Returns: as file_open().
 */
int file_replace_begin(int dir_fd, const char *name, int *ret_fd, struct err *e);

/*
 * Syncs what was written, gives it the name, and syncs the directory. fd stays open.
 *
 *   len  how much was written
 *
 * Returns: as file_replace(); ERR_MISMATCH: NAME.new was removed, replaced or cut meanwhile.
 */
int file_replace_finish(int dir_fd, const char *name, int fd, uint64_t len, bool durable,
                        struct err *e);

#endif
