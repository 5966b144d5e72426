/* SPDX-License-Identifier: MIT */
/* The kinds of the product that the tests need, and those that fail. Stands in for its registry. */
#include "stages/kinds/kinds.h"
#include "stages/stage.h"
#include "tests/faults/fault.h"

const struct kind *const stage_registry[] = {
    &file_source_kind, &json_decode_kind, &regex_parse_kind, &dedupe_kind,
    &limits_kind,      &json_encode_kind, &file_sink_kind,   &dead_letter_sink_kind,
    &fault_step_kind,  &fault_sink_kind,  &fault_clock_kind, NULL,
};
