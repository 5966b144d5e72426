/* SPDX-License-Identifier: MIT */
/*
 * The inputs of a stage: which outputs they are, whether they fit together, and, for errors, the
 * flow by which a field should have come.
 */
#include <string.h>

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
        buf_add_format(out, "; '%s' makes it, but '%s' does not pass it on", way[i + 1]->name,
                       way[i]->name);
        break;
    }
    if (count < 3)
        return;
    buf_add_text(out, "; the flow is ");
    for (size_t i = count; i-- > 1;)
        buf_add_format(out, "%s%s", i + 1 != count ? " -> " : "", way[i]->name);
}

/* --- what the inputs are --- */

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
        diagnostics_add(c->diagnostics, input->node->place, "'%s' has the outputs %s; name one",
                        feeder->name, buf_text(&have));
    else if (nearest != NULL)
        diagnostics_add(c->diagnostics, input->node->place,
                        "'%s' has no output '%s'; did you mean '%s.%s'?", feeder->name,
                        input->port_name, feeder->name, nearest);
    else
        diagnostics_add(c->diagnostics, input->node->place,
                        "'%s' has no output '%s'; it has %s and %s.dead", feeder->name,
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

void check_inputs_resolve(struct checker *c, const struct draft_stage *draft)
{
    for (size_t i = 0; i < draft->input_count; i++)
        resolve_input(c, &draft->inputs[i]);
}

/* Describes the first difference between two contracts; appends nothing if there is none. */
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
            buf_add_format(what, "'%s' is in a different position (a merge accepts any order)",
                           field->name);
    }
    for (size_t k = 0; k < other->count && what->len == 0; k++) {
        if (contract_find(first, other->fields[k].name) < 0)
            buf_add_format(what, "the first has no '%s'", other->fields[k].name);
    }
}

bool check_inputs_fit(struct checker *c, const struct draft_stage *draft)
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
                            "'%s' and '%s' make different fields: %s; '%s' needs the same fields "
                            "from all its inputs",
                            first->node->text, input->node->text, buf_text(&what), draft->name);
        fit &= what.len == 0;
        buf_done(&what);
    }
    return fit;
}

void check_inputs_mix(const struct checker *c, const struct draft_stage *draft,
                      struct contract *ret_mix)
{
    memset(ret_mix, 0, sizeof *ret_mix);
    for (size_t i = 0; i < draft->input_count; i++) {
        const struct contract *in = check_input_contract(c, &draft->inputs[i]);
        ret_mix->open |= in == NULL || in->open;
        for (size_t k = 0; in != NULL && k < in->count; k++)
            contract_add_doubtful(ret_mix, in->fields[k].name, i == 0 ? TYPE_UNKNOWN : TYPE_MAYBE);
    }
    ret_mix->open |= ret_mix->count == FIELDS_MAX;
}
