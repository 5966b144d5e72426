/* SPDX-License-Identifier: MIT */
/*
 * standard_error.h - bytes to stderr that never wait for a reader
 *
 * stderr is shared with others, who may not read it and who would be surprised if it did not block
 * any more. So it is written by way of a descriptor of our own, opened at the first call. This is
 * below everything that can fail, so that a process can say why it ends, whatever is broken: it
 * uses nothing else of the program and allocates nothing.
 */
#ifndef BULKHEAD_COMMON_STANDARD_ERROR_H
#define BULKHEAD_COMMON_STANDARD_ERROR_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Writes some of len bytes, if that can be done now.
 * Returns how many, or -1 with errno: EAGAIN if it would have to wait, EBADF if stderr is closed.
 */
ssize_t standard_error_write(const void *bytes, size_t len);

/* Writes what a process says when it ends itself; lost if nobody reads. */
void standard_error_last_words(const char *text);

#endif
