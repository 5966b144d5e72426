/* SPDX-License-Identifier: MIT */
/*
 * output_line.h - one record, one line: what a sink of lines may write
 *
 * Why so, and not otherwise: docs/decisions/0013-one-record-one-line.md.
 */
#ifndef BULKHEAD_STAGES_OUTPUT_LINE_H
#define BULKHEAD_STAGES_OUTPUT_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/stage.h"

/*
 * Whether the text in a field of a record cannot be a line: one that a source of lines would read
 * back as several, as none, or as another text. Then its dead letter is put out.
 *
 *   begins   nothing stands before it: so it cannot begin with a byte order mark
 */
bool output_line_refuse(const struct record *in, size_t field, bool begins, struct emitter *out);

#endif
