/* SPDX-License-Identifier: MIT */
/*
 * chaos_watch.h - what chaos has seen of a run: who is there, what moves on, who recovers when
 *
 * Fed with statuses of the supervisor. Progress is an acked seq above the highest one of this
 * round. A stage, or the supervisor, that was harmed HARMS_MAX times without progress is let be
 * until there is some: ten deaths in a row without progress are a restart storm, which stops a
 * run by its rules and not by a fault.
 */
#ifndef BULKHEAD_SUPERVISOR_CHAOS_CHAOS_WATCH_H
#define BULKHEAD_SUPERVISOR_CHAOS_CHAOS_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/chaos/chaos_report.h"
#include "supervisor/client/status_read.h"
#include "topology/graph.h"

#define CHAOS_HARMS_MAX 3u

struct chaos_watched {
    struct status_stage seen; /* pid 0: not there */
    uint64_t acked_best;
    unsigned harms;      /* since acked_best moved on */
    uint64_t harmed;     /* the generation that was harmed last */
    int pid_fd;          /* of the killed process, until it is dead; -1: none */
    bool recovering;     /* from a kill that is measured */
    bool died;           /* it is dead, but no status was seen since */
    uint64_t killed_us;  /* when */
    uint64_t acked_then; /* what it had acked when it died */
};

struct chaos_watch {
    const struct topology *topology;
    struct chaos_report *report;
    size_t source;
    struct chaos_watched stages[PROCESSES_MAX];
    bool answered; /* the supervisor, in this life */
    unsigned supervisor_harms;
    bool supervisor_recovering;
    uint64_t supervisor_killed_us;
    uint64_t progress_us; /* when something last moved on or was disturbed */
};

void chaos_watch_init(struct chaos_watch *w, const struct topology *topology,
                      struct chaos_report *report, uint64_t now_us);

/* Looks for the deaths of what was killed; to be called before a status is asked for. */
void chaos_watch_look_for_deaths(struct chaos_watch *w);

/* Takes a status. One of other stages than the topology's is passed over. */
void chaos_watch_see(struct chaos_watch *w, const struct status_snapshot *seen, uint64_t now_us);

/* Whether a stage is there, was not harmed in this generation, and may be. */
bool chaos_watch_may_harm(const struct chaos_watch *w, size_t stage);

/* A SIGKILL was sent at that time; takes over the pidfd of the process. */
void chaos_watch_killed(struct chaos_watch *w, size_t stage, int pid_fd, uint64_t now_us);

/* A SIGSTOP was sent. */
void chaos_watch_stopped(struct chaos_watch *w, size_t stage, uint64_t now_us);

/* The supervisor was sent a signal: what recovers now is not measured any more. */
void chaos_watch_supervisor_harmed(struct chaos_watch *w, bool killed, uint64_t now_us);

/* The supervisor has ended: its stages are gone, and its counts are added to the report. */
void chaos_watch_supervisor_gone(struct chaos_watch *w, uint64_t now_us);

/* Closes what is open. */
void chaos_watch_done(struct chaos_watch *w);

#endif
