/* SPDX-License-Identifier: MIT */
#include "stages/runner.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/check.h"
#include "common/file.h"
#include "common/memory.h"

static int load_quarantine(struct runner *r, const struct runner_config *config, struct err *e)
{
    char *owner = memory_format("%s/%s", config->topology->name, config->stage->name);
    int rc = quarantine_load(r->state_fd, owner, &r->quarantine, e);
    free(owner);
    return rc == 0 ? 0 : err_wrap(e, "'stages/%s'", config->stage->name);
}

/* What a store is: whose, and what its keys and values mean. That of another stage is refused. */
static void describe_store(const struct runner_config *config, struct store_spec *ret_spec)
{
    const struct stage *stage = config->stage;
    stage->kind->ops->store_spec(stage, ret_spec);
    struct buf text = {0};
    buf_add_format(&text, "%s/%s %s", config->topology->name, stage->name, ret_spec->schema);
    store_spec_set_schema(ret_spec, buf_text(&text));
    buf_done(&text);
}

int runner_open(struct runner *r, const struct runner_config *config, struct err *e)
{
    *r = (struct runner){.stage = config->stage, .ops = config->stage->kind->ops, .state_fd = -1};
    r->emitter.emit = config->emit;
    r->emitter.stage = config->stage;
    bool durable = config->topology->durability == DURABILITY_HOST;
    int rc = file_make_dir(config->stages_fd, config->stage->name, &r->state_fd, e);
    if (rc == 0 && topology_may_quarantine(config->topology, config->stage->index))
        rc = load_quarantine(r, config, e);
    if (rc == 0 && r->ops->store_spec != NULL) {
        struct store_spec spec;
        describe_store(config, &spec);
        spec.beats = config->beats;
        rc = store_open(r->state_fd, config->image_fd, &spec, durable, &r->store, e);
        if (rc != 0)
            (void)err_wrap(e, "state in 'stages/%s'", config->stage->name);
    }
    if (rc == 0) {
        struct stage_env env = {.topology = config->topology,
                                .stage = config->stage,
                                .state_fd = r->state_fd,
                                .durable = durable,
                                .fresh = config->fresh,
                                .first = config->first,
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
    return 0;
}

void runner_close(struct runner *r)
{
    if (r->self != NULL)
        r->ops->close(r->self);
    store_close(r->store);
    if (r->ops != NULL && r->state_fd >= 0)
        (void)close(r->state_fd);
    buf_done(&r->emitter.scratch);
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
    return r->store != NULL && store_is_full(r->store);
}

/* Adds what the emitter saw of one record, unless a former life has counted it. */
static void count(struct runner *r, bool is_sink)
{
    uint64_t emitted = r->emitter.emitted, dead = r->emitter.dead;
    r->emitter.emitted = r->emitter.dead = 0;
    if (r->emitter.seq <= r->counts.through)
        return;
    r->counts.in++;
    r->counts.out += is_sink ? 1 : emitted;
    r->counts.dead += dead;
    r->counts.dropped += !is_sink && emitted + dead == 0 ? 1 : 0;
}

int runner_take(struct runner *r, const struct record *record, struct err *e)
{
    r->emitter.seq = record->seq;
    r->emitter.position = record->position;
    const struct quarantine_entry *entry = quarantine_find(&r->quarantine, record->seq);
    bool is_sink = r->ops->write != NULL && entry == NULL;
    int rc = 0;
    if (entry != NULL) {
        emitter_dead_record(&r->emitter, DEAD_POISON, record, "%u times in a row, its stage %s%s%s",
                            POISON_DEATHS_MAX, entry->cause,
                            entry->words[0] != '\0' ? "; last words: " : "", entry->words);
    } else if (is_sink) {
        rc = r->ops->write(r->self, record, e);
        if (rc == ERR_NO_SPACE)
            return rc;
    } else {
        if (r->store != NULL)
            store_begin(r->store, record->seq);
        r->ops->step(r->self, record, &r->emitter);
    }
    if (rc == 0)
        count(r, is_sink);
    return rc;
}

int runner_read(struct runner *r, struct err *e)
{
    int rc = r->ops->read(r->self, &r->emitter, e);
    if (rc == 0)
        count(r, false);
    return rc;
}

int runner_commit(struct runner *r, seq_number seq, struct err *e)
{
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
