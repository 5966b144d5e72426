/* SPDX-License-Identifier: MIT */
/* Each plan_ function returns whether it succeeded, and adds an error if not. */
#include "stages/kinds/map_plan.h"

#include <string.h>

#include "common/type.h"

static const struct option_value *member(const struct option_group *group, const char *name)
{
    return options_get(group->options, name);
}

/* The group of an option for a field of the input; NULL: there is none. */
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

static bool plan_type(struct diagnostics *d, const struct option_value *text, struct type *ret_type)
{
    struct err e;
    if (text->bad)
        return false;
    if (type_parse(text->text, ret_type, &e) == 0)
        return true;
    diagnostics_add(d, text->place, "'%s' is not a type; %s", text->text, e.text);
    return false;
}

/* Reads a value of a type from the topology. Texts are borrowed from the option. */
static bool plan_value(struct diagnostics *d, const struct option_value *text, struct type type,
                       const struct timestamp_form *form, struct value *ret_value)
{
    struct misfit misfit;
    unsigned tags = VALUE_TAGS_SCALAR;
    char name[TYPE_NAME_BYTES_MAX];
    if (text->bad)
        return false;
    if ((tags & 1u << type_held(type).tag) == 0) {
        diagnostics_add(d, text->place, "a %s cannot be written as a value", type_name(type, name));
        return false;
    }
    if (text_value_read((const uint8_t *)text->text, strlen(text->text), type, form, ret_value,
                        &misfit))
        return true;
    diagnostics_add(d, text->place, "'%s: %s' is not a value of the type %s: it %s",
                    text->spec->name, text->text, type_name(type, name), misfit.what);
    return false;
}

/* has_to: the target type is known. */
static bool plan_form(struct diagnostics *d, const struct option_value *format, bool has_to,
                      struct map_step *step)
{
    struct conversion *c = &step->conversion;
    struct err e;
    if (!format->present || format->bad)
        return !format->bad;
    unsigned texts = 1u << VALUE_STRING | 1u << VALUE_BYTES;
    bool is_text = c->from.doubt != TYPE_CERTAIN || (texts & 1u << type_held(c->from).tag) != 0;
    if ((has_to && type_held(c->to).tag != VALUE_TIMESTAMP) || !is_text) {
        diagnostics_add(d, format->place, "'format:' is only for a text that becomes a timestamp");
        return false;
    }
    if (timestamp_form_read(format->text, &step->form, &e) != 0) {
        diagnostics_add(d, format->place, "'%s' is not a time format: %s", format->text, e.text);
        return false;
    }
    c->form = &step->form;
    return true;
}

/* can_read: the target type and the form of the text are known. */
static bool plan_fallback(struct diagnostics *d, const struct option_value *fallback, bool can_read,
                          struct map_step *step)
{
    struct conversion *c = &step->conversion;
    if (!fallback->present || fallback->bad)
        return !fallback->bad;
    if (c->from.doubt == TYPE_CERTAIN && c->from.tag != VALUE_OPTIONAL) {
        diagnostics_add(d, fallback->place,
                        "'default:' is for optional fields; '%s' always has a value", step->name);
        return false;
    }
    c->has_fallback = true;
    return can_read && plan_value(d, fallback, c->to, c->form, &c->fallback);
}

/* Checks that the conversion between two known types exists. */
static bool plan_types(struct diagnostics *d, const struct option_group *group,
                       struct map_step *step)
{
    const struct option_value *to = member(group, "to");
    const struct option_value *mode = member(group, "mode");
    struct conversion *c = &step->conversion;
    char one[TYPE_NAME_BYTES_MAX], other[TYPE_NAME_BYTES_MAX];
    if (type_equal(c->from, c->to) || !convert_can(c->from, c->to)) {
        diagnostics_add(d, to->place,
                        type_equal(c->from, c->to) ? "'%s' is already %s"
                                                   : "'%s' is %s, which cannot be converted to %s",
                        step->name, type_name(c->from, one), type_name(c->to, other));
        return false;
    }
    if (mode->bad)
        return false;
    c->rounds = mode->number <= ROUNDING_UP;
    c->mode = c->rounds ? (enum rounding)mode->number : ROUNDING_DOWN;
    if (c->rounds && !convert_can_round(c->from, c->to)) {
        diagnostics_add(d, mode->place, "converting %s to %s never rounds; leave out 'mode:'",
                        type_name(c->from, one), type_name(c->to, other));
        return false;
    }
    return true;
}

static bool plan_conversion(struct diagnostics *d, const struct option_group *group,
                            struct map_step *step)
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

/* Checks a step if the type of the values is unknown: it must be above 0. */
static void check_step(struct diagnostics *d, const struct option_value *to)
{
    if (!to->bad && (*to->text == '-' || strpbrk(to->text, "123456789") == NULL))
        diagnostics_add(d, to->place, "'to: %s' is not a step; it must be above 0", to->text);
}

static bool plan_rounding(struct diagnostics *d, const struct option_group *group,
                          struct map_step *step)
{
    const struct option_value *to = member(group, "to");
    unsigned tags = 1u << VALUE_INT | 1u << VALUE_DECIMAL | 1u << VALUE_MONEY;
    char name[TYPE_NAME_BYTES_MAX];
    struct value value;
    bool known = step->type.doubt == TYPE_CERTAIN;
    bool suits = known && (tags & 1u << type_held(step->type).tag) != 0;
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
        diagnostics_add(d, to->place, "'to: %s' is not a step; it must be above 0", to->text);
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
            diagnostics_add(d, group->place, "'%s' is dropped, so '%s:' has nothing to work on",
                            group->name, others[i]);
        good &= group == NULL;
    }
    return good;
}

static bool plan_field(struct diagnostics *d, const struct options *options,
                       const struct contract *in, size_t field, struct map_step *step)
{
    const struct option_group *convert = find_group(options_get(options, "convert"), field);
    const struct option_group *round = find_group(options_get(options, "round"), field);
    const struct option_group *rename = find_group(options_get(options, "rename"), field);
    *step = (struct map_step){
        .source = (int)field, .name = in->fields[field].name, .type = in->fields[field].type};
    bool good = convert == NULL || plan_conversion(d, convert, step);
    good = (round == NULL || plan_rounding(d, round, step)) && good;
    if (rename != NULL) {
        const struct option_value *to = member(rename, "to");
        if (to->bad)
            return false; /* keep the old name */
        step->name = to->text;
        step->place = to->place;
        step->is_named = true;
        good = diagnostics_check_name(d, to->place, to->text) && good;
    }
    return good;
}

static bool plan_constant(struct diagnostics *d, const struct option_group *group,
                          struct map_step *step)
{
    *step = (struct map_step){
        .source = -1, .name = group->name, .is_named = true, .place = group->place};
    return plan_type(d, member(group, "type"), &step->type) &&
           plan_value(d, member(group, "value"), step->type, NULL, &step->constant);
}

/*
 * Checks the options for fields that the input does not have, or not for certain. Finds all errors
 * that do not depend on the type.
 */
static void plan_unknown(struct diagnostics *d, const struct options *options,
                         struct map_plan *plan)
{
    static const char *const names[] = {"convert", "round", "rename"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct option_value *option = options_get(options, names[i]);
        for (size_t k = 0; k < option->count; k++) {
            const struct option_group *group = &option->groups[k];
            const struct option_value *to = member(group, "to");
            struct map_step step = {
                .source = -1, .name = group->name, .type = {.doubt = TYPE_UNKNOWN}};
            if (group->index >= 0)
                continue;
            if (i == 0)
                (void)plan_conversion(d, group, &step);
            else if (i == 1)
                (void)plan_rounding(d, group, &step);
            else if (!to->bad && plan->count < 2 * FIELDS_MAX) {
                plan->steps[plan->count++] = (struct map_step){
                    .source = -1, .name = to->text, .is_named = true, .place = to->place};
                (void)diagnostics_check_name(d, to->place, to->text);
            }
        }
    }
}

bool map_plan_make(const struct options *options, const struct contract *in, struct diagnostics *d,
                   struct map_plan *plan)
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
