/* SPDX-License-Identifier: MIT */
/*
 * chaos_watch.h - what chaos has seen of a run: its processes, their progress and their recovery
 *
 * It is fed with statuses of the supervisor. Progress is an acked seq above the highest one of this
 * round. A stage, or the supervisor, that was harmed CHAOS_HARMS_MAX times without progress is left
 * alone until there is some: ten deaths in a row without progress are a restart storm, which stops
 * a run by its own rules although nothing is broken.
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
    struct status_stage seen; /* the last status; pid 0: there is no process */
    uint64_t acked_best;      /* the highest acked seq of this round */
    unsigned harms;           /* how often it was harmed since acked_best advanced */
    uint64_t harmed;          /* the generation that was last harmed */
    int pid_fd;               /* the killed process, until it is dead; -1: none */
    bool recovering;          /* its recovery from a kill is being measured */
    bool died;                /* it is dead, and no status has been seen since */
    uint64_t killed_us;       /* when it was killed */
    uint64_t acked_then;      /* the acked seq when it died */
};

struct chaos_watch {
    const struct topology *topology;
    struct chaos_report *report;
    size_t source;
    struct chaos_watched stages[PROCESSES_MAX];
    bool answered; /* the present supervisor has answered */
    unsigned supervisor_harms;
    bool supervisor_recovering;
    uint64_t supervisor_killed_us;
    uint64_t progress_us; /* when there was last progress or a disturbance */
};

void chaos_watch_init(struct chaos_watch *w, const struct topology *topology,
                      struct chaos_report *report, uint64_t now_us);

/* Notes which killed processes are dead by now. To be called before a status is requested. */
void chaos_watch_look_for_deaths(struct chaos_watch *w);

/* Takes a status. It is ignored if its stages are not those of the topology. */
void chaos_watch_see(struct chaos_watch *w, const struct status_snapshot *seen, uint64_t now_us);

/* Whether a stage has a process that was not harmed yet, and may be harmed. */
bool chaos_watch_may_harm(const struct chaos_watch *w, size_t stage);

/* Notes that a SIGKILL was sent at now_us. Takes over the pidfd of the process. */
void chaos_watch_killed(struct chaos_watch *w, size_t stage, int pid_fd, uint64_t now_us);

/* Notes that a SIGSTOP was sent. */
void chaos_watch_stopped(struct chaos_watch *w, size_t stage, uint64_t now_us);

/* Notes that the supervisor was sent a signal. Recoveries under way are no longer measured. */
void chaos_watch_supervisor_harmed(struct chaos_watch *w, bool killed, uint64_t now_us);

/* Notes that the supervisor has ended, with all its stages. Adds its restarts to the report. */
void chaos_watch_supervisor_gone(struct chaos_watch *w, uint64_t now_us);

/* Closes all pidfds. */
void chaos_watch_done(struct chaos_watch *w);

#endif
