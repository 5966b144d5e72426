/* SPDX-License-Identifier: MIT */
/*
 * memory.h - allocation that cannot fail
 *
 * A stage that is out of memory dies and is restarted; unwinding would only hide the cause.
 */
#ifndef BULKHEAD_COMMON_MEMORY_H
#define BULKHEAD_COMMON_MEMORY_H

#include <stddef.h>

/* Zeroed memory for count objects of size bytes; the caller frees it with free(). Never NULL. */
void *memory_new(size_t count, size_t size);

/* realloc() for count objects of size bytes; memory may be NULL. Never NULL. */
void *memory_resize(void *memory, size_t count, size_t size);

/* A copy of len bytes with a NUL behind; the caller frees it. Never NULL. */
char *memory_dup(const void *bytes, size_t len);

/* A formatted string; the caller frees it. Never NULL. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
