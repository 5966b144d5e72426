/* SPDX-License-Identifier: MIT */
/*
 * output_line.h - one record, one line: what a sink may write as a line
 *
 * docs/decisions/0013-one-record-one-line.md explains why.
 */
#ifndef BULKHEAD_STAGES_KIT_OUTPUT_LINE_H
#define BULKHEAD_STAGES_KIT_OUTPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/stage.h"
#include "topology/kind.h"

/* The reason that output_line_refuse() gives, for kind.reasons. */
extern const struct dead_reason output_line_not_a_line;
#define OUTPUT_LINE_REASONS &output_line_not_a_line

/* What is certain about every line that reaches a stage, judged by the kinds that make them. */
enum kind_lines output_line_sure(const struct topology *topology, const struct stage *stage);

/*
 * Whether the text in a field of a record cannot be written as a line: a source of lines would read
 * it back as several lines, as none, or as a different text. If so, emits its dead letter.
 *
 *   begins   the line would be the first of the output, so it must not begin with a byte order mark
 */
bool output_line_refuse(const struct record *in, size_t field, bool begins, struct emitter *out);

/* Whether it is certain without a closer look that the line need not be refused. */
static inline bool output_line_is_plain(enum kind_lines sure, const struct value *line)
{
    return sure == KIND_LINES_MADE || (sure == KIND_LINES_READ && line->len != 0 &&
                                       line->bytes[0] < 0xef && line->bytes[line->len - 1] != '\r');
}

#endif
