/* SPDX-License-Identifier: MIT */
/*
 * clock.h - elapsed time for hosts and loops; steps of stages must not use it
 */
#ifndef BULKHEAD_COMMON_CLOCK_H
#define BULKHEAD_COMMON_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Milliseconds since a fixed moment. Does not jump when the wall clock is set. */
static inline uint64_t clock_monotonic_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

/* The same in microseconds. */
static inline uint64_t clock_monotonic_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

#endif
