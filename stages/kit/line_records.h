/* SPDX-License-Identifier: MIT */
/*
 * line_records.h - lines, as record_reader.h cuts them out of a text
 *
 * LF and CRLF end a line, and so does the end of the input.
 *
 * A byte order mark of UTF-8 at the beginning of a text is no part of its first line. Lines of a
 * text that begins with one of UTF-16 or UTF-32 cannot be read, and are dead letters, since bytes
 * that are cut at a newline would look like lines of something else.
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

/* Whether bytes are nothing but white space, as far as a line of them is blank. */
bool line_is_blank(const uint8_t *bytes, size_t len);

/* Whether a text that begins with these bytes is in UTF-16 or UTF-32, as its mark says. */
bool line_is_foreign(const uint8_t *bytes, size_t len);

#endif
