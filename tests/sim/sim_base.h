/* SPDX-License-Identifier: MIT */
/*
 * sim_base.h - the foundations of the simulation: chance, trace, memory, failure
 *
 * Everything random comes from one generator that the seed starts, so a seed is a run. The trace
 * is kept only when it will be read: a seed that failed is run once more with it.
 */
#ifndef BULKHEAD_TESTS_SIM_BASE_H
#define BULKHEAD_TESTS_SIM_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The next 64 random bits of the seed (splitmix64). Never twice between two sequence points: a seed
 * must be the same run whatever compiler made it.
 */
uint64_t chance_bits(void);

/* A number in [0, n). Requires: n > 0. */
uint64_t chance_below(uint64_t n);

/* True once in n times; never if n is 0. */
bool chance_one_in(uint64_t n);

void chance_seed(uint64_t seed);

/* The settings of trace() and fail(). The clock is simulated, in microseconds. */
struct sim_report {
    bool tracing; /* keep the last lines */
    bool verbose; /* print every line */
    uint64_t now_us;
    const char *replay; /* printed with a failure */
};
extern struct sim_report sim_report;

/* Adds a line to the trace, with the time in front. Use TRACE(), which costs nothing when off. */
void trace_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define TRACE(...)                                                                                 \
    do {                                                                                           \
        if (sim_report.tracing)                                                                    \
            trace_line(__VA_ARGS__);                                                               \
    } while (0)

/* Prints the last lines of the trace; also called when the program crashes. */
void trace_dump(void);

/* An invariant is broken: prints which one and how to replay it, and exits with code 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Memory of the simulation itself: malloc() and free() are those of the simulated processes, which
 * lose theirs when they are killed (sim_memory.c).
 */
void *sim_new(size_t count, size_t size);
void *sim_resize(void *memory, size_t count, size_t size);
void sim_free(void *memory);

/* Allocations of one simulated process, in a list. */
struct allocation {
    struct allocation *previous, *next;
    void *memory;
};

struct memory_owner {
    struct allocation *first;
    size_t count;
};

/* Sets whose allocations are counted from now on; NULL: none are. */
void memory_set_owner(struct memory_owner *owner);

/* Frees all that an owner has not freed. */
void memory_free_all(struct memory_owner *owner);

#endif
