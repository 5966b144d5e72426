/* SPDX-License-Identifier: MIT */
/*
 * output_line.h - one record, one line: what a sink of lines may write
 *
 * Why so, and not otherwise: docs/decisions/0013-one-record-one-line.md.
 */
#ifndef BULKHEAD_STAGES_KIT_OUTPUT_LINE_H
#define BULKHEAD_STAGES_KIT_OUTPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/stage.h"
#include "topology/kind.h"

/* The reason of output_line_refuse(), for kind.reasons. */
extern const struct dead_reason output_line_not_a_line;
#define OUTPUT_LINE_REASONS &output_line_not_a_line

/* What is sure of all that a stage is given, by the kinds that make it. */
enum kind_lines output_line_sure(const struct topology *topology, const struct stage *stage);

/*
 * Whether the text in a field of a record cannot be a line: one that a source of lines would read
 * back as several, as none, or as another text. Then its dead letter is put out.
 *
 *   begins   nothing stands before it: so it cannot begin with a byte order mark
 */
bool output_line_refuse(const struct record *in, size_t field, bool begins, struct emitter *out);

/* Whether it is known at once that it need not be refused. */
static inline bool output_line_is_plain(enum kind_lines sure, const struct value *line)
{
    return sure == KIND_LINES_MADE || (sure == KIND_LINES_READ && line->len != 0 &&
                                       line->bytes[0] < 0xef && line->bytes[line->len - 1] != '\r');
}

#endif
