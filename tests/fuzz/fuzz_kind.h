/* SPDX-License-Identifier: MIT */
/*
 * fuzz_kind.h - one stage of a topology driven by hand, for the fuzz targets of kinds
 *
 * The topology is checked as any other; records go to the stage's ops directly. What comes out is of
 * its contract, and is gathered: as text, "out {json}" or "dead {json}" a line, and as values.
 */
#ifndef BULKHEAD_TESTS_FUZZ_FUZZ_KIND_H
#define BULKHEAD_TESTS_FUZZ_FUZZ_KIND_H

#include "common/buf.h"
#include "common/type_admits.h"
#include "common/value_json.h"
#include "stages/emitter.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/fuzz/fuzz.h"
#include "topology/load.h"

struct fuzz_kind {
    const struct topology *topology;
    const struct stage *stage;
    void *self;
    struct emitter emitter;
    struct buf seen;
    struct buf values; /* each as it is, not as it is written */
};

/* Appends a record as an object that json.decode takes. */
static inline void fuzz_kind_print(const struct contract *contract, const struct value *fields,
                                   struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        buf_add_format(out, "%s\"%s\":", i != 0 ? "," : "{", contract->fields[i].name);
        value_write_json(&fields[i], contract->fields[i].type, out);
    }
    buf_add_text(out, "}\n");
}

static inline void fuzz_kind_keep(const struct value *value, struct buf *out)
{
    buf_add_format(out, "%d:", value->tag);
    if (value_has_bytes(value)) {
        buf_add_format(out, "%u:", value->len);
        buf_add(out, value->bytes, value->len);
    } else if (value->tag == VALUE_BOOL) {
        buf_add_int(out, value->boolean ? 1 : 0);
    } else if (value->tag != VALUE_OPTIONAL) {
        buf_add_int(out, value->integer);
    }
}

static inline void fuzz_kind_on_emit(void *host, port_number port, const struct record *record)
{
    struct fuzz_kind *run = host;
    const struct contract *contract =
        port == PORT_DEAD ? &run->topology->dead_letter : &run->stage->out;
    ALWAYS(port == PORT_DEAD || port == PORT_OUT);
    ALWAYS(record->count == contract->count);
    for (size_t i = 0; i < record->count; i++) {
        ALWAYS(type_admits(contract->fields[i].type, &record->fields[i]));
        fuzz_kind_keep(&record->fields[i], &run->values);
    }
    buf_add_text(&run->seen, port == PORT_DEAD ? "dead " : "out ");
    fuzz_kind_print(contract, record->fields, &run->seen);
}

/* Checks a topology, which must be good; it stays as long as the process. */
static inline const struct topology *fuzz_kind_load(const char *text)
{
    struct topology *topology = NULL;
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_LOGICAL, &d,
                      &topology) != 0) {
        struct buf errors = {0};
        diagnostics_print(&d, &errors);
        (void)fputs(buf_text(&errors), stderr);
        abort();
    }
    diagnostics_done(&d);
    return topology;
}

/* Opens a stage of a topology that outlives the run; close it with fuzz_kind_close(). */
static inline void fuzz_kind_open(struct fuzz_kind *run, const struct topology *topology,
                                  const char *stage)
{
    *run = (struct fuzz_kind){.topology = topology, .stage = topology_find_stage(topology, stage)};
    ALWAYS(run->stage != NULL);
    emitter_init(&run->emitter, run->stage, false, fuzz_kind_on_emit, run);
    struct stage_env env = {.topology = topology, .stage = run->stage};
    struct err e;
    ALWAYS(run->stage->ops->open(&env, &run->self, &e) == 0);
}

/* Gives the stage one record, of a line alone; what comes out of that is in run->seen. */
static inline void fuzz_kind_step(struct fuzz_kind *run, const void *line, size_t len)
{
    struct value field = value_of_bytes(VALUE_BYTES, line, len);
    struct record record = {.seq = emitter_seq(&run->emitter) + 1, .fields = &field, .count = 1};
    buf_reset(&run->seen);
    buf_reset(&run->values);
    emitter_begin(&run->emitter, &record);
    run->stage->ops->step(run->self, &record, &run->emitter);
}

static inline void fuzz_kind_close(struct fuzz_kind *run)
{
    run->stage->ops->close(run->self);
    buf_done(&run->seen);
    buf_done(&run->values);
    emitter_done(&run->emitter);
}

static inline bool fuzz_kind_is_same(const struct fuzz_kind *a, const struct fuzz_kind *b)
{
    return a->seen.len == b->seen.len && memcmp(a->seen.data, b->seen.data, a->seen.len) == 0 &&
           a->values.len == b->values.len &&
           memcmp(a->values.data, b->values.data, a->values.len) == 0;
}

#endif
