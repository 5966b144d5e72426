/* SPDX-License-Identifier: MIT */
#include "stages/kinds/kinds.h"
#include "stages/stage.h"

const struct kind *const stage_registry[] = {
    &file_source_kind,
    &stdin_source_kind,
    &json_decode_kind,
    &regex_parse_kind,
    &filter_kind,
    &route_kind,
    &map_kind,
    &merge_kind,
    &dedupe_kind,
    &limits_kind,
    &window_count_kind,
    &json_encode_kind,
    &file_sink_kind,
    &stdout_sink_kind,
    &discard_kind,
    &dead_letter_sink_kind,
    NULL,
};
