/* SPDX-License-Identifier: MIT */
/*
 * kind_run.h - one stage of a topology driven by hand, for the tests of kinds
 *
 * The topology is checked as any other; records go to the stage's ops directly. What comes out is
 * gathered as text: "OUTPUT {json}" a line, with "out", the name of an output, or "dead".
 */
#ifndef BULKHEAD_TESTS_UNIT_KIND_RUN_H
#define BULKHEAD_TESTS_UNIT_KIND_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/check.h"
#include "common/value_json.h"
#include "stages/emitter.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "topology/load.h"

struct kind_run {
    struct topology *topology;
    const struct stage *stage;
    void *self;
    struct emitter emitter;
    struct buf seen;
};

/* Appends a record as JSON. */
static inline void kind_run_print(const struct contract *contract, const struct value *fields,
                                  struct buf *out)
{
    for (size_t i = 0; i < contract->count; i++) {
        buf_add_format(out, "%s\"%s\":", i != 0 ? "," : "{", contract->fields[i].name);
        value_write_json(&fields[i], contract->fields[i].type, out);
    }
    buf_add_text(out, "}\n");
}

static inline void kind_run_on_emit(void *host, port_number port, const struct record *record)
{
    struct kind_run *run = host;
    const struct contract *contract = &run->stage->out;
    const char *name = "out";
    if (port == PORT_DEAD) {
        contract = &run->topology->dead_letter;
        name = "dead";
    } else if (port >= PORT_NAMED) {
        contract = &run->stage->outputs[port - PORT_NAMED].contract;
        name = run->stage->outputs[port - PORT_NAMED].name;
    }
    assert_int_equal(record->count, contract->count);
    buf_add_format(&run->seen, "%s ", name);
    kind_run_print(contract, record->fields, &run->seen);
}

/* Checks a topology; the caller frees it. */
static inline struct topology *kind_run_load(const char *text, enum topology_form form)
{
    struct topology *topology = NULL;
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (topology_load("t.yaml", text, strlen(text), bulkhead_kinds, form, &d, &topology) != 0) {
        struct buf errors = {0};
        diagnostics_print(&d, &errors);
        fail_msg("%s", buf_text(&errors));
    }
    diagnostics_done(&d);
    return topology;
}

/* Opens a stage of a topology that outlives the run. */
static inline void kind_run_start(struct kind_run *run, struct topology *topology,
                                  const char *stage)
{
    *run = (struct kind_run){.topology = topology, .stage = topology_find_stage(topology, stage)};
    assert_non_null(run->stage);
    emitter_init(&run->emitter, run->stage, false, kind_run_on_emit, run);
    struct stage_env env = {.topology = topology, .stage = run->stage};
    struct err e;
    assert_int_equal(run->stage->ops->open(&env, &run->self, &e), 0);
}

/* Checks a topology and opens one of its stages. */
static inline void kind_run_open(struct kind_run *run, const char *text, const char *stage)
{
    kind_run_start(run, kind_run_load(text, TOPOLOGY_LOGICAL), stage);
}

/* Gives the stage one record by an input; what comes out is added to run->seen. */
static inline void kind_run_step(struct kind_run *run, uint32_t input, const struct value *fields)
{
    struct record record = {.seq = emitter_seq(&run->emitter) + 1,
                            .fields = fields,
                            .count = run->stage->inputs[input].contract->count,
                            .input = input};
    emitter_begin(&run->emitter, &record);
    run->stage->ops->step(run->self, &record, &run->emitter);
}

/* Closes what kind_run_start() opened. */
static inline void kind_run_stop(struct kind_run *run)
{
    run->stage->ops->close(run->self);
    buf_done(&run->seen);
    emitter_done(&run->emitter);
}

/* Closes what kind_run_open() opened. */
static inline void kind_run_close(struct kind_run *run)
{
    kind_run_stop(run);
    topology_free(run->topology);
}

#endif
