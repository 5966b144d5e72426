/* SPDX-License-Identifier: MIT */
/*
 * runner.h - runs one stage, for either host
 *
 * Opens the stage with its store or cursor, feeds it records, counts, and commits. It knows nothing
 * about processes and links: what the stage emits goes to the emit function that the host provides.
 * Both hosts run exactly this code, which is why one can be the other's oracle.
 */
#ifndef BULKHEAD_STAGES_HOST_RUNNER_H
#define BULKHEAD_STAGES_HOST_RUNNER_H

#include <stdbool.h>

#include "common/bounds.h"
#include "common/err.h"
#include "ipc/status_page.h"
#include "stages/emitter.h"
#include "stages/host/quarantine.h"
#include "stages/stage.h"
#include "topology/graph.h"

/*
 * For the positions see docs/decisions/0023-given-and-done.md. The invariant: done <= given. What
 * leaves the stage or is made safe is governed by `done`; what it accepts, by `given`.
 */
struct runner {
    const struct stage *stage;
    const struct stage_ops *ops;
    void *self;
    struct store *store;
    int state_fd;
    _Atomic uint32_t *work; /* see runner_config */
    bool full;              /* see stage_env */
    struct quarantine quarantine;
    struct emitter emitter;
    seq_number begun;              /* the seq of the last record that the stage was given */
    seq_number given;              /* the stage was given all records up to this seq */
    seq_number done;               /* all outputs up to this seq have been emitted */
    size_t ends_wanted, ends_come; /* the number of inputs, and of those that have ended */
    struct status_counts counts;   /* seqs up to counts.through are not counted again */
    struct status_counts whole;    /* the counts before the current seq, which may be incomplete */
};

struct runner_config {
    const struct topology *topology;
    const struct stage *stage;
    int stages_fd;           /* directory that holds one directory for every stage; borrowed */
    int image_fd;            /* for the store, or -1; borrowed */
    seq_number begins_after; /* see stage_env */
    bool first;              /* see stage_env */
    _Atomic uint64_t *beats; /* incremented during long work in opening; may be NULL */
    _Atomic uint32_t *work;  /* where to show an enum status_work; may be NULL */
    /* See store_spec. NULL where stages share a process, so that none has its own memory_max. */
    void (*on_none)(const struct err *e);
    const struct stage_input *input; /* for a kind that takes_stdin; borrowed */
    void (*note)(const char *text);  /* see stage_env */
    emit_function *emit;             /* receives what the stage emits */
    void *host;                      /* the first argument of emit */
};

/*
 * Opens a stage. The runner must not move while it is open.
 * Returns: 0, ERR_MISMATCH or ERR_CORRUPT (a restart would not help), ERR_IO, and others.
 */
int runner_open(struct runner *r, const struct runner_config *config, struct err *e);

/* Closes the stage; what was not committed is lost. Accepts a zeroed runner that was not opened. */
void runner_close(struct runner *r);

/* Whether the stage knows its own position: it has a state or a cursor. */
bool runner_has_position(const struct runner *r);

/* The last seq that is safe. Requires: runner_has_position(). */
seq_number runner_position(const struct runner *r);

/* Whether the stage has too much uncommitted to be given another record. */
bool runner_is_full(const struct runner *r);

/*
 * Whether a sink shows something that an earlier process wrote and this one has not reached.
 * runner_settle() removes it; call it when the source has emitted all there is and all of it is
 * acked. Returns 0, or an error after which the runner must be closed.
 */
bool runner_is_unsettled(const struct runner *r);
int runner_settle(struct runner *r, struct err *e);

/*
 * Announces a record that the stage will be given, if its kind has prepare(); see stage_ops.
 *
 *   place  from 0; no other announced record that is still waiting has the same place. A record
 *          whose place is STAGE_AHEAD_MAX or higher is not announced
 */
static inline void runner_announce(const struct runner *r, struct record *record, size_t place)
{
    if (r->ops->prepare == NULL || record->kind != RECORD_DATA || place >= STAGE_AHEAD_MAX)
        return;
    record->ahead = (uint32_t)place + 1;
    r->ops->prepare(r->self, record);
}

/*
 * Gives a record to a step or a sink, or, if it is in quarantine, to the dead letters.
 * Requires: records come in the order of their seqs. The end of the input comes once on every edge
 *           to the stage, and takes effect when it has come on all of them; until then no record
 *           with a later seq comes.
 * Returns:  0, ERR_NO_SPACE or ERR_AGAIN (the record was not processed; give it again), or another
 *           error.
 */
int runner_take(struct runner *r, const struct record *record, struct err *e);

/*
 * Says that the stage was given all records up to seq. It does no harm if it was given more. A seq
 * given by runner_take() is not complete until this is called, for more records of it may come.
 *
 * Steps, sinks and sources have emitted everything when they return, so the seqs are done as well.
 * A stage that answers later would move `done` once its answers are out.
 */
static inline void runner_complete(struct runner *r, seq_number seq)
{
    if (seq > r->given)
        r->given = r->done = seq;
}

/* Whether a seq has begun and is not complete. */
static inline bool runner_is_in_a_seq(const struct runner *r)
{
    return r->begun > r->given;
}

/*
 * Lets a source read one record. Its seq is then complete, and becomes r->given.
 * Returns 0, or what read() in stage_ops returned: ERR_END, ERR_AGAIN, ERR_UNFINISHED or an error.
 */
int runner_read(struct runner *r, struct err *e);

/* Whether the source's last ERR_AGAIN means that all available input was emitted. */
bool runner_gave_all(const struct runner *r);

/*
 * Lets a sink make visible what it was given, whether it is safe or not. Returns 0 or an error. A
 * lack of space is not an error here: the next commit reports it.
 */
int runner_flush(struct runner *r, struct err *e);

/*
 * Gets the counts of the stage up to `done`. Records of an incomplete seq are not counted, for they
 * come again after a kill. Returns false if nothing more was done since the last call.
 */
bool runner_count_done(struct runner *r, struct status_counts *ret_counts);

/*
 * Makes everything up to seq safe.
 * Requires: it is done.
 * Returns:  0, ERR_NO_SPACE or ERR_AGAIN (call this again later), or another error, after which the
 *           runner must be closed.
 */
int runner_commit(struct runner *r, seq_number seq, struct err *e);

#endif
