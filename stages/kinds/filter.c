/* SPDX-License-Identifier: MIT */
/* filter: passes the records for which its conditions hold and drops the others. */
#include <stdlib.h>

#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/condition.h"
#include "stages/stage.h"

struct filter {
    struct condition_matcher *where;  /* NULL: not given */
    struct condition_matcher *unless; /* NULL: not given */
};

static const struct option_spec specs[] = {
    {.name = "where",
     .tag = OPTION_CONDITIONS,
     .meaning = "a record passes only if these hold: all of a map, or any map of a list"},
    {.name = "unless", .tag = OPTION_CONDITIONS, .meaning = "a record is dropped if these hold"},
    {0},
};

static void derive(struct kind_check *check)
{
    const struct option_value *where = options_get(check->options, "where");
    const struct option_value *unless = options_get(check->options, "unless");
    if (!where->present && !unless->present && !where->bad && !unless->bad)
        diagnostics_add(check->diagnostics, check->place,
                        "the filter '%s' needs 'where:' or 'unless:'", check->stage);
    *check->out = *check->in;
}

static struct condition_matcher *new_matcher(const struct stage *stage, const char *option)
{
    const struct option_value *value = options_get(stage->options, option);
    return value->present ? condition_matcher_new(value->conditions[0].conditions) : NULL;
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct filter *self = memory_new(1, sizeof *self);
    self->where = new_matcher(env->stage, "where");
    self->unless = new_matcher(env->stage, "unless");
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct filter *self = opaque;
    condition_matcher_free(self->where);
    condition_matcher_free(self->unless);
    free(self);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct filter *self = opaque;
    struct condition_fault fault;
    enum condition_result passes =
        self->where != NULL ? condition_try(self->where, in, &fault) : CONDITION_HOLDS;
    if (passes == CONDITION_HOLDS && self->unless != NULL) {
        passes = condition_try(self->unless, in, &fault);
        if (passes != CONDITION_UNKNOWN)
            passes = passes == CONDITION_HOLDS ? CONDITION_HOLDS_NOT : CONDITION_HOLDS;
    }
    if (passes == CONDITION_HOLDS)
        emitter_emit(out, in->fields);
    else if (passes == CONDITION_UNKNOWN)
        condition_refuse(&fault, in, out);
}

const struct stage_ops filter_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind filter_kind = {
    .name = "filter",
    .summary = "passes the records that meet conditions",
    .manual =
        "Drops and counts every record for which the conditions of 'where' do not hold or those "
        "of 'unless' do. A map of conditions holds if all of them hold; a list of maps holds if "
        "at least one of them does. A text that is not UTF-8, or that takes a pattern too many "
        "steps, makes the record a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "the fields of the conditions",
    .makes = "what it reads, unchanged",
    .reasons = DEAD_REASONS(CONDITION_REASONS),
    .options = specs,
    .derive = derive,
};
