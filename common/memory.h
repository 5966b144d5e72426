/* SPDX-License-Identifier: MIT */
/*
 * memory.h - allocation that cannot fail
 *
 * A process that is out of memory ends; unwinding would only hide the cause. How it ends is up to
 * the program: a stage that has reached its memory_max dies, while one whose host is out of memory
 * has to wait.
 */
#ifndef BULKHEAD_COMMON_MEMORY_H
#define BULKHEAD_COMMON_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sets a function to call when an allocation fails, with a message and the number of bytes asked
 * for. It ends the process, or returns to have it aborted. It must not allocate. NULL: none.
 */
void memory_on_none(void (*function)(const char *text, size_t bytes));

/*
 * For a library call that failed for lack of memory: ends the process as if this many bytes had
 * been asked for here.
 */
_Noreturn void memory_none(size_t bytes);

/*
 * The private writable memory of this process in bytes, which is what RLIMIT_DATA bounds. It need
 * not be backed by pages yet. 0 if it is unknown. Allocates nothing.
 */
uint64_t memory_private_bytes(void);

/* Returns freed memory to the system as far as possible. */
void memory_trim(void);

/*
 * Sets a bound for memory_private_bytes(), as far as the hard limit allows. Allocations beyond it
 * fail; memory that is in use already stays.
 */
void memory_bound_private(uint64_t bytes);

/* That bound; UINT64_MAX: there is none. */
uint64_t memory_private_bound(void);

/* Zeroed memory for count objects of size bytes; the caller frees it with free(). Never NULL. */
void *memory_new(size_t count, size_t size);

/* realloc() for count objects of size bytes; memory may be NULL. Never NULL. */
void *memory_resize(void *memory, size_t count, size_t size);

/* A copy of len bytes with a NUL after them; the caller frees it. Never NULL. */
char *memory_dup(const void *bytes, size_t len);

/* A formatted string; the caller frees it. Never NULL. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
