/* SPDX-License-Identifier: MIT */
/*
 * path.h - the directory that a path leads to, and whether it means the same to every process
 */
#ifndef BULKHEAD_COMMON_PATH_H
#define BULKHEAD_COMMON_PATH_H

#include <stdbool.h>

#include "common/buf.h"

/*
 * The directory that a path lies in, by its text alone: what is before the last slash; "." if there
 * is none, "/" if that is the first sign. The caller frees it. Never NULL.
 */
char *path_directory(const char *path);

/*
 * Whether a path leads through what belongs to the process that asks, and so to another file, or to
 * none, in any other: /proc/self and /proc/thread-self with all in them, so /dev/stdin and
 * /dev/fd/3, and the terminal /dev/tty; by whatever links and relative names. What is not there
 * need not be: only the way up to it is looked at.
 *
 *   ret_way   how it goes on from there, such as "/proc/self/fd/3"; added only if the answer is yes
 */
bool path_is_of_process(const char *path, struct buf *ret_way);

#endif
