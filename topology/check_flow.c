/* SPDX-License-Identifier: MIT */
/*
 * Along the flow, stage by stage: its inputs, its options and its outputs. A stage whose input is
 * unknown is checked as far as possible, without adding errors that only follow from an earlier
 * one.
 */
#include <stdlib.h>
#include <string.h>

#include "common/check.h"
#include "common/err.h"
#include "common/memory.h"
#include "topology/check_p.h"

/* The contract of the first input that is known. All inputs should have the same. */
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
    INVARIANT(check->plan == NULL || draft->kind->free_plan != NULL);
    draft->plan = check->plan;
    draft->reads_packed = check->reads_packed;
    free(inputs);
    draft->outputs = check->outputs;
    draft->output_count = check->output_count;
    draft->outputs_open = check->outputs_open;
    draft->output_read = memory_new(draft->output_count + 1, sizeof *draft->output_read);
    draft->derived = true;
}

static void derive_draft(struct checker *c, struct draft_stage *draft)
{
    check_inputs_resolve(c, draft);
    if (draft->map == NULL || draft->kind == NULL)
        return;
    bool is_source = draft->kind->role == KIND_SOURCE;
    const struct contract *in = is_source ? NULL : known_input(c, draft);
    struct contract common;
    if (!check_inputs_fit(c, draft)) {
        check_inputs_mix(c, draft, &common);
        in = &common;
    }
    struct kind_check check = {.diagnostics = c->diagnostics,
                               .errors_before = c->errors_before,
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
                               .useless = kind_useless_keys(draft->kind)};
    char *owner = memory_format("kind '%s'", draft->kind->name);
    draft->options = options_read(draft->map, &keys, draft->place, owner, &check);
    free(owner);
    check_partition(c, draft, in);
    derive_outputs(c, draft, &check);
}

/* Whether some stage reads an unknown output of this one, which may be any of its outputs. */
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

/* Records are dropped only where the topology says so; an unread output is a mistake. */
static void check_outputs_read(struct checker *c)
{
    for (size_t i = 0; i < c->draft_count; i++) {
        const struct draft_stage *draft = &c->drafts[i];
        if (draft->outputs_open || is_read_somehow(c, i))
            continue;
        for (size_t k = 0; k < draft->output_count; k++) {
            if (!draft->output_read[k])
                diagnostics_add(c->diagnostics, draft->place,
                                "nothing reads '%s.%s'; to drop its records on purpose, let a "
                                "discard read it",
                                draft->name, draft->outputs[k].name);
        }
    }
}

void check_flow(struct checker *c)
{
    for (size_t i = 0; i < c->order_count; i++)
        derive_draft(c, &c->drafts[c->order[i]]);
    if (c->connected)
        check_outputs_read(c);
    check_process_count(c);
    check_renames(c);
}
