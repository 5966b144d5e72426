/* SPDX-License-Identifier: MIT */
/*
 * rounding.h - division of whole numbers with a choice of rounding
 */
#ifndef BULKHEAD_COMMON_ROUNDING_H
#define BULKHEAD_COMMON_ROUNDING_H

/* tag, name in topologies. "up" is away from 0, "down" is towards 0. */
#define ROUNDING_LIST(X)                                                                           \
    X(ROUNDING_HALF_EVEN, "half_even")                                                             \
    X(ROUNDING_HALF_UP, "half_up")                                                                 \
    X(ROUNDING_DOWN, "down")                                                                       \
    X(ROUNDING_UP, "up")

enum rounding {
#define X(mode, name) mode,
    ROUNDING_LIST(X)
#undef X
};

/* The quotient, rounded. Requires: divisor > 0 and at most 2^126. */
__int128 rounding_divide(__int128 dividend, __int128 divisor, enum rounding mode);

#endif
