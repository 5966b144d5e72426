/* SPDX-License-Identifier: MIT */
/*
 * standard_error.h - writes to stderr without waiting for a reader
 *
 * stderr is shared with other processes. It may not be read, and they would be surprised if it
 * became non-blocking. So it is written through a descriptor of our own, opened at the first call.
 * This module is below everything that can fail, so that a process can always report why it ends:
 * it uses nothing else of the program and allocates nothing.
 */
#ifndef BULKHEAD_COMMON_STANDARD_ERROR_H
#define BULKHEAD_COMMON_STANDARD_ERROR_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Writes some or all of len bytes, if that is possible without waiting.
 * Returns how many, or -1 with errno: EAGAIN if it would have to wait, EBADF if stderr is closed.
 */
ssize_t standard_error_write(const void *bytes, size_t len);

/* Writes the last message of a process that ends itself. It is lost if stderr is not being read. */
void standard_error_last_words(const char *text);

#endif
