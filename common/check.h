/* SPDX-License-Identifier: MIT */
/*
 * check.h - assertions that are always on
 *
 * REQUIRE states a duty of the caller, INVARIANT a fact of our own logic, UNREACHABLE a branch that
 * is never taken. They are only for mistakes in this program: bytes from a peer, a file or a clock
 * are never asserted on but checked, and refused with an error (see err.h).
 */
#ifndef BULKHEAD_COMMON_CHECK_H
#define BULKHEAD_COMMON_CHECK_H

#define REQUIRE(condition)                                                                         \
    ((condition) ? (void)0 : panic("requirement", #condition, __FILE__, __LINE__))
#define INVARIANT(condition)                                                                       \
    ((condition) ? (void)0 : panic("invariant", #condition, __FILE__, __LINE__))
#define UNREACHABLE() panic("unreachable", "this line", __FILE__, __LINE__)

/* Prints what is broken and where to stderr, and aborts. Never returns. */
_Noreturn void panic(const char *what, const char *condition, const char *file, int line);

#endif
