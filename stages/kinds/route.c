/* SPDX-License-Identifier: MIT */
/*
 * route: sends each record to the first output whose conditions hold, or to the output `otherwise`.
 */
#include <stdlib.h>

#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/condition.h"
#include "stages/stage.h"

struct route {
    size_t count;
    struct condition_matcher *matchers[];
};

static const struct option_spec specs[] = {
    {.name = "outputs",
     .tag = OPTION_NAMED_CONDITIONS,
     .required = true,
     .meaning = "the conditions of each output; the first output whose conditions hold wins"},
    {.name = "otherwise",
     .tag = OPTION_TEXT,
     .required = true,
     .meaning = "the name of the output for all other records"},
    {0},
};

static void add_output(struct kind_check *check, const char *name, struct place place)
{
    struct contract *contract = kind_check_output(check, name, place);
    if (contract != NULL)
        *contract = *check->in;
}

static void derive(struct kind_check *check)
{
    const struct option_value *outputs = options_get(check->options, "outputs");
    const struct option_value *otherwise = options_get(check->options, "otherwise");
    for (size_t i = 0; i < outputs->count; i++)
        add_output(check, outputs->conditions[i].name, outputs->conditions[i].place);
    if (otherwise->text != NULL)
        add_output(check, otherwise->text, otherwise->place);
    check->outputs_open |= otherwise->text == NULL || (outputs->bad && outputs->count == 0);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    const struct option_value *outputs = options_get(env->stage->options, "outputs");
    struct route *self =
        memory_new(1, sizeof *self + outputs->count * sizeof(struct condition_matcher *));
    for (; self->count < outputs->count; self->count++)
        self->matchers[self->count] =
            condition_matcher_new(outputs->conditions[self->count].conditions);
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct route *self = opaque;
    for (size_t i = 0; i < self->count; i++)
        condition_matcher_free(self->matchers[i]);
    free(self);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct route *self = opaque;
    enum condition_result result = CONDITION_HOLDS_NOT;
    struct condition_fault fault;
    size_t i = 0;
    for (; i < self->count; i++) {
        result = condition_try(self->matchers[i], in, &fault);
        if (result != CONDITION_HOLDS_NOT)
            break;
    }
    if (result == CONDITION_UNKNOWN)
        condition_refuse(&fault, in, out);
    else
        emitter_emit_to(out, PORT_NAMED + (port_number)i, in->fields);
}

const struct stage_ops route_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind route_kind = {
    .name = "route",
    .summary = "sends each record to one of several outputs",
    .manual =
        "The outputs are tried in the order of the file. A record goes to the first output whose "
        "conditions hold, or else to the one named by 'otherwise'. The conditions are those of "
        "filter. Other stages read an output with 'from: STAGE.OUTPUT', and every output needs a "
        "reader; use discard to drop records on purpose. A text that is not UTF-8, or that takes "
        "a pattern too many steps, makes the record a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .named_outputs = true,
    .reads = "the fields of the conditions",
    .makes = "on every output what it reads, unchanged",
    .reasons = DEAD_REASONS(CONDITION_REASONS),
    .options = specs,
    .derive = derive,
};
