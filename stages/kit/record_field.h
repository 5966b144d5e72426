/* SPDX-License-Identifier: MIT */
/*
 * record_field.h - the field that holds a record in its outside form: `line` or `packed`
 *
 * A source fills it with what it has read, a decoder reads it, an encoder makes it, and a sink
 * writes it. Its name tells the check whether they fit together.
 * docs/decisions/0027-msgpack-kinds.md explains what is packed, and why.
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_FIELD_H
#define BULKHEAD_STAGES_KIT_RECORD_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/kit/packed_records.h"
#include "stages/kit/record_formats.h"
#include "stages/stage.h"
#include "topology/kind_check.h"

/* For a sink: the row of kind.options with the format to write, and the text of kind.reads. */
#define RECORD_FIELD_OPTION                                                                        \
    {                                                                                              \
        .name = "records", .tag = OPTION_CHOICE, .fallback = "lines",                              \
        .choices = record_format_names,                                                            \
        .meaning = "how to write a record: as a line, or as a msgpack map"                         \
    }
#define RECORD_FIELD_SINK_READS "line: string or bytes; with records: msgpack, packed: bytes"

/*
 * For derive(): checks that the input has the field of the format, and adds an error if not. If it
 * has the field of the other format instead, the error ends with `way`, the advice what to write
 * instead.
 */
void record_field_needs(struct kind_check *check, enum record_format_number format,
                        const char *way);

/* The same for a sink, which takes the format from its option `records`. */
void record_field_sink_needs(struct kind_check *check);

/* The reasons that record_field_refuse_packed() may give, for kind.reasons. */
extern const struct dead_reason record_field_not_msgpack;
#define RECORD_FIELD_REASONS &record_field_not_msgpack, &packed_records_no_map

/*
 * For a sink: whether the field of a record is not a valid packed record, so that a reader of the
 * output could not find where the next one begins. If so, emits its dead letter.
 */
bool record_field_refuse_packed(const struct record *in, size_t field, struct emitter *out);

#endif
