/* SPDX-License-Identifier: MIT */
/*
 * merge: one flow out of several, in the order that the records have by their seqs and, within one
 * seq, by the order of the inputs. The host brings them in that order, and the checker has seen to
 * it that all have the same fields; here they get one form.
 */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "stages/kinds/kinds.h"
#include "stages/stage.h"

struct merge {
    size_t field_count; /* of the inputs */
    bool with_origin;
    const struct stage *stage;
    size_t *places; /* for each input: where each field of the output stands in it */
    struct value fields[FIELDS_MAX];
};

static const struct option_spec specs[] = {
    {.name = "origin",
     .tag = OPTION_TEXT,
     .meaning = "add a field of this name: by which input the record came, as 'from:' names it"},
    {0},
};

static void derive(struct kind_check *check)
{
    *check->out = *check->in;
    const struct option_value *origin = options_get(check->options, "origin");
    if (origin->bad)
        check->out->open = true;
    else if (origin->present && !text_is_name(origin->text))
        diagnostics_add(check->diagnostics, origin->place,
                        "'%s' is no name; use a letter, then letters, digits, '-' and '_'",
                        origin->text);
    else if (origin->present)
        kind_check_makes(check, origin->text, (struct type){.tag = VALUE_STRING}, origin->place);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    const struct stage *stage = env->stage;
    struct merge *self = memory_new(1, sizeof *self);
    self->stage = stage;
    self->with_origin = options_get(stage->options, "origin")->present;
    self->field_count = stage->in->count;
    self->places = memory_new(stage->input_count * self->field_count, sizeof *self->places);
    for (size_t i = 0; i < stage->input_count; i++) {
        for (size_t k = 0; k < self->field_count; k++) {
            int at = contract_find(stage->inputs[i].contract, stage->in->fields[k].name);
            INVARIANT(at >= 0);
            self->places[i * self->field_count + k] = (size_t)at;
        }
    }
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct merge *self = opaque;
    free(self->places);
    free(self);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct merge *self = opaque;
    const size_t *places = self->places + in->input * self->field_count;
    for (size_t i = 0; i < self->field_count; i++)
        self->fields[i] = in->fields[places[i]];
    if (self->with_origin) {
        const char *from = self->stage->inputs[in->input].from;
        self->fields[self->field_count] = value_of_bytes(VALUE_STRING, from, strlen(from));
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
    .summary = "makes one flow of several",
    .manual = "All inputs must have the same fields, in any order; the output has them in the "
              "order of the first one. Records come in the order of the source; what was made of "
              "one record of the source comes in the order of 'from:'. A record whose text would "
              "be too large with its origin is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .merges = true,
    .reads = "the same fields from every input",
    .makes = "the fields of the first input; with origin, that too: string",
    .reasons = DEAD_REASONS(&dead_record_too_large),
    .options = specs,
    .derive = derive,
};
