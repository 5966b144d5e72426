/* SPDX-License-Identifier: MIT */
/*
 * What the supervisor knows of the kinds that fail on purpose. Their functions are in the program
 * of the stages alone.
 */
#include "stages/kinds/kinds.h"
#include "stages/kit/record_field.h"
#include "tests/faults/fault.h"
#include "topology/kind_check.h"

static const char *const fault_choices[] = {"segv", "abort",  "loop", "grow",
                                            "exit", "killed", NULL};

static const struct option_spec step_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a string"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "texts, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {0},
};

static void derive_step(struct kind_check *check)
{
    const struct option_value *field = options_get(check->options, "field");
    (void)kind_check_field_tag(check, field, (int)field->number, field->place, 1u << VALUE_STRING);
    *check->out = *check->in;
}

const struct kind fault_step_kind = {
    .name = "fault.step",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .program = FAULT_PROGRAM,
    .role = KIND_STEP,
    .reads = "field: string",
    .makes = "what it reads, unchanged",
    .options = step_specs,
    .derive = derive_step,
};

static const struct option_spec clock_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a timestamp"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "seconds, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {0},
};

static void derive_clock(struct kind_check *check)
{
    const struct option_value *field = options_get(check->options, "field");
    (void)kind_check_field_tag(check, field, (int)field->number, field->place,
                               1u << VALUE_TIMESTAMP);
    *check->out = *check->in;
}

static void store_spec(const struct stage *stage, struct store_spec *ret_spec)
{
    (void)stage;
    *ret_spec = (struct store_spec){0};
    store_spec_set_schema(ret_spec, "fault.clock");
}

const struct kind fault_clock_kind = {
    .name = "fault.clock",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .program = FAULT_PROGRAM,
    .role = KIND_STEP,
    .partition = KIND_ALONE,
    .clock_option = "field",
    .reads = "field: timestamp",
    .makes = "what it reads, unchanged",
    .options = clock_specs,
    .derive = derive_clock,
    .store_spec = store_spec,
};

static const struct option_spec sink_specs[] = {
    {.name = "field", .tag = OPTION_FIELD, .required = true, .meaning = "a string"},
    {.name = "on", .tag = OPTION_TEXT, .required = true, .meaning = "texts, parted by commas"},
    {.name = "does",
     .tag = OPTION_CHOICE,
     .required = true,
     .choices = fault_choices,
     .meaning = "what happens then"},
    {.name = "path", .tag = OPTION_PATH_OUT, .required = true, .meaning = "as in file.sink"},
    RECORD_FIELD_OPTION,
    {0},
};

static void derive_sink(struct kind_check *check)
{
    file_sink_kind.derive(check);
}

const struct kind fault_sink_kind = {
    .name = "fault.sink",
    .summary = "fails on purpose",
    .manual = "For tests.",
    .program = FAULT_PROGRAM,
    .role = KIND_SINK,
    .reads = "line: string or bytes",
    .makes = "nothing",
    .options = sink_specs,
    .derive = derive_sink,
};
