/* SPDX-License-Identifier: MIT */
/*
 * stage.h - what the author of a kind writes, and what its code is given
 *
 * A step is pure: outputs and new state follow from the record and the state alone. It sees no
 * clock, no randomness, no environment, no files, and it cannot fail: a record that it cannot
 * handle goes to the dead letters. Sources and sinks do IO and may fail; then their process ends
 * and is started again, or the topology stops if that would not help (ERR_MISMATCH, ERR_CORRUPT).
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
 * Where the outputs of a stage go; its host has made it, see emitter.h. What is put out is copied
 * at once.
 */
struct emitter;

/* The stage that puts out. */
const struct stage *emitter_stage(const struct emitter *out);

/*
 * KIND_SOURCE: what is put out until the next call has this seq and this position, which is the
 * number of a line. To be called for every record that is read.
 */
void emitter_at(struct emitter *out, seq_number seq, uint64_t position);

/*
 * Puts out one record of the kind's output contract; one that is too large becomes a dead letter.
 * Only a kind that declares reasons may make records larger than those it takes.
 */
void emitter_emit(struct emitter *out, const struct value *fields);

/* As emitter_emit(), on an output with a name of its own: PORT_NAMED and on. */
void emitter_emit_to(struct emitter *out, port_number port, const struct value *fields);

/*
 * As emitter_emit(), for what a stage puts out of its state: sort_key, made with ipc/order.h, says
 * where it stands among all that the workers of the stage put out at this record or tick.
 * Requires: one worker alone would put out records in the order of their sort keys.
 */
void emitter_emit_sorted(struct emitter *out, const struct value *fields, const void *sort_key,
                         size_t sort_key_len);

/*
 * Puts out the end of the input, on every output. A source does, with a seq of its own; for other
 * stages it is done when they have got it.
 */
void emitter_end(struct emitter *out);

/*
 * Sends the current record to the dead letters. content is what a person needs to do it again: the
 * raw input if content_is_json is false, a JSON object if it is true. Content that is too long is
 * cut.
 * Requires: the kind declares the reason, or it is one that any kind may have: dead_poison, and,
 *           of those that declare reasons at all, dead_record_too_large.
 */
void emitter_dead(struct emitter *out, const struct dead_reason *reason, const void *content,
                  size_t content_len, bool content_is_json, const char *format, ...)
    __attribute__((format(printf, 6, 7)));

/* As emitter_dead(), with the record's fields as the content; of a packed record, its bytes. */
void emitter_dead_record(struct emitter *out, const struct dead_reason *reason,
                         const struct record *record, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

struct stage_input; /* see stage_input.h */

/* What a stage is opened with. All of it outlives the stage. */
struct stage_env {
    const struct topology *topology;
    const struct stage *stage;
    int stages_fd;                   /* that of all stages */
    int state_fd;                    /* the stage's own directory; -1 in check(): it is new */
    bool durable;                    /* durability: host */
    seq_number begins_after;         /* nothing up to here is this stage's to do */
    bool first;                      /* no process of this stage was there before in this run */
    struct store *store;             /* NULL unless the kind has a store_spec */
    const struct stage_input *input; /* NULL unless the kind takes_stdin */
    void (*note)(const char *text);  /* says something to a person, who need not act at once */
    /* A sink sets it while so much is not committed that it is to be given no record before. */
    bool *full;
    /* For beat_once() in long work of open(), which looks like a hung stage otherwise. */
    _Atomic uint64_t *beats;
};

struct stage_ops {
    /*
     * Before the start, in the supervisor: is there anything that is known to be wrong already,
     * such as a file that cannot be opened? May be NULL. Must leave everything as it is.
     * Returns 0, or an error that stops the start.
     */
    int (*preflight)(const struct topology *topology, const struct stage *stage, struct err *e);

    /*
     * Before the start, in the supervisor, under the lock: whether what the stage would open and
     * what is kept of it belong together, as open() would find. May be NULL. Must leave everything
     * as it is; what another process does meanwhile is found by open(). Returns 0, or what open()
     * would.
     */
    int (*check)(const struct stage_env *env, struct err *e);

    /* Makes the stage. *ret_self is given to all others, and to close() at last. */
    int (*open)(const struct stage_env *env, void **ret_self, struct err *e);
    void (*close)(void *self);

    /*
     * KIND_STEP: a hint that step() will be given this record soon, or that a new life of the stage
     * will. What can be known of the record alone may be kept under in->ahead, a number from 1 to
     * STAGE_AHEAD_MAX that no other record in waiting has; memory may be fetched. The state may be
     * another by then. A record whose `ahead` is 0 was not announced. May be NULL.
     */
    void (*prepare)(void *self, const struct record *in);

    /* KIND_STEP: one record in, any number out. */
    void (*step)(void *self, const struct record *in, struct emitter *out);

    /*
     * KIND_STEP with a clock_option: event time has come to `time`, by the record whose step comes
     * next, or by one that has none here: another worker got it, or it is in quarantine. Not called
     * when that is not later than before; the clock of the store, if there is one, is moved by the
     * host right after. May be NULL.
     */
    void (*tick)(void *self, int64_t time, struct emitter *out);

    /* KIND_STEP with at_end: there is no more input, for now. */
    void (*end)(void *self, struct emitter *out);

    /*
     * KIND_SOURCE: reads one record, says with emitter_at() which, and emits it or a dead letter.
     * Returns 0, ERR_END (there is no more), ERR_AGAIN (there is none now, see wait()),
     * ERR_UNFINISHED (there is much to go through before the next: call it again at once, when
     * what was given out so far has gone its way), or an error. Where the topology marks_end, and
     * something was read since the last end, it gives out emitter_end() with the next seq before it
     * says ERR_END for the first time.
     */
    int (*read)(void *self, struct emitter *out, struct err *e);

    /*
     * KIND_SOURCE: whether the last ERR_AGAIN of read() means that all there is was given out, and
     * not that it cannot be told yet where it goes on. NULL: it always does.
     */
    bool (*gave_all)(const void *self);

    /*
     * KIND_SOURCE: takes nothing more in; read() gives what was taken already, then ERR_END. NULL
     * for those that take nothing in before it is read: the host just reads no more.
     */
    void (*drain)(void *self);

    /*
     * KIND_SOURCE: stage `name` downstream, or one behind it, has all up to seq, and will take what
     * comes again of it for what it had. If that would be something else, because what it was given
     * is gone from the input, the answer is ERR_CORRUPT or ERR_MISMATCH: no restart brings it back.
     * May be NULL.
     */
    int (*peer_has)(void *self, const char *name, seq_number seq, struct err *e);

    /*
     * For those whose functions may say ERR_AGAIN: what to wait for before they are called again.
     *
     *   ret_sign        the descriptor, and with POLLIN or POLLOUT the direction, that tell by
     *                   poll(2); its fd is -1 if nothing tells. What waits with POLLOUT is shown as
     *                   waiting for a reader outside
     *   ret_timeout_ms  after which it is tried without a sign; -1: never
     *
     * NULL for those that never wait.
     */
    void (*wait)(const void *self, struct pollfd *ret_sign, int *ret_timeout_ms);

    /*
     * KIND_SINK: whether a record is one that cannot be written, which follows from it and from
     * what was written before; then its dead letter is put out, and write() does not see it. May be
     * NULL.
     */
    bool (*refuse)(const void *self, const struct record *in, struct emitter *out);

    /*
     * KIND_SINK: takes one record; it need not be safe before commit(). ERR_NO_SPACE says that it
     * was not taken and will be given again; so does ERR_AGAIN, when wait() says so.
     */
    int (*write)(void *self, const struct record *in, struct err *e);

    /*
     * KIND_SINK: there is no more to write for now. Shows what was written, which may be seen
     * before it is safe: a new process would write the same. May be NULL for those that show it by
     * commit() alone. Whatever was not shown is left to commit(), so ERR_NO_SPACE does no harm.
     */
    int (*flush)(void *self, struct err *e);

    /*
     * KIND_SINK: whether something can be seen that a former life has written and this one has not
     * come to yet. NULL if that cannot be.
     */
    bool (*is_unsettled)(const void *self);

    /*
     * KIND_SINK with is_unsettled(): the source has given out all there is, and all of it is acked.
     * So what a former life has written and this one has not will never come: takes it away.
     */
    int (*settle)(void *self, struct err *e);

    /*
     * KIND_SOURCE and KIND_SINK: the last seq that is safe; where a new process goes on. Never
     * below begins_after. A source has its cursor on the disk before it gives out its first record.
     */
    seq_number (*position)(const void *self);

    /*
     * KIND_SOURCE and KIND_SINK: makes everything up to seq safe, and nothing beyond: what was read
     * or written of later seqs comes again after a restart. After ERR_NO_SPACE, or ERR_AGAIN from a
     * KIND_SINK, it is called again, with the same seq or a later one.
     */
    int (*commit)(void *self, seq_number seq, struct err *e);

    /* KIND_SOURCE: how much of the input is read, for the progress bar. May be NULL. */
    void (*progress)(const void *self, uint64_t *ret_done, uint64_t *ret_total);
};

#endif
