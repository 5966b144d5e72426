/* SPDX-License-Identifier: MIT */
/*
 * emitter.h - where the outputs of a stage go, for who runs the stage: runner.c, and tests
 *
 * What a kind does with it stands in stage.h, and all that a kind may know of it. The one who runs
 * the stage says where its outputs go, and before every record what they belong to.
 */
#ifndef BULKHEAD_STAGES_EMITTER_H
#define BULKHEAD_STAGES_EMITTER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/value.h"
#include "topology/graph.h"

/*
 * Takes a record that a stage puts out on a port, or the end of the input, which comes on every
 * port. All that the record points to is good until this returns.
 */
typedef void emit_function(void *host, port_number port, const struct record *record);

/* Private to emitter.c. */
struct emitter {
    emit_function *emit;
    void *host;
    const struct stage *stage;
    seq_number seq;
    uint64_t position;
    const struct record *in; /* that is worked on; NULL in a source */
    bool ordered;            /* some link that it feeds carries orders */
    uint64_t in_seq;         /* records put out for this seq so far */
    uint64_t in_record;      /* and for this record of it */
    struct buf order;        /* of the record that is being put out */
    uint64_t emitted;        /* records put out since emitter_take_counts() */
    uint64_t dead;           /* dead letters likewise */
    struct buf scratch;
};

/*
 * Prepares an emitter for a stage, which must outlive it.
 *
 *   ordered  some link that the stage feeds carries orders, see ipc/order.h
 *   emit     is given all that the stage puts out, and host with it
 */
void emitter_init(struct emitter *out, const struct stage *stage, bool ordered, emit_function *emit,
                  void *host);
void emitter_done(struct emitter *out);

/*
 * Begins with a record that the stage is given, or, with NULL, with what a source reads next. What
 * is put out until the next call has its seq and position; that of a source, what emitter_at() said
 * last. The record must live until then.
 */
void emitter_begin(struct emitter *out, const struct record *in);

/* The seq of what is put out now, or was last. */
static inline seq_number emitter_seq(const struct emitter *out)
{
    return out->seq;
}

/* Whether any record or dead letter was put out since emitter_take_counts(). */
static inline bool emitter_has_put_out(const struct emitter *out)
{
    return out->emitted + out->dead != 0;
}

/* How many records, and how many dead letters, were put out since the last call of this. */
static inline void emitter_take_counts(struct emitter *out, uint64_t *ret_emitted,
                                       uint64_t *ret_dead)
{
    *ret_emitted = out->emitted;
    *ret_dead = out->dead;
    out->emitted = out->dead = 0;
}

#endif
