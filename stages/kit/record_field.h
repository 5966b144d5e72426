/* SPDX-License-Identifier: MIT */
/*
 * record_field.h - the field that holds a record as it looks outside: `line`, or `packed`
 *
 * A source puts what it has read into it, a decoder reads it, an encoder makes it again, and a sink
 * writes it. So the check knows whether they fit together. What is packed, and why:
 * docs/decisions/0027-msgpack-kinds.md.
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_FIELD_H
#define BULKHEAD_STAGES_KIT_RECORD_FIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "stages/kit/packed_records.h"
#include "stages/kit/record_formats.h"
#include "stages/stage.h"
#include "topology/kind_check.h"

/* The option of a sink that says how it writes a record, for kind.options; and kind.reads. */
#define RECORD_FIELD_OPTION                                                                        \
    {                                                                                              \
        .name = "records", .tag = OPTION_CHOICE, .fallback = "lines",                              \
        .choices = record_format_names,                                                            \
        .meaning = "how to write a record: as a line, or as a msgpack map"                         \
    }
#define RECORD_FIELD_SINK_READS "line: string or bytes; with records: msgpack, packed: bytes"

/*
 * For derive(): whether the input has the field of the format; adds the error if not. Where it has
 * that of the other format, the error says so, and then `way`: what to write instead.
 */
void record_field_needs(struct kind_check *check, enum record_format_number format,
                        const char *way);

/* The same for a sink, whose option `records` says the format. */
void record_field_sink_needs(struct kind_check *check);

/* Why bytes are no packed record, for kind.reasons. */
extern const struct dead_reason record_field_not_msgpack;
#define RECORD_FIELD_REASONS &record_field_not_msgpack, &packed_records_no_map

/*
 * For a sink: whether the field of a record is no packed record, so that whoever reads the output
 * would not find where the next one begins. Then its dead letter is put out.
 */
bool record_field_refuse_packed(const struct record *in, size_t field, struct emitter *out);

#endif
