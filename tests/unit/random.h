/* SPDX-License-Identifier: MIT */
/*
 * random.h - the random numbers of the randomized unit tests
 *
 * Every run draws a new seed and prints it; SEED=0x... in the environment repeats that run. The
 * generator is splitmix64, so a seed means the same everywhere. One state per test program.
 */
#ifndef BULKHEAD_TESTS_UNIT_RANDOM_H
#define BULKHEAD_TESTS_UNIT_RANDOM_H

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t random_state;

/* The next 64 random bits. */
static inline uint64_t random_bits(void)
{
    random_state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = random_state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

/* Uses the seed in SEED, or draws one, and prints "name: SEED=...". Call it first in main(). */
static inline void random_init(const char *name)
{
    const char *wanted = getenv("SEED");
    if (wanted != NULL && *wanted != '\0')
        random_state = strtoull(wanted, NULL, 0);
    else if (getrandom(&random_state, sizeof random_state, 0) != (ssize_t)sizeof random_state)
        random_state = 1;
    (void)fprintf(stderr, "%s: SEED=0x%016" PRIx64 "\n", name, random_state);
}

/* A number in [0, n). Requires: n > 0. */
static inline uint64_t random_below(uint64_t n)
{
    return random_bits() % n;
}

/* A number of 64 bits. All magnitudes are equally likely, and edge cases are frequent. */
static inline int64_t random_integer(void)
{
    static const int64_t edges[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    if (random_below(16) == 0)
        return edges[random_below(sizeof edges / sizeof edges[0])];
    return (int64_t)random_bits() >> random_below(64);
}

/* Fills len bytes. */
static inline void random_fill(uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)random_bits();
}

#endif
