/* SPDX-License-Identifier: MIT */
/*
 * runner.h - one stage brought to life, for either host
 *
 * Opens the stage with its store or cursor, feeds it records, counts, and commits. It knows
 * nothing of processes and links: what the stage emits goes to the emit function that the host
 * gives. Both hosts run exactly this code, which is why one can be the other's oracle.
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
 * Positions, see docs/decisions/0023-given-and-done.md. The invariant: done <= given. What leaves
 * the stage or is made safe goes by `done`; what it takes in goes by `given`.
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
    seq_number begun;              /* the last record that it was given had this seq */
    seq_number given;              /* it was given all records up to here */
    seq_number done;               /* all outputs up to here are out */
    size_t ends_wanted, ends_come; /* inputs, and those of them that the end has come by */
    struct status_counts counts;   /* through: do not count again what is not above */
    struct status_counts whole;    /* counts before the seq in hand, which may end half done */
};

struct runner_config {
    const struct topology *topology;
    const struct stage *stage;
    int stages_fd;           /* directory that holds one directory for every stage; borrowed */
    int image_fd;            /* for the store, or -1; borrowed */
    seq_number begins_after; /* see stage_env */
    bool first;
    _Atomic uint64_t *beats; /* moved on by long work in opening; or NULL */
    _Atomic uint32_t *work;  /* shows an enum status_work; or NULL */
    /* See store_spec; NULL where stages share a process, and none has a memory_max of its own. */
    void (*on_none)(const struct err *e);
    const struct stage_input *input; /* for a kind that takes_stdin; borrowed */
    void (*note)(const char *text);
    emit_function *emit; /* takes what the stage puts out, with host */
    void *host;
};

/*
 * Opens a stage. The runner must not move while it is open.
 * Returns: 0; ERR_MISMATCH or ERR_CORRUPT if a restart would not help; ERR_IO and others.
 */
int runner_open(struct runner *r, const struct runner_config *config, struct err *e);

/* Closes it; what was not committed is gone. Takes one that was never opened, if zeroed. */
void runner_close(struct runner *r);

/* Whether the stage itself knows where it goes on: it has a state or a cursor. */
bool runner_has_position(const struct runner *r);

/* The last seq that is safe. Requires: runner_has_position(). */
seq_number runner_position(const struct runner *r);

/* Whether so much is uncommitted that no record may be given to it. */
bool runner_is_full(const struct runner *r);

/*
 * Whether a sink shows something that a former life has written and this one has not come to.
 * runner_settle() takes it away, and says so: when the source has given out all there is, and all
 * of it is acked. Returns 0, or an error, after which the runner must be closed.
 */
bool runner_is_unsettled(const struct runner *r);
int runner_settle(struct runner *r, struct err *e);

/*
 * Tells the stage, if its kind wants to know, of a record that will be given to it: see prepare()
 * in stage_ops. place: from 0, of no other record that was announced and not given. That of a place
 * too high is not announced.
 */
static inline void runner_announce(const struct runner *r, struct record *record, size_t place)
{
    if (r->ops->prepare == NULL || record->kind != RECORD_DATA || place >= STAGE_AHEAD_MAX)
        return;
    record->ahead = (uint32_t)place + 1;
    r->ops->prepare(r->self, record);
}

/*
 * Gives a record to a step or a sink, or, if it is in quarantine, to the dead letters. Records come
 * in order of their seqs. The end of the input comes by every edge to the stage, and counts when it
 * has come by all; until then no record with a later seq may come.
 * Returns: 0, ERR_NO_SPACE or ERR_AGAIN (it was not taken; give it again), or an error.
 */
int runner_take(struct runner *r, const struct record *record, struct err *e);

/*
 * Says that the stage was given all records up to seq; that it was given more already is no harm.
 * What it was given by runner_take() is not complete until then, for there may be more of its seq.
 * A step, a sink and a source have put out all that they will when they return, so that much is
 * done too. A stage whose answers come later would move `done` when they are out, and in no other
 * way.
 */
static inline void runner_complete(struct runner *r, seq_number seq)
{
    if (seq > r->given)
        r->given = r->done = seq;
}

/* Whether a seq was begun, and is not complete. */
static inline bool runner_is_in_a_seq(const struct runner *r)
{
    return r->begun > r->given;
}

/*
 * Lets a source read one record; it is complete then, and r->given its seq.
 * Returns 0, ERR_END, ERR_AGAIN, or an error.
 */
int runner_read(struct runner *r, struct err *e);

/* Whether its last ERR_AGAIN means that all there is was given out. */
bool runner_gave_all(const struct runner *r);

/*
 * Lets a sink show what it was given, safe or not. Returns 0, or an error; without space, 0: the
 * next commit tells of it.
 */
int runner_flush(struct runner *r, struct err *e);

/*
 * What the stage has counted up to `done`: not what it was given of a seq that is not complete, for
 * after a kill all of that comes again. Returns false if nothing more is done since the last call.
 */
bool runner_count_done(struct runner *r, struct status_counts *ret_counts);

/*
 * Makes everything up to seq safe. Requires: it is done.
 * Returns: 0, ERR_NO_SPACE or ERR_AGAIN (call it again later), or an error, after which the runner
 * must be closed.
 */
int runner_commit(struct runner *r, seq_number seq, struct err *e);

#endif
