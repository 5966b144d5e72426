/* SPDX-License-Identifier: MIT */
/*
 * merge: combines several flows into one, in the order of the records' seqs and, within a seq, of
 * the inputs. The host delivers the records in that order, and the checker has made sure that all
 * inputs have the same fields. The fields are only put in one order here.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"

struct merge_plan {
    size_t field_count; /* the number of fields of each input */
    bool with_origin;
    size_t places[]; /* for each input, the place of each output field in it */
};

struct merge {
    const struct merge_plan *plan;
    const struct stage *stage;
    struct value fields[FIELDS_MAX];
};

static const struct option_spec specs[] = {
    {.name = "origin",
     .tag = OPTION_TEXT,
     .meaning = "the name of a field to add: the input of the record, as written in 'from:'"},
    {0},
};

static struct merge_plan *make_plan(struct kind_check *check)
{
    size_t count = check->in->count;
    struct merge_plan *plan =
        memory_new(1, sizeof *plan + check->input_count * count * sizeof plan->places[0]);
    plan->field_count = count;
    plan->with_origin = options_get(check->options, "origin")->present;
    for (size_t i = 0; i < check->input_count; i++) {
        for (size_t k = 0; k < count; k++) {
            int at = contract_find(check->inputs[i].contract, check->in->fields[k].name);
            if (at >= 0)
                plan->places[i * count + k] = (size_t)at;
            else /* the check of the flow finds this, unless another program made the check */
                diagnostics_add(check->diagnostics, check->place, "'%s' does not have '%s'",
                                check->inputs[i].from, check->in->fields[k].name);
        }
    }
    return plan;
}

static void derive(struct kind_check *check)
{
    *check->out = *check->in;
    const struct option_value *origin = options_get(check->options, "origin");
    if (origin->bad)
        check->out->open = true;
    else if (origin->present &&
             diagnostics_check_name(check->diagnostics, origin->place, origin->text))
        kind_check_makes(check, origin->text, (struct type){.tag = VALUE_STRING}, origin->place);
    if (kind_check_is_good(check))
        check->plan = make_plan(check);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct merge *self = memory_new(1, sizeof *self);
    self->plan = env->stage->plan;
    self->stage = env->stage;
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    free(opaque);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct merge *self = opaque;
    size_t count = self->plan->field_count;
    const size_t *places = self->plan->places + in->input * count;
    for (size_t i = 0; i < count; i++)
        self->fields[i] = in->fields[places[i]];
    if (self->plan->with_origin) {
        const char *from = self->stage->inputs[in->input].from;
        self->fields[count] = value_of_bytes(VALUE_STRING, from, strlen(from));
    }
    emitter_emit(out, self->fields);
}

const struct stage_ops merge_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind merge_kind = {
    .name = "merge",
    .summary = "merges several flows into one",
    .manual =
        "All inputs must have the same fields, in any order; the output has them in the order of "
        "the first input. Records come in the order of the source. Records that were made from "
        "the same record of the source come in the order of 'from:'. A record whose text would be "
        "too large with its origin is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .merges = true,
    .reads = "the same fields from every input",
    .makes = "the fields of the first input; with origin, its field (a string)",
    .reasons = DEAD_REASONS(&dead_record_too_large),
    .options = specs,
    .derive = derive,
    .free_plan = free,
};
