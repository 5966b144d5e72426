/* SPDX-License-Identifier: MIT */
/* regex.parse: turns a text into a record of a declared type by the named groups of a pattern. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/pattern.h"
#include "common/text.h"
#include "common/type.h"
#include "stages/kinds/kinds.h"
#include "stages/kit/text_value.h"
#include "stages/stage.h"

static const struct dead_reason no_match = {"no-match", "the pattern does not match"};

struct regex_plan {
    size_t subject_field;
    struct pattern *pattern;   /* never matched; each stage has its own, which shares it */
    size_t groups[FIELDS_MAX]; /* the group of each output field */
    const char *absent;        /* NULL: no text stands for an absent value */
    size_t absent_len;
    const struct timestamp_form *form; /* NULL: RFC 3339 */
    struct timestamp_form form_given;
};

struct regex_parse {
    const struct regex_plan *plan;
    const struct contract *out;
    struct pattern *pattern;
    struct value fields[FIELDS_MAX];
};

static const struct option_spec specs[] = {
    {.name = "field",
     .tag = OPTION_FIELD,
     .meaning = "the text to parse; by default the field 'line', or else the only field with text"},
    {.name = "pattern",
     .tag = OPTION_TEXT,
     .required = true,
     .meaning = "the regular expression (PCRE2), with a named group for every field of the type"},
    {.name = "type",
     .tag = OPTION_TYPE,
     .required = true,
     .meaning = "the declared type that the groups make"},
    {.name = "timestamp_format",
     .tag = OPTION_TEXT,
     .meaning = "the form of timestamps, like %d/%b/%Y:%H:%M:%S %z; the default is RFC 3339"},
    {.name = "absent",
     .tag = OPTION_TEXT,
     .meaning = "if a group matches exactly this text, like -, its optional field has no value"},
    {0},
};

static enum value_tag tag_of(struct type type)
{
    return type.tag == VALUE_OPTIONAL ? type_item(type).tag : type.tag;
}

static bool is_text(struct type type)
{
    return type.tag == VALUE_STRING || type.tag == VALUE_BYTES;
}

/* The field that is read; -1 if that is not clear. */
static int find_subject(const struct options *options, const struct contract *in)
{
    const struct option_value *field = options_get(options, "field");
    if (field->present)
        return (int)field->number;
    int line = contract_find(in, "line");
    if (line >= 0 && is_text(in->fields[line].type))
        return line;
    int only = -1;
    for (size_t i = 0; i < in->count; i++) {
        if (!is_text(in->fields[i].type))
            continue;
        if (only >= 0)
            return -1;
        only = (int)i;
    }
    return only;
}

static bool has_doubts(const struct contract *in)
{
    bool doubts = in->open;
    for (size_t i = 0; i < in->count; i++)
        doubts |= in->fields[i].type.doubt != TYPE_CERTAIN;
    return doubts;
}

static void check_subject(struct kind_check *check, struct regex_plan *plan)
{
    const struct option_value *field = options_get(check->options, "field");
    int subject = find_subject(check->options, check->in);
    plan->subject_field = subject >= 0 ? (size_t)subject : 0;
    if (field->present)
        (void)kind_check_field_tag(check, field, subject, field->place,
                                   1u << VALUE_STRING | 1u << VALUE_BYTES);
    else if (!field->bad && !has_doubts(check->in) && subject < 0)
        diagnostics_add(check->diagnostics, check->place,
                        "'%s' needs 'field:': which of the fields of '%s' is the text to read",
                        check->stage, check->from);
}

/* The group named like a field; pattern_name_count() if there is none. */
static size_t find_group(const struct pattern *pattern, const char *field)
{
    size_t i = 0;
    while (i < pattern_name_count(pattern) && strcmp(pattern_name(pattern, i), field) != 0)
        i++;
    return i;
}

static void add_unknown_group(struct kind_check *check, const struct pattern *pattern, size_t group,
                              const struct named_type *named)
{
    const char *names[FIELDS_MAX];
    for (size_t i = 0; i < named->contract.count; i++)
        names[i] = find_group(pattern, named->contract.fields[i].name) < pattern_name_count(pattern)
                       ? NULL
                       : named->contract.fields[i].name;
    const char *name = pattern_name(pattern, group);
    const char *nearest = text_nearest(name, names, named->contract.count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(check->diagnostics, options_get(check->options, "pattern")->place,
                    "the group '%s' is not a field of '%s'%s", name, named->name,
                    text_suggestion(nearest, "", hint));
}

/* Every field needs a group, and every named group needs a field. */
static void check_groups(struct kind_check *check, const struct named_type *named,
                         struct regex_plan *plan)
{
    const struct pattern *pattern = plan->pattern;
    const struct option_value *type = options_get(check->options, "type");
    for (size_t i = 0; i < pattern_name_count(pattern); i++) {
        if (contract_find(&named->contract, pattern_name(pattern, i)) < 0 && !named->contract.open)
            add_unknown_group(check, pattern, i, named);
    }
    for (size_t i = 0; i < named->contract.count; i++) {
        const char *field = named->contract.fields[i].name;
        plan->groups[i] = find_group(pattern, field);
        if (plan->groups[i] == pattern_name_count(pattern))
            diagnostics_add(check->diagnostics, type->place,
                            "the field '%s' of '%s' has no group in the pattern; add (?<%s>…)",
                            field, named->name, field);
    }
}

/* named: the type; NULL: unknown */
static void check_form(struct kind_check *check, const struct named_type *named,
                       struct regex_plan *plan)
{
    const struct option_value *format = options_get(check->options, "timestamp_format");
    if (!format->present || format->bad)
        return;
    struct err e;
    plan->form = &plan->form_given;
    if (timestamp_form_read(format->text, &plan->form_given, &e) != 0)
        diagnostics_add(check->diagnostics, format->place, "'%s' is not a time format: %s",
                        format->text, e.text);
    if (named == NULL || named->contract.open)
        return;
    for (size_t i = 0; i < named->contract.count; i++) {
        if (tag_of(named->contract.fields[i].type) == VALUE_TIMESTAMP ||
            named->contract.fields[i].type.doubt != TYPE_CERTAIN)
            return;
    }
    diagnostics_add(check->diagnostics, format->place,
                    "'timestamp_format:' is for timestamps, and '%s' has none", named->name);
}

static void check_types(struct kind_check *check, const struct named_type *named)
{
    for (size_t i = 0; i < named->contract.count; i++) {
        const struct field *field = &named->contract.fields[i];
        char name[TYPE_NAME_BYTES_MAX];
        if (field->type.doubt == TYPE_CERTAIN && !text_value_can_read(field->type))
            diagnostics_add(check->diagnostics, options_get(check->options, "type")->place,
                            "the field '%s' of '%s' is %s, which a group cannot be read as",
                            field->name, named->name, type_name(field->type, name));
    }
}

static void check_absent(struct kind_check *check, const struct named_type *named,
                         struct regex_plan *plan)
{
    const struct option_value *absent = options_get(check->options, "absent");
    if (absent->present && absent->text != NULL) {
        plan->absent = absent->text;
        plan->absent_len = strlen(absent->text);
    }
    if (!absent->present || named->contract.open)
        return;
    for (size_t i = 0; i < named->contract.count; i++) {
        if (named->contract.fields[i].type.tag == VALUE_OPTIONAL ||
            named->contract.fields[i].type.doubt != TYPE_CERTAIN)
            return;
    }
    diagnostics_add(check->diagnostics, absent->place,
                    "'absent:' is for optional fields, and '%s' has none", named->name);
}

/* named: the type; NULL: unknown */
static void check_pattern(struct kind_check *check, const struct named_type *named,
                          struct regex_plan *plan)
{
    const struct option_value *text = options_get(check->options, "pattern");
    if (text->text == NULL || text->bad)
        return;
    size_t at = 0;
    struct err e;
    if (pattern_compile(text->text, strlen(text->text), &plan->pattern, &at, &e) != 0)
        diagnostics_add(check->diagnostics, text->place,
                        "'%s' is not a regular expression: %s, at byte %zu", text->text, e.text,
                        at + 1);
    else if (named != NULL)
        check_groups(check, named, plan);
}

static void derive(struct kind_check *check)
{
    const struct option_value *type = options_get(check->options, "type");
    const struct named_type *named = type->number >= 0 ? &check->types[type->number] : NULL;
    struct regex_plan *plan = memory_new(1, sizeof *plan);
    check->plan = plan;
    check_subject(check, plan);
    if (named != NULL) {
        check_types(check, named);
        check_absent(check, named, plan);
        *check->out = named->contract;
    }
    check->out->open |= named == NULL;
    check_form(check, named, plan);
    check_pattern(check, named, plan);
}

static void free_plan(void *opaque)
{
    struct regex_plan *plan = opaque;
    pattern_free(plan->pattern);
    free(plan);
}

static int open_stage(const struct stage_env *env, void **ret_self, struct err *e)
{
    (void)e;
    struct regex_parse *self = memory_new(1, sizeof *self);
    self->plan = env->stage->plan;
    self->out = &env->stage->out;
    self->pattern = pattern_share(self->plan->pattern);
    *ret_self = self;
    return 0;
}

static void close_stage(void *opaque)
{
    struct regex_parse *self = opaque;
    pattern_free(self->pattern);
    free(self);
}

/* A text that is the whole record is shown as it came; otherwise the record is shown. */
static void refuse(const struct regex_parse *self, const struct record *in,
                   const struct misfit *why, const char *field, struct emitter *out)
{
    const struct value *subject = &in->fields[self->plan->subject_field];
    const char *head = field != NULL ? "the field '" : "";
    const char *tail = field != NULL ? "' " : "";
    if (in->count == 1)
        emitter_dead(out, why->reason, subject->bytes, subject->len, false, "%s%s%s%s", head,
                     field != NULL ? field : "", tail, why->what);
    else
        emitter_dead_record(out, why->reason, in, "%s%s%s%s", head, field != NULL ? field : "",
                            tail, why->what);
}

static void refuse_hard(const struct regex_parse *self, const struct record *in,
                        struct emitter *out)
{
    char what[192];
    (void)snprintf(what, sizeof what,
                   "the pattern '%s' takes more than " PATTERN_BOUNDS_TEXT " on it",
                   pattern_shown(self->pattern));
    refuse(self, in, &(struct misfit){&dead_too_hard, what}, NULL, out);
}

static bool is_absent(const struct regex_parse *self, const uint8_t *text, size_t len)
{
    return self->plan->absent != NULL && len == self->plan->absent_len &&
           memcmp(text, self->plan->absent, len) == 0;
}

/* Reads one output field from its group. */
static bool read_field(struct regex_parse *self, size_t i, const struct value *subject,
                       struct misfit *ret_misfit)
{
    size_t start = 0, len = 0;
    struct type type = self->out->fields[i].type;
    bool there = pattern_span(self->pattern, self->plan->groups[i], &start, &len);
    bool is_optional = type.tag == VALUE_OPTIONAL;
    if (is_optional && (!there || is_absent(self, subject->bytes + start, len))) {
        self->fields[i] = value_of_nothing();
        return true;
    }
    if (!there) {
        *ret_misfit = (struct misfit){&dead_missing_field,
                                      "has no value: its group took no part in the match"};
        return false;
    }
    return text_value_read(subject->bytes + start, len, type, self->plan->form, &self->fields[i],
                           ret_misfit);
}

static void step(void *opaque, const struct record *in, struct emitter *out)
{
    static const struct misfit misfits[] = {
        [PATTERN_NO_MATCH] = {&no_match, "the pattern does not match"},
        [PATTERN_NOT_UTF8] = {&dead_not_utf8, "it is not UTF-8"},
    };
    struct regex_parse *self = opaque;
    const struct value *subject = &in->fields[self->plan->subject_field];
    enum pattern_result result = pattern_match(self->pattern, subject->bytes, subject->len);
    if (result == PATTERN_TOO_HARD) {
        refuse_hard(self, in, out);
        return;
    }
    if (result != PATTERN_MATCH) {
        refuse(self, in, &misfits[result], NULL, out);
        return;
    }
    for (size_t i = 0; i < self->out->count; i++) {
        struct misfit misfit;
        if (!read_field(self, i, subject, &misfit)) {
            refuse(self, in, &misfit, self->out->fields[i].name, out);
            return;
        }
    }
    emitter_emit(out, self->fields);
}

const struct stage_ops regex_parse_ops = {
    .open = open_stage,
    .close = close_stage,
    .step = step,
};

const struct kind regex_parse_kind = {
    .name = "regex.parse",
    .summary = "parses text into records with a regular expression",
    .manual =
        "Every field of the type has a named group in the pattern, such as (?<status>\\d+), and "
        "every named group is a field. With (?J) several groups may have the same name; the first "
        "that takes part in the match counts. The text of a group is read as the type of its "
        "field: money with or without its currency, timestamps in the form of RFC 3339 or of "
        "'timestamp_format'. An optional field has no value if its group takes no part, or "
        "matches the text of 'absent'. Quote the pattern with ' in the file. A text that the "
        "pattern does not match is a dead letter, and so is one with a group whose text is not "
        "valid for its field.",
    .role = KIND_STEP,
    .partition = KIND_ANYHOW,
    .reads = "field: string or bytes",
    .makes = "the fields of the type",
    .reasons =
        DEAD_REASONS(&no_match, &dead_missing_field, TEXT_VALUE_REASONS, &dead_record_too_large),
    .options = specs,
    .derive = derive,
    .free_plan = free_plan,
};
