/* SPDX-License-Identifier: MIT */
/*
 * stage.h - what the author of a kind writes, and what that code is given
 *
 * A step is pure: its outputs and its new state follow from the record and the old state, and from
 * nothing else. It sees no clock, no randomness, no environment and no files, and it cannot fail: a
 * record that it cannot handle goes to the dead letters.
 *
 * Sources and sinks do I/O and may fail. Their process then ends and is started again, or, if that
 * would not help (ERR_MISMATCH, ERR_CORRUPT), the topology stops.
 */
#ifndef BULKHEAD_STAGES_STAGE_H
#define BULKHEAD_STAGES_STAGE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "common/value.h"
#include "stages/dead_reasons.h"
#include "stages/store/store.h"
#include "topology/graph.h"

/*
 * Where the outputs of a stage go. The host creates it (see emitter.h). Whatever is emitted is
 * copied at once.
 */
struct emitter;

/* The stage whose outputs these are. */
const struct stage *emitter_stage(const struct emitter *out);

/*
 * KIND_SOURCE: sets the seq and the position (the line number) of everything emitted until the next
 * call. A source calls this for every record it reads.
 */
void emitter_at(struct emitter *out, seq_number seq, uint64_t position);

/*
 * Emits one record of the kind's output contract. A record that is too large becomes a dead letter
 * with the reason dead_record_too_large instead. A kind declares that reason if the texts of an
 * output can be longer in total than those of the record that it received.
 */
void emitter_emit(struct emitter *out, const struct value *fields);

/* Same as emitter_emit(), for a named output: `port` is PORT_NAMED or higher. */
void emitter_emit_to(struct emitter *out, port_number port, const struct value *fields);

/*
 * Same as emitter_emit(), for a record that a stage makes from its state. sort_key, built with
 * ipc/order.h, gives its place among all the records that the workers of the stage emit for this
 * record or tick.
 * Requires: a single worker would emit these records in the order of their sort keys.
 */
void emitter_emit_sorted(struct emitter *out, const struct value *fields, const void *sort_key,
                         size_t sort_key_len);

/*
 * Emits the end of the input on every output. A source calls this, with a seq of its own. For other
 * stages the host does it, once they have received the end.
 */
void emitter_end(struct emitter *out);

/*
 * Sends the current record to the dead letters.
 *
 *   content  what a person needs to process the record by hand: the raw input, or, if
 *            content_is_json is true, a JSON object; content that is too long is cut
 *   format   the message, as for printf(3)
 *
 * Requires: the kind declares the reason, or the reason is dead_poison, which any kind may give.
 */
void emitter_dead(struct emitter *out, const struct dead_reason *reason, const void *content,
                  size_t content_len, bool content_is_json, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/*
 * Same as emitter_dead(), with the fields of the record as the content; for a packed record, its
 * bytes.
 */
void emitter_dead_record(struct emitter *out, const struct dead_reason *reason,
                         const struct record *record, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct stage_input; /* see stage_input.h */

/* What a stage is opened with. All of it outlives the stage. */
struct stage_env {
    const struct topology *topology;
    const struct stage *stage;
    int stages_fd;           /* the directory that holds those of all stages */
    int state_fd;            /* the stage's own directory; -1 in check() if the stage is new */
    bool durable;            /* the topology has durability: host */
    seq_number begins_after; /* the stage has nothing to do for seqs up to this one */
    bool first;              /* this is the first process of the stage in this run */
    struct store *store;     /* NULL unless the kind has a store_spec */
    const struct stage_input *input; /* NULL unless the kind takes_stdin */
    void (*note)(const char *text);  /* logs a note to the user, who need not act on it at once */
    /*
     * Set by a sink while it must not be given another record before the next commit, because too
     * much is uncommitted.
     */
    bool *full;
    /* For beat_once(), during long work in open(), which would otherwise look like a hang. */
    _Atomic uint64_t *beats;
};

/*
 * The functions of a kind. Every kind has open() and close(). A comment that begins with a role
 * names a function that a kind of this role must have, unless the comment says that it may be NULL.
 */
struct stage_ops {
    /*
     * Runs in the supervisor before anything starts. Looks for what is certain to fail, such as a
     * file that cannot be opened. Must change nothing. May be NULL.
     * Returns: 0, or an error that stops the start.
     */
    int (*preflight)(const struct topology *topology, const struct stage *stage, struct err *e);

    /*
     * Runs in the supervisor before anything starts, with the state directory locked. Checks
     * whether what the stage would open and what is stored for it belong together, as open()
     * would. Must change nothing. Changes that another process makes later are left to open(). May
     * be NULL.
     * Returns: 0, or the error that open() would return.
     */
    int (*check)(const struct stage_env *env, struct err *e);

    /* Creates the stage. *ret_self is passed to all other functions, and finally to close(). */
    int (*open)(const struct stage_env *env, void **ret_self, struct err *e);
    void (*close)(void *self);

    /*
     * KIND_STEP: hints that step() is about to receive this record, in this process or in the next
     * one. The stage may prefetch memory. It may also store what follows from the record alone
     * under in->ahead, a number from 1 to STAGE_AHEAD_MAX that no other announced record has. The
     * state may have changed by the time of the step. A record whose `ahead` is 0 was not
     * announced. May be NULL.
     */
    void (*prepare)(void *self, const struct record *in);

    /* KIND_STEP: takes one record and emits any number. */
    void (*step)(void *self, const struct record *in, struct emitter *out);

    /*
     * KIND_STEP with a clock_option: event time has advanced to `time`. The cause is the record
     * whose step follows, or a record that has no step here because another worker received it or
     * because it is in quarantine. Called only if `time` is later than before. Right after the call
     * the host advances the clock of the store, if there is a store. May be NULL.
     */
    void (*tick)(void *self, int64_t time, struct emitter *out);

    /* KIND_STEP with at_end: there is no more input for now. */
    void (*end)(void *self, struct emitter *out);

    /*
     * KIND_SOURCE: reads one record, gives its place with emitter_at(), and emits it or a dead
     * letter.
     *
     * Where the topology marks_end, and something was read since the last end, the source calls
     * emitter_end() with the next seq before it first returns ERR_END.
     *
     * Returns: 0
     *          ERR_END         there is no more input
     *          ERR_AGAIN       there is no input now; wait() says what to wait for
     *          ERR_UNFINISHED  much must be read before the next record; call it again as soon as
     *                          what was emitted so far has been sent
     *          another error
     */
    int (*read)(void *self, struct emitter *out, struct err *e);

    /*
     * KIND_SOURCE: whether the last ERR_AGAIN of read() means that all available input was emitted.
     * The alternative is that the source cannot tell yet where the input continues. NULL: it always
     * means that.
     */
    bool (*gave_all)(const void *self);

    /*
     * KIND_SOURCE: stop accepting input. read() returns what was accepted before, then ERR_END.
     * NULL for sources that accept nothing before it is read: the host simply stops reading.
     */
    void (*drain)(void *self);

    /*
     * KIND_SOURCE: stage `name` downstream, or a stage downstream of it, already has everything up
     * to seq, and will discard those records when it receives them again. Returns ERR_CORRUPT or
     * ERR_MISMATCH if the source cannot produce the same records again because they are gone from
     * the input; no restart brings them back. May be NULL.
     */
    int (*peer_has)(void *self, const char *name, seq_number seq, struct err *e);

    /*
     * What to wait for after ERR_AGAIN, before the function that returned it is called again.
     *
     *   ret_sign        the descriptor to poll(2) and its direction, POLLIN or POLLOUT; its fd is
     *                   -1 if there is nothing to poll. With POLLOUT, the stage is shown as waiting
     *                   for an outside reader
     *   ret_timeout_ms  when to try again even if the descriptor is not ready; -1: never
     *
     * NULL if no function of the kind returns ERR_AGAIN.
     */
    void (*wait)(const void *self, struct pollfd *ret_sign, int *ret_timeout_ms);

    /*
     * KIND_SINK: whether a record cannot be written. The answer follows from the record and from
     * what was written before it. If so, this emits the dead letter, and write() is not called. May
     * be NULL.
     */
    bool (*refuse)(const void *self, const struct record *in, struct emitter *out);

    /*
     * KIND_SINK: writes one record, which need not be safe before commit(). ERR_NO_SPACE and
     * ERR_AGAIN mean that the record was not written and will be passed again, after ERR_AGAIN when
     * wait() says so.
     */
    int (*write)(void *self, const struct record *in, struct err *e);

    /*
     * KIND_SINK: there is nothing more to write for now. Makes what was written visible, even if it
     * is not safe yet: a new process would write the same. What could not be shown is left to
     * commit(), so ERR_NO_SPACE does no harm. May be NULL if only commit() makes it visible.
     */
    int (*flush)(void *self, struct err *e);

    /*
     * KIND_SINK: whether the output shows something that an earlier process wrote and this one has
     * not reached yet. NULL if that cannot happen.
     */
    bool (*is_unsettled)(const void *self);

    /*
     * KIND_SINK with is_unsettled(): the source has emitted all there is, and all of it is acked.
     * What an earlier process wrote and this one has not reached will therefore never come; this
     * removes it.
     */
    int (*settle)(void *self, struct err *e);

    /*
     * KIND_SOURCE and KIND_SINK: the last seq that is safe, after which a new process continues.
     * Never below begins_after. A source has its cursor on disk before it emits its first record.
     */
    seq_number (*position)(const void *self);

    /*
     * KIND_SOURCE and KIND_SINK: makes everything up to seq safe, and nothing beyond it: later seqs
     * that were read or written are processed again after a restart. After ERR_NO_SPACE, or
     * ERR_AGAIN from a KIND_SINK, it is called again with the same seq or a later one.
     */
    int (*commit)(void *self, seq_number seq, struct err *e);

    /* KIND_SOURCE: how much of the input has been read, for the progress bar. May be NULL. */
    void (*progress)(const void *self, uint64_t *ret_done, uint64_t *ret_total);
};

#endif
