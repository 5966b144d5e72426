/* SPDX-License-Identifier: MIT */
/*
 * line_records.h - the record format "lines" for record_reader.h
 *
 * LF and CRLF end a line, and so does the end of the input.
 *
 * A UTF-8 byte order mark at the beginning of a text is not part of its first line. If a text
 * begins with a UTF-16 or UTF-32 mark, its lines cannot be read and all of them become dead
 * letters: cut at newline bytes, they would look like lines of something else.
 */
#ifndef BULKHEAD_STAGES_KIT_LINE_RECORDS_H
#define BULKHEAD_STAGES_KIT_LINE_RECORDS_H

#include "stages/kit/record_reader.h"

extern const struct record_format line_records;

/* The reasons of dead letters, for kind.reasons. */
extern const struct dead_reason line_records_too_long, line_records_foreign;
#define LINE_RECORDS_REASONS &line_records_too_long, &line_records_foreign

/* The byte order mark of UTF-8. */
#define LINE_MARK "\xef\xbb\xbf"
#define LINE_MARK_BYTES RECORD_MARK_BYTES

/*
 * Whether the bytes are only white space (spaces, tabs, carriage returns), which makes a line
 * blank.
 */
bool line_is_blank(const uint8_t *bytes, size_t len);

/* Whether a text that begins with these bytes is marked as UTF-16 or UTF-32. */
bool line_is_foreign(const uint8_t *bytes, size_t len);

#endif
