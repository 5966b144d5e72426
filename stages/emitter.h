/* SPDX-License-Identifier: MIT */
/*
 * emitter.h - where the outputs of a stage go, for the code that runs the stage: runner.c and tests
 *
 * stage.h has everything that a kind may know about an emitter. The code that runs a stage says
 * where its outputs go, and, before every record, which record they belong to.
 */
#ifndef BULKHEAD_STAGES_EMITTER_H
#define BULKHEAD_STAGES_EMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"
#include "topology/graph.h"

/*
 * Receives a record that a stage emits on a port, or the end of the input, which is emitted on
 * every port. Everything that the record points to stays valid until this returns.
 */
typedef void emit_function(void *host, port_number port, const struct record *record);

/* Private to emitter.c. */
struct emitter {
    emit_function *emit;
    void *host;
    const struct stage *stage;
    seq_number seq;
    uint64_t position;
    const struct record *in; /* the record being processed; NULL in a source */
    bool ordered;            /* some link that the stage feeds carries orders */
    uint64_t in_seq;         /* records emitted for the current seq so far */
    uint64_t in_record;      /* records emitted for the current record so far */
    struct buf order;        /* the order of the record being emitted */
    uint64_t emitted;        /* records emitted since emitter_take_counts() */
    uint64_t dead;           /* dead letters emitted since emitter_take_counts() */
    struct buf scratch;
};

/*
 * Prepares an emitter for a stage, which must outlive it.
 *
 *   ordered  whether some link that the stage feeds carries orders; see ipc/order.h
 *   emit     receives everything that the stage emits, with `host` as its first argument
 */
void emitter_init(struct emitter *out, const struct stage *stage, bool ordered, emit_function *emit,
                  void *host);
void emitter_done(struct emitter *out);

/*
 * Begins a record that the stage is about to process, or, with NULL, one that a source is about to
 * read. Everything emitted until the next call has the seq and position of this record; in a
 * source, those last set with emitter_at(). The record must stay valid until the next call.
 */
void emitter_begin(struct emitter *out, const struct record *in);

/* The seq of the records being emitted now, or emitted last. */
static inline seq_number emitter_seq(const struct emitter *out)
{
    return out->seq;
}

/* Whether any record or dead letter was emitted since emitter_take_counts(). */
static inline bool emitter_has_put_out(const struct emitter *out)
{
    return out->emitted + out->dead != 0;
}

/* Counts the records and the dead letters emitted since the last call of this function. */
static inline void emitter_take_counts(struct emitter *out, uint64_t *ret_emitted,
                                       uint64_t *ret_dead)
{
    *ret_emitted = out->emitted;
    *ret_dead = out->dead;
    out->emitted = out->dead = 0;
}

#endif
