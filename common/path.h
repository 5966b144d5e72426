/* SPDX-License-Identifier: MIT */
/*
 * path.h - the directory of a path, and whether a path means the same to every process
 */
#ifndef BULKHEAD_COMMON_PATH_H
#define BULKHEAD_COMMON_PATH_H

#include <stdbool.h>

#include "common/buf.h"

/*
 * The directory of a path, from its text only: everything before the last slash, "." if there is no
 * slash, "/" if the only slash is the first character. The caller frees it. Never NULL.
 */
char *path_directory(const char *path);

/*
 * Whether a path leads through something that belongs to the calling process, so that in another
 * process it means another file or none: /proc/self and /proc/thread-self with everything in them
 * (so also /dev/stdin and /dev/fd/3), and the terminal /dev/tty. Links and relative names are
 * followed. The file need not exist: only the path up to it is examined.
 *
 *   ret_way   where the path leads, such as "/proc/self/fd/3"; appended only if the answer is yes
 */
bool path_is_of_process(const char *path, struct buf *ret_way);

#endif
