/* SPDX-License-Identifier: MIT */
/*
 * floor.h - division that rounds towards minus infinity, where C rounds towards zero
 *
 * Only this way do numbers counted from an epoch continue below zero in the same steps.
 */
#ifndef BULKHEAD_COMMON_FLOOR_H
#define BULKHEAD_COMMON_FLOOR_H

#include <stdint.h>

#include "common/check.h"

/* The quotient. Requires: divisor > 0. */
static inline int64_t floor_div(int64_t dividend, int64_t divisor)
{
    REQUIRE(divisor > 0);
    int64_t quotient = dividend / divisor;
    return dividend % divisor < 0 ? quotient - 1 : quotient;
}

/* The remainder, at least 0 and below the divisor. Requires: divisor > 0. */
static inline int64_t floor_mod(int64_t dividend, int64_t divisor)
{
    REQUIRE(divisor > 0);
    int64_t rest = dividend % divisor;
    return rest < 0 ? rest + divisor : rest;
}

#endif
