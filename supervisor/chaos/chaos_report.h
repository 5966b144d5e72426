/* SPDX-License-Identifier: MIT */
/*
 * chaos_report.h - what `bulkhead chaos` did and measured, and its table
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_REPORT_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "topology/graph.h"

/* Measured times, in microseconds. `struct chaos_times t = {0}` is empty. */
struct chaos_times {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

void chaos_times_add(struct chaos_times *times, uint64_t us);
void chaos_times_done(struct chaos_times *times);

/*
 * The time that `percent` percent of them do not exceed (nearest rank; 100 gives the longest).
 * Sorts the times. Requires: there is at least one, and percent is 1 to 100.
 */
uint64_t chaos_times_percentile(struct chaos_times *times, unsigned percent);

enum chaos_verdict {
    CHAOS_SAME,     /* every byte was the same */
    CHAOS_FAILED,   /* bytes differed, a run failed or hung, or something was left behind */
    CHAOS_UNPROVEN, /* interrupted, or nothing could be killed */
};

struct chaos_counts {
    uint64_t kills; /* SIGKILLs that we sent */
    uint64_t stops; /* SIGSTOPs that we sent */
};

struct chaos_report {
    uint64_t seed;
    uint64_t kills_wanted;
    struct chaos_counts stages[PROCESSES_MAX];
    struct chaos_counts supervisor;
    uint64_t drains;   /* SIGTERMs sent to the supervisor */
    uint64_t rounds;   /* rounds that ran to their end and were compared */
    uint64_t restarts; /* as the supervisors counted them while they lived */
    uint64_t outputs_compared;
    uint64_t bytes_compared;
    uint64_t elapsed_ms;
    struct chaos_times stage_recovery;      /* from a kill to acks beyond those at the death */
    struct chaos_times supervisor_recovery; /* from its kill to new acks at the source */
    enum chaos_verdict verdict;
    struct buf reason; /* why the verdict is not CHAOS_SAME: lines, the last perhaps without '\n' */
};

/* The total number of SIGKILLs. */
uint64_t chaos_report_kills(const struct chaos_report *report);

/* Appends the table and the verdict. Its words are described in man/bulkhead.1. */
void chaos_report_write(struct chaos_report *report, const struct topology *topology,
                        struct buf *out);

/* Frees what the report holds. */
void chaos_report_done(struct chaos_report *report);

#endif
