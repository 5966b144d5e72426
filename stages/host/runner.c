/* SPDX-License-Identifier: MIT */
#include "stages/host/runner.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/check.h"
#include "stages/host/layout.h"
#include "topology/partition.h"

static int load_quarantine(struct runner *r, const struct runner_config *config, struct err *e)
{
    char path[LAYOUT_PATH_BYTES_MAX];
    char *owner = layout_owner(config->topology, config->stage);
    int rc = quarantine_load(r->state_fd, owner, &r->quarantine, e);
    free(owner);
    return rc == 0 ? 0 : err_wrap(e, "'%s'", layout_path(config->stage, path));
}

/* Opens the store, with the secret that the layout has if there are several workers. */
static int open_store(struct runner *r, const struct runner_config *config,
                      const struct store_spec *layout, bool durable, struct err *e)
{
    const struct stage *stage = config->stage;
    char path[LAYOUT_PATH_BYTES_MAX];
    struct store_spec spec;
    layout_store_spec(config->topology, stage, stage->worker, stage->workers, &spec);
    spec.has_secret = layout->has_secret;
    memcpy(spec.secret, layout->secret, sizeof spec.secret);
    spec.beats = config->beats;
    spec.on_none = config->on_none;
    spec.memory_bytes_max = config->on_none != NULL ? stage->memory_bytes_max : 0;
    spec.begins_after = config->begins_after;
    spec.first = config->first;
    int rc = store_open(r->state_fd, config->image_fd, &spec, durable, &r->store, e);
    return rc == 0 ? 0 : err_wrap(e, "state in '%s'", layout_path(stage, path));
}

static bool feeds_ordered(const struct topology *topology, size_t stage)
{
    for (size_t i = 0; i < topology->edge_count; i++) {
        if (topology->edges[i].from == stage && topology->edges[i].ordered)
            return true;
    }
    return false;
}

static size_t count_edges_to(const struct topology *topology, size_t stage)
{
    size_t count = 0;
    for (size_t i = 0; i < topology->edge_count; i++)
        count += topology->edges[i].to == stage ? 1 : 0;
    return count;
}

int runner_open(struct runner *r, const struct runner_config *config, struct err *e)
{
    *r = (struct runner){
        .stage = config->stage, .ops = config->stage->ops, .state_fd = -1, .work = config->work};
    emitter_init(&r->emitter, config->stage, feeds_ordered(config->topology, config->stage->index),
                 config->emit, config->host);
    r->ends_wanted = count_edges_to(config->topology, config->stage->index);
    bool durable = config->topology->durability == DURABILITY_HOST;
    struct store_spec layout = {0};
    int rc = layout_open(config->stages_fd, config->stage, &r->state_fd, &layout, e);
    if (rc == 0 && topology_may_quarantine(config->topology, config->stage->index))
        rc = load_quarantine(r, config, e);
    if (rc == 0 && config->stage->kind->store_spec != NULL)
        rc = open_store(r, config, &layout, durable, e);
    if (rc == 0) {
        struct stage_env env = {.topology = config->topology,
                                .stage = config->stage,
                                .stages_fd = config->stages_fd,
                                .state_fd = r->state_fd,
                                .durable = durable,
                                .begins_after = config->begins_after,
                                .first = config->first,
                                .full = &r->full,
                                .beats = config->beats,
                                .store = r->store,
                                .input = config->input,
                                .note = config->note};
        rc = r->ops->open(&env, &r->self, e);
    }
    if (rc != 0) {
        runner_close(r);
        return rc;
    }
    if (runner_has_position(r))
        runner_complete(r, runner_position(r));
    return 0;
}

void runner_close(struct runner *r)
{
    if (r->self != NULL)
        r->ops->close(r->self);
    store_close(r->store);
    if (r->ops != NULL && r->state_fd >= 0)
        (void)close(r->state_fd);
    emitter_done(&r->emitter);
    quarantine_done(&r->quarantine);
    *r = (struct runner){.state_fd = -1};
}

bool runner_has_position(const struct runner *r)
{
    return r->store != NULL || r->ops->position != NULL;
}

seq_number runner_position(const struct runner *r)
{
    REQUIRE(runner_has_position(r));
    return r->store != NULL ? store_committed(r->store) : r->ops->position(r->self);
}

bool runner_is_full(const struct runner *r)
{
    return r->store != NULL ? store_is_full(r->store) : r->full;
}

bool runner_is_unsettled(const struct runner *r)
{
    return r->ops->is_unsettled != NULL && r->ops->is_unsettled(r->self);
}

int runner_settle(struct runner *r, struct err *e)
{
    return runner_is_unsettled(r) ? r->ops->settle(r->self, e) : 0;
}

/*
 * Adds what was emitted for one record to the counts, unless an earlier process has counted it.
 * Ticks and the end are not records, but a stage may emit records for them. A stage that emits from
 * its state drops nothing: whether the time of a record makes a worker emit something says nothing
 * about that record.
 */
static inline void count(struct runner *r, bool is_data, bool is_sink)
{
    uint64_t emitted, dead;
    emitter_take_counts(&r->emitter, &emitted, &dead);
    if (emitter_seq(&r->emitter) <= r->counts.through)
        return;
    r->counts.in += is_data ? 1 : 0;
    r->counts.out += is_data && is_sink ? 1 : emitted;
    r->counts.dead += dead;
    bool may_drop = is_data && !is_sink && r->ops->tick == NULL;
    r->counts.dropped += may_drop && emitted + dead == 0 ? 1 : 0;
}

/* Shows whether the current record would be to blame if the stage died now, or something else. */
static void show_work(const struct runner *r, enum status_work work)
{
    if (r->work != NULL)
        atomic_store_explicit(r->work, work, memory_order_relaxed);
}

/*
 * Advances the stage's clock to the time of a record, or of one that another worker received. A
 * record in quarantine advances it too: the other workers do not know of the quarantine, and emit
 * at its seq what its time releases.
 */
static void advance_clock(struct runner *r, const struct record *record)
{
    int field = r->stage->clock_field;
    if (field < 0)
        return;
    int64_t time = record->kind == RECORD_TICK ? record->time : record->fields[field].integer;
    if (time <= store_clock(r->store))
        return;
    if (r->ops->tick != NULL) {
        show_work(r, STATUS_ON_TIME);
        r->ops->tick(r->self, time, &r->emitter);
        show_work(r, STATUS_ON_RECORD);
    }
    store_advance(r->store, time);
}

/*
 * Whether a record was processed before the number of workers changed, so that its effects are in
 * the state and its outputs safe downstream. What its time releases in other key groups is not, so
 * it still advances the clock.
 */
static bool is_done_already(const struct runner *r, const struct record *record)
{
    return r->store != NULL && record->kind == RECORD_DATA && !store_is_level(r->store) &&
           store_is_ahead(r->store, partition_group(r->stage, record));
}

/*
 * The end of the input comes on every edge, after everything else of its seq, and takes effect when
 * it has come on all of them. It is never skipped, whatever is in quarantine: what it releases
 * would remain in the state.
 */
static void take_end(struct runner *r, const struct record *end)
{
    r->ends_come++;
    if (r->ends_come < r->ends_wanted)
        return;
    r->ends_come = 0;
    if (r->store != NULL)
        store_begin(r->store, end->seq);
    if (r->ops->end != NULL) {
        show_work(r, STATUS_ON_END);
        r->ops->end(r->self, &r->emitter);
        show_work(r, STATUS_ON_RECORD);
    }
    count(r, false, false);
    emitter_end(&r->emitter);
}

int runner_take(struct runner *r, const struct record *record, struct err *e)
{
    if (record->seq != r->begun)
        r->whole = r->counts;
    r->begun = record->seq;
    emitter_begin(&r->emitter, record);
    if (record->kind == RECORD_END) {
        take_end(r, record);
        return 0;
    }
    bool is_data = record->kind == RECORD_DATA;
    /* Ticks are never skipped either. */
    const struct quarantine_entry *entry =
        is_data && r->quarantine.count != 0 ? quarantine_find(&r->quarantine, record->seq) : NULL;
    bool is_sink = r->ops->write != NULL && entry == NULL;
    int rc = 0;
    if (r->store != NULL) {
        store_begin(r->store, record->seq);
        advance_clock(r, record);
    }
    if (is_done_already(r, record))
        return 0;
    if (entry != NULL) {
        emitter_dead_record(&r->emitter, &dead_poison, record,
                            "%u times in a row, its stage %s%s%s", POISON_DEATHS_MAX, entry->cause,
                            entry->words[0] != '\0' ? "; its last words: " : "", entry->words);
    } else if (is_sink) {
        is_sink =
            !is_data || r->ops->refuse == NULL || !r->ops->refuse(r->self, record, &r->emitter);
        rc = is_data && is_sink ? r->ops->write(r->self, record, e) : 0;
        if (rc == ERR_NO_SPACE)
            return rc;
    } else if (is_data) {
        r->ops->step(r->self, record, &r->emitter);
    }
    if (rc == 0)
        count(r, is_data, is_sink);
    return rc;
}

int runner_read(struct runner *r, struct err *e)
{
    emitter_begin(&r->emitter, NULL);
    int rc = r->ops->read(r->self, &r->emitter, e);
    if (rc == 0) {
        count(r, emitter_has_put_out(&r->emitter), false);
        runner_complete(r, emitter_seq(&r->emitter));
    }
    return rc;
}

bool runner_gave_all(const struct runner *r)
{
    return r->ops->gave_all == NULL || r->ops->gave_all(r->self);
}

int runner_flush(struct runner *r, struct err *e)
{
    int rc = r->ops->flush != NULL ? r->ops->flush(r->self, e) : 0;
    return rc == ERR_NO_SPACE ? 0 : rc;
}

bool runner_count_done(struct runner *r, struct status_counts *ret_counts)
{
    if (r->counts.through >= r->done)
        return false;
    r->counts.through = r->done;
    *ret_counts = runner_is_in_a_seq(r) ? r->whole : r->counts;
    ret_counts->through = r->done;
    return true;
}

int runner_commit(struct runner *r, seq_number seq, struct err *e)
{
    REQUIRE(seq <= r->done);
    int rc = 0;
    if (r->store != NULL) {
        rc = store_commit(r->store, seq, e);
        if (rc == 0)
            rc = store_maintain(r->store, e);
    } else if (r->ops->commit != NULL) {
        rc = r->ops->commit(r->self, seq, e);
    }
    return rc;
}
