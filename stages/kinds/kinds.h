/* SPDX-License-Identifier: MIT */
/*
 * kinds.h - the declarations that the files of the kinds export; for the registry and tests
 */
#ifndef BULKHEAD_STAGES_KINDS_KINDS_H
#define BULKHEAD_STAGES_KINDS_KINDS_H

#include "topology/kind.h"

extern const struct kind file_source_kind;
extern const struct kind stdin_source_kind;
extern const struct kind json_decode_kind;
extern const struct kind dedupe_kind;
extern const struct kind limits_kind;
extern const struct kind regex_parse_kind;
extern const struct kind window_count_kind;
extern const struct kind filter_kind;
extern const struct kind route_kind;
extern const struct kind map_kind;
extern const struct kind merge_kind;
extern const struct kind json_encode_kind;
extern const struct kind file_sink_kind;
extern const struct kind stdout_sink_kind;
extern const struct kind discard_kind;
extern const struct kind dead_letter_sink_kind;

#endif
