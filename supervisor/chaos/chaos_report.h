/* SPDX-License-Identifier: MIT */
/*
 * chaos_report.h - what `bulkhead chaos` did and measured, and the table of it
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_REPORT_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "topology/graph.h"

/* Times that were measured, in microseconds. `struct chaos_times t = {0}` is empty. */
struct chaos_times {
    uint64_t *items;
    size_t count;
    size_t capacity;
};

void chaos_times_add(struct chaos_times *times, uint64_t us);
void chaos_times_done(struct chaos_times *times);

/*
 * The time that so many percent of all do not exceed (nearest rank; 100 is the longest). Sorts
 * them. Requires: there is one, and percent is 1 to 100.
 */
uint64_t chaos_times_percentile(struct chaos_times *times, unsigned percent);

enum chaos_verdict {
    CHAOS_SAME,     /* every byte was the same */
    CHAOS_FAILED,   /* other bytes, a run that failed or hung, something left behind */
    CHAOS_UNPROVEN, /* interrupted, or nothing could be killed */
};

struct chaos_counts {
    uint64_t kills; /* SIGKILLs of ours */
    uint64_t stops; /* SIGSTOPs of ours */
};

struct chaos_report {
    uint64_t seed;
    uint64_t kills_wanted;
    struct chaos_counts stages[PROCESSES_MAX];
    struct chaos_counts supervisor;
    uint64_t drains;   /* SIGTERMs of the supervisor */
    uint64_t rounds;   /* that were run to their end and compared */
    uint64_t restarts; /* as the supervisors counted them, as long as they lived */
    uint64_t outputs_compared;
    uint64_t bytes_compared;
    uint64_t elapsed_ms;
    struct chaos_times stage_recovery;      /* from a kill to acks beyond those at the kill */
    struct chaos_times supervisor_recovery; /* from its kill to new acks at the source */
    enum chaos_verdict verdict;
    struct buf reason; /* why not the same: lines; the last may lack its end */
};

/* SIGKILLs in all. */
uint64_t chaos_report_kills(const struct chaos_report *report);

/* Appends the table and the verdict; its words are in man/bulkhead.1. */
void chaos_report_write(struct chaos_report *report, const struct topology *topology,
                        struct buf *out);

/* Frees what hangs on the report. */
void chaos_report_done(struct chaos_report *report);

#endif
