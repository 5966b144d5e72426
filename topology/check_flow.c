/* SPDX-License-Identifier: MIT */
/*
 * Along the flow, stage by stage: which outputs its inputs are, whether they fit together, its
 * options, and what it makes. A stage whose input could not be found out is checked as far as it
 * goes without adding errors that only follow from the first one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/memory.h"
#include "common/text.h"
#include "common/type.h"
#include "topology/check_p.h"

const struct contract *check_input_contract(const struct checker *c,
                                            const struct draft_input *input)
{
    if (input->from < 0 || input->port < 0)
        return NULL;
    const struct draft_stage *feeder = &c->drafts[input->from];
    const struct contract *contract = &c->topology->dead_letter;
    if (input->port == PORT_OUT)
        contract = &feeder->out;
    else if (input->port >= PORT_NAMED)
        contract = &feeder->outputs[input->port - PORT_NAMED].contract;
    return contract->count != 0 || contract->open ? contract : NULL;
}

/* --- where a field comes from, for errors --- */

static bool has_field(const struct checker *c, const struct draft_input *input, const char *field)
{
    const struct contract *contract = check_input_contract(c, input);
    return contract != NULL && contract_find(contract, field) >= 0;
}

/* The stages from the source to one, by the first input of each; the last of them is at [0]. */
static size_t trace_way(const struct checker *c, const char *stage,
                        const struct draft_stage *ret_way[STAGES_MAX])
{
    size_t count = 0;
    const struct draft_stage *at = NULL;
    for (size_t i = 0; i < c->draft_count && at == NULL; i++)
        at = strcmp(c->drafts[i].name, stage) == 0 ? &c->drafts[i] : NULL;
    while (at != NULL && count < STAGES_MAX) {
        ret_way[count++] = at;
        at =
            at->input_count != 0 && at->inputs[0].from >= 0 ? &c->drafts[at->inputs[0].from] : NULL;
    }
    return count;
}

void check_explain_field(const void *checker, const char *stage, const char *field, struct buf *out)
{
    const struct checker *c = checker;
    const struct draft_stage *way[STAGES_MAX];
    size_t count = trace_way(c, stage, way);
    /* way[0] reads the field, way[1] feeds it, and so on up to the source. */
    for (size_t i = 1; i < count && way[i]->input_count != 0; i++) {
        if (!has_field(c, &way[i]->inputs[0], field))
            continue;
        buf_add_format(out, "; '%s' has it, and '%s' does not pass it on", way[i + 1]->name,
                       way[i]->name);
        break;
    }
    if (count < 3)
        return;
    buf_add_text(out, "; the way is ");
    for (size_t i = count; i-- > 1;)
        buf_add_format(out, "%s%s", i + 1 != count ? " -> " : "", way[i]->name);
}

/* --- inputs --- */

static void add_unknown_output(struct checker *c, const struct draft_input *input)
{
    const struct draft_stage *feeder = &c->drafts[input->from];
    const char *names[OUTPUTS_MAX + 1];
    struct buf have = {0};
    for (size_t i = 0; i < feeder->output_count; i++) {
        names[i] = feeder->outputs[i].name;
        buf_add_format(&have, "%s%s.%s", i != 0 ? ", " : "", feeder->name, names[i]);
    }
    names[feeder->output_count] = "dead";
    const char *nearest = text_nearest(input->port_name, names, feeder->output_count + 1);
    if (feeder->output_count == 0)
        buf_add_text(&have, feeder->name);
    if (input->port == PORT_OUT)
        diagnostics_add(c->diagnostics, input->node->place, "'%s' has the outputs %s; say which",
                        feeder->name, buf_text(&have));
    else if (nearest != NULL)
        diagnostics_add(c->diagnostics, input->node->place,
                        "'%s' has no output '%s'; did you mean '%s.%s'?", feeder->name,
                        input->port_name, feeder->name, nearest);
    else
        diagnostics_add(c->diagnostics, input->node->place,
                        "'%s' has no output '%s'; it has %s, and %s.dead", feeder->name,
                        input->port_name, buf_text(&have), feeder->name);
    buf_done(&have);
}

/* Finds the output that an input names, now that it is known what its stage makes. */
static void resolve_input(struct checker *c, struct draft_input *input)
{
    if (input->from < 0 || input->port == PORT_DEAD)
        return;
    struct draft_stage *feeder = &c->drafts[input->from];
    if (!feeder->derived)
        return;
    bool main_wanted = input->port == PORT_OUT;
    for (size_t i = 0; !main_wanted && i < feeder->output_count; i++) {
        if (strcmp(feeder->outputs[i].name, input->port_name) != 0)
            continue;
        input->port = PORT_NAMED + (int)i;
        feeder->output_read[i] = true;
    }
    if ((main_wanted && feeder->kind->named_outputs) || input->port < 0) {
        if (!feeder->outputs_open)
            add_unknown_output(c, input);
        input->port = -1;
    }
}

/* What keeps two contracts from being one, in words; nothing if they are. */
static void find_difference(const struct contract *first, const struct contract *other,
                            bool any_order, struct buf *what)
{
    for (size_t k = 0; k < first->count && what->len == 0; k++) {
        char a[TYPE_NAME_BYTES_MAX], b[TYPE_NAME_BYTES_MAX];
        const struct field *field = &first->fields[k];
        int index = contract_find(other, field->name);
        if (index < 0)
            buf_add_format(what, "the second has no '%s'", field->name);
        else if (other->fields[index].type.doubt == TYPE_CERTAIN &&
                 field->type.doubt == TYPE_CERTAIN &&
                 !type_equal(other->fields[index].type, field->type))
            buf_add_format(what, "'%s' is %s in the first and %s in the second", field->name,
                           type_name(field->type, a), type_name(other->fields[index].type, b));
        else if ((size_t)index != k && !any_order)
            buf_add_format(what, "'%s' stands in another place (a merge takes any order)",
                           field->name);
    }
    for (size_t k = 0; k < other->count && what->len == 0; k++) {
        if (contract_find(first, other->fields[k].name) < 0)
            buf_add_format(what, "the first has no '%s'", other->fields[k].name);
    }
}

/* Adds an error for every input that does not bring what the first one does that is known. */
static bool inputs_fit(struct checker *c, const struct draft_stage *draft)
{
    const struct draft_input *first = NULL;
    bool fit = true;
    for (size_t i = 0; i < draft->input_count; i++) {
        const struct draft_input *input = &draft->inputs[i];
        const struct contract *contract = check_input_contract(c, input);
        if (contract == NULL || contract->open)
            continue; /* one error is enough */
        struct buf what = {0};
        if (first == NULL)
            first = input;
        else
            find_difference(check_input_contract(c, first), contract, draft->kind->merges, &what);
        if (what.len != 0)
            diagnostics_add(c->diagnostics, input->node->place,
                            "'%s' and '%s' bring different fields: %s; '%s' needs the same from "
                            "all its inputs",
                            first->node->text, input->node->text, buf_text(&what), draft->name);
        fit &= what.len == 0;
        buf_done(&what);
    }
    return fit;
}

/* What comes of inputs that do not fit: each may become as any other, so all fields are there. */
static void make_common(const struct checker *c, const struct draft_stage *draft,
                        struct contract *ret_common)
{
    memset(ret_common, 0, sizeof *ret_common);
    for (size_t i = 0; i < draft->input_count; i++) {
        const struct contract *in = check_input_contract(c, &draft->inputs[i]);
        ret_common->open |= in == NULL || in->open;
        for (size_t k = 0; in != NULL && k < in->count; k++)
            contract_add_doubtful(ret_common, in->fields[k].name,
                                  i == 0 ? TYPE_UNKNOWN : TYPE_MAYBE);
    }
    ret_common->open |= ret_common->count == FIELDS_MAX;
}

/* --- workers --- */

size_t check_workers(const struct checker *c, const struct draft_stage *draft)
{
    if (c->form == TOPOLOGY_LOGICAL)
        return 1;
    return (size_t)options_get(draft->options, "workers")->number;
}

static bool is_in_key(const struct option_value *key, const struct option_field *field)
{
    for (size_t i = 0; i < key->count; i++) {
        if (key->fields[i].index == field->index)
            return true;
    }
    return false;
}

/* Records with one key must all come to one worker, or none could know what the others know. */
static void check_by_in_key(struct checker *c, const struct draft_stage *draft,
                            const struct option_value *by)
{
    const struct option_value *key = options_get(draft->options, "key");
    if (key->bad)
        return;
    struct buf names = {0};
    for (size_t i = 0; i < key->count; i++)
        buf_add_format(&names, "%s%s", i != 0 ? ", " : "", key->fields[i].name);
    for (size_t i = 0; i < by->count; i++) {
        if (by->fields[i].index < 0 || is_in_key(key, &by->fields[i]))
            continue;
        diagnostics_add(c->diagnostics, by->fields[i].place,
                        "'by: %s' does not go with 'key: %s': two records with one key, but with "
                        "another '%s', would come to different workers; 'by' takes fields of the "
                        "key, and is the key if it is left out",
                        by->fields[i].name, buf_text(&names), by->fields[i].name);
    }
    buf_done(&names);
}

/* What decides where a record goes, and which state it finds, is one plain value. */
static void check_key_types(struct checker *c, const struct draft_stage *draft,
                            const struct contract *in, const char *option)
{
    const struct option_value *fields = options_get(draft->options, option);
    for (size_t i = 0; i < fields->count; i++) {
        if (fields->fields[i].index < 0)
            continue; /* reported where the option was read */
        const struct field *field = &in->fields[fields->fields[i].index];
        char name[TYPE_NAME_BYTES_MAX];
        if (field->type.doubt == TYPE_CERTAIN && (VALUE_TAGS_SCALAR & (1u << field->type.tag)) == 0)
            diagnostics_add(c->diagnostics, fields->fields[i].place,
                            "'%s:' cannot have the field '%s', which is %s; it takes fields of one "
                            "plain value, no list, no map and nothing optional",
                            option, field->name, type_name(field->type, name));
    }
}

static void check_partition(struct checker *c, const struct draft_stage *draft,
                            const struct contract *in)
{
    if (in != NULL)
        check_key_types(c, draft, in, "by");
    if (in != NULL && draft->kind->partition == KIND_BY_KEY)
        check_key_types(c, draft, in, "key");
    const struct option_value *workers = options_get(draft->options, "workers");
    const struct option_value *by = options_get(draft->options, "by");
    static const char *const whys[] = {
        [KIND_SOURCE] = "one process reads the input",
        [KIND_STEP] = "it needs all records in one place",
        [KIND_SINK] = "one process writes the output",
    };
    const char *why = whys[draft->kind->role];
    if (draft->kind->partition == KIND_ALONE && workers->number > 1)
        diagnostics_add(c->diagnostics, workers->place, "'%s' cannot have several workers: %s",
                        draft->kind->name, why);
    if (by->present && (draft->kind->partition == KIND_ALONE || draft->kind->merges))
        diagnostics_add(c->diagnostics, by->place, "'by:' has no use in '%s'; %s",
                        draft->kind->name, draft->kind->merges ? "it takes any record" : why);
    if (by->present && draft->kind->partition == KIND_BY_KEY)
        check_by_in_key(c, draft, by);
    if (workers->number > 1 && draft->kind->partition == KIND_BY_KEY &&
        !options_get(draft->options, "key")->present && !options_get(draft->options, "key")->bad)
        diagnostics_add(c->diagnostics, workers->place,
                        "'%s' has no key, so there is nothing to deal records out by; give it "
                        "'key:' or one worker",
                        draft->name);
}

/* --- the stages --- */

/* The contract of the first input that is known; all should have the same. */
static const struct contract *known_input(const struct checker *c, const struct draft_stage *draft)
{
    static const struct contract unknown = {.open = true};
    const struct contract *in = NULL;
    for (size_t i = 0; i < draft->input_count && in == NULL; i++)
        in = check_input_contract(c, &draft->inputs[i]);
    return in != NULL ? in : &unknown;
}

static struct input *make_inputs(const struct checker *c, const struct draft_stage *draft)
{
    struct input *inputs = memory_new(draft->input_count + 1, sizeof *inputs);
    for (size_t i = 0; i < draft->input_count; i++) {
        const char *text = draft->inputs[i].node->text;
        size_t len = strnlen(text, sizeof inputs[i].from - 1);
        memcpy(inputs[i].from, text, len);
        inputs[i].contract = check_input_contract(c, &draft->inputs[i]);
    }
    return inputs;
}

static void derive_outputs(const struct checker *c, struct draft_stage *draft,
                           struct kind_check *check)
{
    struct input *inputs = make_inputs(c, draft);
    check->inputs = inputs;
    check->input_count = draft->input_count;
    check->options = draft->options;
    check->out = &draft->out;
    draft->kind->derive(check);
    free(inputs);
    draft->outputs = check->outputs;
    draft->output_count = check->output_count;
    draft->outputs_open = check->outputs_open;
    draft->output_read = memory_new(draft->output_count + 1, sizeof *draft->output_read);
    draft->derived = true;
}

/* The keys that a stage of a kind cannot have, see check_partition(). */
static const char *const *useless_keys(const struct kind *kind)
{
    static const char *const of_source[] = {"from", "workers", "by", NULL};
    static const char *const of_one[] = {"workers", "by", NULL};
    static const char *const of_merge[] = {"by", NULL};
    if (kind->role == KIND_SOURCE)
        return of_source;
    if (kind->partition == KIND_ALONE)
        return of_one;
    return kind->merges ? of_merge : NULL;
}

static void derive_draft(struct checker *c, struct draft_stage *draft)
{
    for (size_t i = 0; i < draft->input_count; i++)
        resolve_input(c, &draft->inputs[i]);
    if (draft->map == NULL || draft->kind == NULL)
        return;
    bool is_source = draft->kind->role == KIND_SOURCE;
    const struct contract *in = is_source ? NULL : known_input(c, draft);
    struct contract common;
    if (!inputs_fit(c, draft)) {
        make_common(c, draft, &common);
        in = &common;
    }
    struct kind_check check = {.diagnostics = c->diagnostics,
                               .directory = c->directory,
                               .types = c->topology->types,
                               .type_count = c->topology->type_count,
                               .types_failed = c->types_failed,
                               .stage = draft->name,
                               .place = draft->place,
                               .in = in,
                               .from = draft->input_count != 0 ? draft->inputs[0].node->text : "",
                               .explain_field = check_explain_field,
                               .explain_arg = c};
    struct option_keys keys = {.own = draft->kind->options,
                               .common = kind_common_options,
                               .others = check_stage_others,
                               .useless = useless_keys(draft->kind)};
    char *owner = memory_format("kind '%s'", draft->kind->name);
    draft->options = options_read(draft->map, &keys, draft->place, owner, &check);
    free(owner);
    check_partition(c, draft, in);
    derive_outputs(c, draft, &check);
}

/* Whether some stage takes an output of this one that is not known: it may be any of them. */
static bool is_read_somehow(const struct checker *c, size_t index)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        for (size_t k = 0; k < c->drafts[i].input_count; k++) {
            const struct draft_input *input = &c->drafts[i].inputs[k];
            if (input->from == (int)index && input->port < 0)
                return true;
        }
    }
    return false;
}

/* Dropping is somebody's written choice: an output that nobody reads is a mistake. */
static void check_outputs_read(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->outputs_open || is_read_somehow(c, i))
            continue;
        for (size_t k = 0; k < draft->output_count; k++) {
            if (!draft->output_read[k])
                diagnostics_add(c->diagnostics, draft->place,
                                "nothing reads '%s.%s'; to drop it on purpose, end it in a "
                                "discard",
                                draft->name, draft->outputs[k].name);
        }
    }
}

static void check_process_count(struct checker *c)
{
    size_t count = 1; /* dead-letters */
    for (size_t i = 0; i < c->order_count; i++) {
        const struct draft_stage *draft = &c->drafts[c->order[i]];
        if (draft->options != NULL && !options_get(draft->options, "workers")->bad)
            count += (size_t)options_get(draft->options, "workers")->number;
    }
    if (count > PROCESSES_MAX)
        diagnostics_add(c->diagnostics, c->stages_place,
                        "these would be %zu processes; a topology has %u at most", count,
                        PROCESSES_MAX);
}

void check_flow(struct checker *c)
{
    for (size_t i = 0; i < c->order_count; i++)
        derive_draft(c, &c->drafts[c->order[i]]);
    if (c->connected)
        check_outputs_read(c);
    check_process_count(c);
}
