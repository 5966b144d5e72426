/* SPDX-License-Identifier: MIT */
/*
 * record_formats.h - the formats of a stream of records, by their names in topologies
 *
 * Each format is a struct record_format (record_reader.h) in a file of its own.
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_FORMATS_H
#define BULKHEAD_STAGES_KIT_RECORD_FORMATS_H

#include "stages/kit/record_reader.h"
#include "topology/kind_check.h"
#include "topology/options.h"

/* In the order of record_format_names. */
enum record_format_number { RECORDS_LINES, RECORDS_MSGPACK };

/* The choices of the option `records`. Ends with NULL. */
extern const char *const record_format_names[];

/* The rows of kind.options that every source of a stream has. */
#define RECORD_FORMAT_OPTIONS                                                                      \
    {.name = "records",                                                                            \
     .tag = OPTION_CHOICE,                                                                         \
     .fallback = "lines",                                                                          \
     .choices = record_format_names,                                                               \
     .meaning = "what a record is: a line, or a msgpack map"},                                     \
    {                                                                                              \
        .name = "max_line_bytes", .tag = OPTION_SIZE, .fallback = "1MiB", .min = 64,               \
        .max = LINE_BYTES_MAX, .meaning = "a longer line or packed record is a dead letter"        \
    }

/* For the declaration of such a source: kind.makes and kind.reasons. */
#define RECORD_FORMATS_MAKE "line: bytes, or packed: bytes (see records)"
extern const struct dead_reason *const record_format_reasons[];

/* For kind.derive: adds the field that holds a record to the output. */
void record_formats_derive(struct kind_check *check);

/*
 * Returns the format that the option `records` names. Requires: the option was read without an
 * error.
 */
enum record_format_number record_format_chosen(const struct options *options);

/* Returns the name of the field that holds a record of the format. Static. */
const char *record_format_field(enum record_format_number number);

/*
 * Prepares a reader for the format and the limit that the options name; the other arguments are
 * those of record_reader_init(). Ownership: the caller ends it with record_reader_done().
 */
void record_format_open(const struct options *options, record_fill *fill, record_begins *begins,
                        void *context, struct record_reader *ret_reader);

#endif
