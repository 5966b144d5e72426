/* SPDX-License-Identifier: MIT */
/*
 * map: renames, drops, converts, rounds and sets fields, in one fixed order.
 *
 * All of it is worked out once, as a plan: what each field of the output is made of. Making it
 * finds the errors and the output's contract; a stage works by it.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"
#include "common/type_admits.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/convert.h"
#include "stages/stage.h"

/* What becomes of one field of the input, or, if source is -1, what a field is set to. */
struct field_plan {
    int source;
    const char *name; /* while the plan is made, as it may be that of the input */
    bool is_named;    /* by an option, at this place */
    struct place place;
    struct type type;
    bool converts;
    struct conversion conversion;
    struct timestamp_form form;
    int64_t round_to; /* 0: it is not rounded */
    enum rounding round_mode;
    struct value constant;
};

struct plan {
    size_t count; /* FIELDS_MAX at most, if it is good */
    struct field_plan steps[2 * FIELDS_MAX];
};

struct map {
    const struct plan *plan;
    struct buf texts[FIELDS_MAX]; /* that the values of the record in hand need */
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
     .meaning = "the form of a text that becomes a timestamp; RFC 3339 if not given"},
    {.name = "default",
     .tag = OPTION_TEXT,
     .meaning = "the value where an optional field has none"},
    {.name = "mode",
     .tag = OPTION_CHOICE,
     .fallback = "exact",
     .choices = convert_modes,
     .meaning = "how decimals are rounded that the new type has not; exact: not at all"},
    {0},
};
static const struct option_spec round_specs[] = {
    {.name = "to",
     .tag = OPTION_TEXT,
     .required = true,
     .meaning = "the step that values become a multiple of, such as 0.05"},
    {.name = "mode",
     .tag = OPTION_CHOICE,
     .fallback = "half_even",
     .choices = round_modes,
     .meaning = "what becomes of the rest; up and down are seen from 0"},
    {0},
};
static const struct option_spec set_specs[] = {
    {.name = "type", .tag = OPTION_TEXT, .required = true, .meaning = "its type"},
    {.name = "value", .tag = OPTION_TEXT, .required = true, .meaning = "its value"},
    {0},
};
static const struct option_spec specs[] = {
    {.name = "convert",
     .tag = OPTION_FIELD_GROUPS,
     .members = convert_specs,
     .alone = "to",
     .meaning = "first: fields that get another type"},
    {.name = "round",
     .tag = OPTION_FIELD_GROUPS,
     .members = round_specs,
     .alone = "to",
     .meaning = "second: fields that are rounded to a step"},
    {.name = "drop", .tag = OPTION_FIELDS, .meaning = "third: fields that are left out"},
    {.name = "rename",
     .tag = OPTION_FIELD_GROUPS,
     .members = rename_specs,
     .alone = "to",
     .meaning = "fourth: fields that get another name"},
    {.name = "set",
     .tag = OPTION_GROUPS,
     .members = set_specs,
     .meaning = "last: fields with a constant value, behind all others"},
    {0},
};

static const struct option_value *member(const struct option_group *group, const char *name)
{
    return options_get(group->options, name);
}

/* The group of an option that is about a field of the input, or NULL. */
static const struct option_group *find_group(const struct option_value *option, size_t field)
{
    for (size_t i = 0; option->present && i < option->count; i++) {
        if (option->groups[i].index == (int)field)
            return &option->groups[i];
    }
    return NULL;
}

static bool is_dropped(const struct options *options, size_t field)
{
    const struct option_value *drop = options_get(options, "drop");
    for (size_t i = 0; drop->present && i < drop->count; i++) {
        if (drop->fields[i].index == (int)field)
            return true;
    }
    return false;
}

static struct type bare(struct type type)
{
    return type.tag == VALUE_OPTIONAL ? type_item(type) : type;
}

/* --- the plan: each plan_ function says whether it went well, and adds the error if not --- */

static bool plan_type(struct diagnostics *d, const struct option_value *text, struct type *ret_type)
{
    struct err e;
    if (text->bad)
        return false;
    if (type_parse(text->text, ret_type, &e) == 0)
        return true;
    diagnostics_add(d, text->place, "'%s' is no type; %s", text->text, e.text);
    return false;
}

/* A value that stands in the file, of a type. Texts are borrowed from the option. */
static bool plan_value(struct diagnostics *d, const struct option_value *text, struct type type,
                       const struct timestamp_form *form, struct value *ret_value)
{
    struct misfit misfit;
    unsigned tags = VALUE_TAGS_SCALAR;
    char name[TYPE_NAME_BYTES_MAX];
    if (text->bad)
        return false;
    if ((tags & 1u << bare(type).tag) == 0) {
        diagnostics_add(d, text->place, "a %s cannot be written as a value", type_name(type, name));
        return false;
    }
    if (text_value_read((const uint8_t *)text->text, strlen(text->text), type, form, ret_value,
                        &misfit))
        return true;
    diagnostics_add(d, text->place, "'%s: %s' is no value of the type %s: it %s", text->spec->name,
                    text->text, type_name(type, name), misfit.what);
    return false;
}

/* has_to: whether it is known what type the field becomes. */
static bool plan_form(struct diagnostics *d, const struct option_value *format, bool has_to,
                      struct field_plan *step)
{
    struct conversion *c = &step->conversion;
    struct err e;
    if (!format->present || format->bad)
        return !format->bad;
    unsigned texts = 1u << VALUE_STRING | 1u << VALUE_BYTES;
    bool is_text = c->from.doubt != TYPE_CERTAIN || (texts & 1u << bare(c->from).tag) != 0;
    if ((has_to && bare(c->to).tag != VALUE_TIMESTAMP) || !is_text) {
        diagnostics_add(d, format->place, "'format:' is for a text that becomes a timestamp");
        return false;
    }
    if (timestamp_form_read(format->text, &step->form, &e) != 0) {
        diagnostics_add(d, format->place, "'%s' is no form of a time: %s", format->text, e.text);
        return false;
    }
    c->form = &step->form;
    return true;
}

/* can_read: whether it is known what type the field becomes, and in which form. */
static bool plan_fallback(struct diagnostics *d, const struct option_value *fallback, bool can_read,
                          struct field_plan *step)
{
    struct conversion *c = &step->conversion;
    if (!fallback->present || fallback->bad)
        return !fallback->bad;
    if (c->from.doubt == TYPE_CERTAIN && c->from.tag != VALUE_OPTIONAL) {
        diagnostics_add(d, fallback->place,
                        "'default:' is for optional fields; '%s' is always there", step->name);
        return false;
    }
    c->has_fallback = true;
    return can_read && plan_value(d, fallback, c->to, c->form, &c->fallback);
}

/* Whether there is such a conversion, of two types that are known. */
static bool plan_types(struct diagnostics *d, const struct option_group *group,
                       struct field_plan *step)
{
    const struct option_value *to = member(group, "to");
    const struct option_value *mode = member(group, "mode");
    struct conversion *c = &step->conversion;
    char one[TYPE_NAME_BYTES_MAX], other[TYPE_NAME_BYTES_MAX];
    if (type_equal(c->from, c->to) || !convert_can(c->from, c->to)) {
        diagnostics_add(d, to->place,
                        type_equal(c->from, c->to) ? "'%s' is %s already"
                                                   : "'%s' is %s, which cannot be converted to %s",
                        step->name, type_name(c->from, one), type_name(c->to, other));
        return false;
    }
    if (mode->bad)
        return false;
    c->rounds = mode->number <= ROUNDING_UP;
    c->mode = c->rounds ? (enum rounding)mode->number : ROUNDING_DOWN;
    if (c->rounds && !convert_can_round(c->from, c->to)) {
        diagnostics_add(d, mode->place, "nothing is rounded from %s to %s", type_name(c->from, one),
                        type_name(c->to, other));
        return false;
    }
    return true;
}

static bool plan_conversion(struct diagnostics *d, const struct option_group *group,
                            struct field_plan *step)
{
    struct conversion *c = &step->conversion;
    c->from = step->type;
    step->converts = plan_type(d, member(group, "to"), &c->to);
    step->type = c->to;
    if (!step->converts)
        step->type.doubt = TYPE_UNKNOWN;
    bool good = step->converts && c->from.doubt == TYPE_CERTAIN && plan_types(d, group, step);
    bool has_form = plan_form(d, member(group, "format"), step->converts, step);
    bool can_read = step->converts && has_form;
    return plan_fallback(d, member(group, "default"), can_read, step) && has_form && good;
}

/* What can be said of a step for values of a type that is not known: it is above 0. */
static void check_step(struct diagnostics *d, const struct option_value *to)
{
    if (!to->bad && (*to->text == '-' || strpbrk(to->text, "123456789") == NULL))
        diagnostics_add(d, to->place, "'to: %s' is no step; it must be above 0", to->text);
}

static bool plan_rounding(struct diagnostics *d, const struct option_group *group,
                          struct field_plan *step)
{
    const struct option_value *to = member(group, "to");
    unsigned tags = 1u << VALUE_INT | 1u << VALUE_DECIMAL | 1u << VALUE_MONEY;
    char name[TYPE_NAME_BYTES_MAX];
    struct value value;
    bool known = step->type.doubt == TYPE_CERTAIN;
    bool suits = known && (tags & 1u << bare(step->type).tag) != 0;
    if (known && !suits)
        diagnostics_add(d, group->place, "'round:' is for int, decimal and money, but '%s' is %s",
                        step->name, type_name(step->type, name));
    if (!suits) {
        check_step(d, to);
        return false;
    }
    if (!plan_value(d, to, step->type, NULL, &value))
        return false;
    if (value.integer <= 0) {
        diagnostics_add(d, to->place, "'to: %s' is no step; it must be above 0", to->text);
        return false;
    }
    step->round_to = value.integer;
    step->round_mode = (enum rounding)member(group, "mode")->number;
    return true;
}

static bool plan_dropped(struct diagnostics *d, const struct options *options, size_t field)
{
    static const char *const others[] = {"convert", "round", "rename"};
    bool good = true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct option_group *group = find_group(options_get(options, others[i]), field);
        if (group != NULL)
            diagnostics_add(d, group->place, "'%s' is dropped; '%s:' has nothing to work on",
                            group->name, others[i]);
        good &= group == NULL;
    }
    return good;
}

static bool plan_field(struct diagnostics *d, const struct options *options,
                       const struct contract *in, size_t field, struct field_plan *step)
{
    const struct option_group *convert = find_group(options_get(options, "convert"), field);
    const struct option_group *round = find_group(options_get(options, "round"), field);
    const struct option_group *rename = find_group(options_get(options, "rename"), field);
    *step = (struct field_plan){
        .source = (int)field, .name = in->fields[field].name, .type = in->fields[field].type};
    bool good = convert == NULL || plan_conversion(d, convert, step);
    good = (round == NULL || plan_rounding(d, round, step)) && good;
    if (rename != NULL) {
        const struct option_value *to = member(rename, "to");
        if (to->bad)
            return false; /* the old name will have to do */
        step->name = to->text;
        step->place = to->place;
        step->is_named = true;
        good = diagnostics_check_name(d, to->place, to->text) && good;
    }
    return good;
}

static bool plan_constant(struct diagnostics *d, const struct option_group *group,
                          struct field_plan *step)
{
    *step = (struct field_plan){
        .source = -1, .name = group->name, .is_named = true, .place = group->place};
    return plan_type(d, member(group, "type"), &step->type) &&
           plan_value(d, member(group, "value"), step->type, NULL, &step->constant);
}

/* Fields that the input has not, or not for certain: all errors that are none of the type. */
static void plan_unknown(struct diagnostics *d, const struct options *options, struct plan *plan)
{
    static const char *const names[] = {"convert", "round", "rename"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct option_value *option = options_get(options, names[i]);
        for (size_t k = 0; k < option->count; k++) {
            const struct option_group *group = &option->groups[k];
            const struct option_value *to = member(group, "to");
            struct field_plan step = {
                .source = -1, .name = group->name, .type = {.doubt = TYPE_UNKNOWN}};
            if (group->index >= 0)
                continue;
            if (i == 0)
                (void)plan_conversion(d, group, &step);
            else if (i == 1)
                (void)plan_rounding(d, group, &step);
            else if (!to->bad && plan->count < 2 * FIELDS_MAX) {
                plan->steps[plan->count++] = (struct field_plan){
                    .source = -1, .name = to->text, .is_named = true, .place = to->place};
                (void)diagnostics_check_name(d, to->place, to->text);
            }
        }
    }
}

/* Makes the plan; all errors are added. Returns whether it is good. */
static bool make_plan(const struct options *options, const struct contract *in,
                      struct diagnostics *d, struct plan *plan)
{
    const struct option_value *set = options_get(options, "set");
    bool good = true;
    for (size_t i = 0; i < in->count; i++) {
        if (is_dropped(options, i))
            good = plan_dropped(d, options, i) && good;
        else
            good = plan_field(d, options, in, i, &plan->steps[plan->count++]) && good;
    }
    plan_unknown(d, options, plan);
    for (size_t i = 0; set->present && i < set->count && plan->count < 2 * FIELDS_MAX; i++)
        good = plan_constant(d, &set->groups[i], &plan->steps[plan->count++]) && good;
    return good;
}

/* Whether a field will have this name whatever the errors in other places stand for. */
static bool is_sure(const struct kind_check *check, const struct field_plan *step)
{
    return step->is_named || (!options_get(check->options, "rename")->bad &&
                              !options_get(check->options, "drop")->bad &&
                              check->in->fields[step->source].type.doubt != TYPE_MAYBE);
}

/* Two fields of one name; the place is that of the option that names one of them so. */
static bool check_names(struct kind_check *check, const struct plan *plan)
{
    bool good = true;
    for (size_t i = 0; i < plan->count; i++) {
        for (size_t k = 0; k < i; k++) {
            const struct field_plan *one = &plan->steps[i], *other = &plan->steps[k];
            if (strcmp(one->name, other->name) != 0 || !is_sure(check, one) ||
                !is_sure(check, other))
                continue;
            diagnostics_add(check->diagnostics, one->is_named ? one->place : other->place,
                            "'%s' would make two fields with the name '%s'; drop or rename one",
                            check->stage, one->name);
            good = false;
        }
    }
    return good;
}

/* As much of the output as is known where there are errors: names, but no types. */
static void make_doubtful(struct kind_check *check, const struct plan *plan)
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
    struct plan *plan = memory_new(1, sizeof *plan);
    check->plan = plan;
    bool good = make_plan(check->options, check->in, check->diagnostics, plan);
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

static bool round_value(const struct field_plan *step, struct value *value,
                        struct misfit *ret_misfit)
{
    __int128 rounded =
        rounding_divide(value->integer, step->round_to, step->round_mode) * step->round_to;
    *value = value_of_integer(value->tag, (int64_t)rounded);
    if (rounded >= INT64_MIN && rounded <= INT64_MAX && type_admits(bare(step->type), value))
        return true;
    *ret_misfit = (struct misfit){&dead_overflow, "does not fit its type when it is rounded"};
    return false;
}

static bool make_field(const struct field_plan *step, const struct record *in, struct buf *text,
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
        const struct field_plan *field = &self->plan->steps[i];
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
        "The options are applied in this order, whatever the order in the file: convert, round, "
        "drop, rename, set. All but set name fields of the input, by the names that they have "
        "there. Text becomes any scalar, and any scalar text; int, decimal and money become each "
        "other, money in its whole unit; a timestamp becomes its day in UTC, and a day its first "
        "moment; optional(T) becomes T with a default. Fields keep their order; those of set stand "
        "at the end. What cannot be converted is a dead letter.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "the fields that its options name",
    .makes = "what it reads, changed as its options say",
    .reasons = DEAD_REASONS(CONVERT_REASONS, &dead_record_too_large),
    .options = specs,
    .derive = derive,
    .free_plan = free,
};
