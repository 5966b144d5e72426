/* SPDX-License-Identifier: MIT */
/*
 * map: converts, rounds, drops, renames and sets fields, in this fixed order.
 *
 * All of it is worked out once, as a plan: what each field of the output is made of. Making the
 * plan finds the errors and the output's contract; a stage only executes it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "stages/kinds/kinds.h"
#include "stages/kinds/map_plan.h"
#include "stages/stage.h"

struct map {
    const struct map_plan *plan;
    struct buf texts[FIELDS_MAX]; /* bytes that the values of the current record need */
    struct value fields[FIELDS_MAX];
};

#define X(mode, name) name,
static const char *const round_modes[] = {ROUNDING_LIST(X) NULL};
static const char *const convert_modes[] = {ROUNDING_LIST(X) "exact", NULL};
#undef X

static const struct option_spec rename_specs[] = {
    {.name = "to", .tag = OPTION_TEXT, .required = true, .meaning = "the new name"},
    {0},
};
static const struct option_spec convert_specs[] = {
    {.name = "to", .tag = OPTION_TEXT, .required = true, .meaning = "the new type"},
    {.name = "format",
     .tag = OPTION_TEXT,
     .meaning = "the form of a text that becomes a timestamp; the default is RFC 3339"},
    {.name = "default", .tag = OPTION_TEXT, .meaning = "the value if an optional field has none"},
    {.name = "mode",
     .tag = OPTION_CHOICE,
     .fallback = "exact",
     .choices = convert_modes,
     .meaning = "how to round decimals that the new type does not have; exact: refuse the record"},
    {0},
};
static const struct option_spec round_specs[] = {
    {.name = "to",
     .tag = OPTION_TEXT,
     .required = true,
     .meaning = "values are rounded to a multiple of this step, like 0.05"},
    {.name = "mode",
     .tag = OPTION_CHOICE,
     .fallback = "half_even",
     .choices = round_modes,
     .meaning = "how to round; down is toward 0, and up away from it"},
    {0},
};
static const struct option_spec set_specs[] = {
    {.name = "type", .tag = OPTION_TEXT, .required = true, .meaning = "the type of the field"},
    {.name = "value", .tag = OPTION_TEXT, .required = true, .meaning = "the value of the field"},
    {0},
};
static const struct option_spec specs[] = {
    {.name = "convert",
     .tag = OPTION_FIELD_GROUPS,
     .members = convert_specs,
     .alone = "to",
     .meaning = "first: the new types of fields"},
    {.name = "round",
     .tag = OPTION_FIELD_GROUPS,
     .members = round_specs,
     .alone = "to",
     .meaning = "second: fields that are rounded to a multiple of a step"},
    {.name = "drop", .tag = OPTION_FIELDS, .meaning = "third: fields that are left out"},
    {.name = "rename",
     .tag = OPTION_FIELD_GROUPS,
     .members = rename_specs,
     .alone = "to",
     .meaning = "fourth: the new names of fields"},
    {.name = "set",
     .tag = OPTION_GROUPS,
     .members = set_specs,
     .meaning = "last: new fields with a constant value, after all others"},
    {0},
};

/* Whether a field will have this name regardless of the errors in other options. */
static bool is_sure(const struct kind_check *check, const struct map_step *step)
{
    return step->is_named || (!options_get(check->options, "rename")->bad &&
                              !options_get(check->options, "drop")->bad &&
                              check->in->fields[step->source].type.doubt != TYPE_MAYBE);
}

/*
 * Adds an error for two fields with the same name, at the option that gives one of them that name.
 */
static bool check_names(struct kind_check *check, const struct map_plan *plan)
{
    bool good = true;
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct map_step *one = &plan->steps[i], *other = &plan->steps[k];
            if (strcmp(one->name, other->name) != 0 || !is_sure(check, one) ||
                !is_sure(check, other))
                continue;
            diagnostics_add(check->diagnostics, one->is_named ? one->place : other->place,
                            "'%s' would make two fields named '%s'; drop or rename one",
                            check->stage, one->name);
            good = false;
        }
    }
    return good;
}

/* Adds as much of the output as is known despite errors: names, but no types. */
static void make_doubtful(struct kind_check *check, const struct map_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (text_is_name(plan->steps[i].name))
            contract_add_doubtful(check->out, plan->steps[i].name, TYPE_UNKNOWN);
    }
    check->out->open = check->in->open || check->out->count != plan->count ||
                       options_get(check->options, "rename")->bad ||
                       options_get(check->options, "drop")->bad ||
                       options_get(check->options, "set")->bad;
}

static bool has_doubts(const struct kind_check *check)
{
    static const char *const options[] = {"convert", "round", "drop", "rename", "set"};
    bool doubts = check->in->open;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        doubts |= options_get(check->options, options[i])->bad;
    for (size_t i = 0; i < check->in->count; i++)
        doubts |= check->in->fields[i].type.doubt != TYPE_CERTAIN;
    return doubts;
}

static void derive(struct kind_check *check)
{
    struct map_plan *plan = memory_new(1, sizeof *plan);
    check->plan = plan;
    bool good = map_plan_make(check->options, check->in, check->diagnostics, plan);
    good = check_names(check, plan) && good;
    if (plan->count == 0 && !check->in->open && !options_get(check->options, "drop")->bad &&
        !options_get(check->options, "set")->bad)
        diagnostics_add(check->diagnostics, check->place, "'%s' drops every field", check->stage);
    if (!good || has_doubts(check)) {
        make_doubtful(check, plan);
    } else {
        for (size_t i = 0; i < plan->count; i++)
            kind_check_makes(check, plan->steps[i].name, plan->steps[i].type, check->place);
    }
    for (size_t i = 0; i < plan->count; i++)
        plan->steps[i].name = NULL;
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct map *self = memory_new(1, sizeof *self);
    self->plan = env->stage->plan;
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct map *self = opaque;
    for (size_t i = 0; i < self->plan->count; i++)
        buf_done(&self->texts[i]);
    free(self);
}

static bool round_value(const struct map_step *step, struct value *value, struct misfit *ret_misfit)
{
    __int128 rounded =
        rounding_divide(value->integer, step->round_to, step->round_mode) * step->round_to;
    /* An amount can be read back only if its opposite is valid too: money_parse(). */
    __int128 low = value->tag == VALUE_MONEY ? -(__int128)INT64_MAX : INT64_MIN;
    *value = value_of_integer(value->tag, (int64_t)rounded);
    if (rounded >= low && rounded <= INT64_MAX && type_admits(type_held(step->type), value))
        return true;
    *ret_misfit = (struct misfit){&dead_overflow, "does not fit its type when rounded"};
    return false;
}

static bool make_field(const struct map_step *step, const struct record *in, struct buf *text,
                       struct value *ret_value, struct misfit *ret_misfit)
{
    if (step->source < 0) {
        *ret_value = step->constant;
        return true;
    }
    *ret_value = in->fields[step->source];
    if (step->converts &&
        !convert_value(&step->conversion, &in->fields[step->source], text, ret_value, ret_misfit))
        return false;
    return step->round_to == 0 || ret_value->tag == VALUE_OPTIONAL ||
           round_value(step, ret_value, ret_misfit);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    struct map *self = opaque;
    for (size_t i = 0; i < self->plan->count; i++) {
        const struct map_step *field = &self->plan->steps[i];
        struct misfit misfit;
        if (!make_field(field, in, &self->texts[i], &self->fields[i], &misfit)) {
            emitter_dead_record(out, misfit.reason, in, "the field '%s' %s",
                                emitter_stage(out)->in->fields[field->source].name, misfit.what);
            return;
        }
    }
    emitter_emit(out, self->fields);
}

const struct stage_ops map_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind map_kind = {
    .name = "map",
    .summary = "converts, rounds, drops, renames and sets fields",
    .manual =
        "The options are applied in this order, whatever their order in the file: convert, round, "
        "drop, rename, set. All of them except set refer to fields of the input by their names "
        "there. Text becomes any scalar type, and any scalar becomes text. Int, decimal and money "
        "convert to each other, money in whole units of its currency. A timestamp becomes its UTC "
        "date, and a date its first moment. optional(T) becomes T with a default. Fields keep "
        "their order, and those of set come last. A record with a field that cannot be converted "
        "is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "the fields that its options name",
    .makes = "what it reads, changed as its options say",
    .reasons = DEAD_REASONS(CONVERT_REASONS, &dead_record_too_large),
    .options = specs,
    .derive = derive,
    .free_plan = free,
};
