/* SPDX-License-Identifier: MIT */
/*
 * memory.h - allocation that cannot fail
 *
 * A process that is out of memory ends; unwinding would only hide the cause. How it ends is its
 * own to say: a stage that met its memory_max dies of it, one whose host has no more has to wait.
 */
#ifndef BULKHEAD_COMMON_MEMORY_H
#define BULKHEAD_COMMON_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/*
 * Has a function called when there is no memory, with what to say and how many bytes were asked
 * for. It ends the process, or returns to have it aborted; it must not allocate. NULL: nobody.
 */
void memory_on_none(void (*function)(const char *text, size_t bytes));

/*
 * For who calls a library that says there was no memory: ends the process as if so many bytes had
 * been asked for here.
 */
_Noreturn void memory_none(size_t bytes);

/*
 * What this process has of private memory that can be written, in bytes: what RLIMIT_DATA bounds.
 * It need not be backed by pages yet. 0 if nobody says. Allocates nothing.
 */
uint64_t memory_private_bytes(void);

/* Gives back to the system what was freed, as far as it can be. */
void memory_trim(void);

/*
 * Bounds what memory_private_bytes() says, as far as the hard limit allows; what is there already
 * stays. An allocation beyond that finds no memory.
 */
void memory_bound_private(uint64_t bytes);

/* That bound; UINT64_MAX: there is none. */
uint64_t memory_private_bound(void);

/* Zeroed memory for count objects of size bytes; the caller frees it with free(). Never NULL. */
void *memory_new(size_t count, size_t size);

/* realloc() for count objects of size bytes; memory may be NULL. Never NULL. */
void *memory_resize(void *memory, size_t count, size_t size);

/* A copy of len bytes with a NUL behind; the caller frees it. Never NULL. */
char *memory_dup(const void *bytes, size_t len);

/* A formatted string; the caller frees it. Never NULL. */
char *memory_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
