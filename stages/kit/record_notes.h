/* SPDX-License-Identifier: MIT */
/*
 * record_notes.h - what a source reports about its records in addition to the dead letters
 *
 * A single dead letter is easily missed, and some inputs do not produce one for a long time. Each
 * function returns a text that the caller frees, or NULL if there is nothing to report. `input` is
 * the name of the input for the user: a path in quotes, or "standard input".
 *
 * In messages, "offset N" counts from 0 over a file or a stream, as in docs/protocol.md. "byte N"
 * counts from 1 within a record or another text.
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_NOTES_H
#define BULKHEAD_STAGES_KIT_RECORD_NOTES_H

#include "stages/kit/record_reader.h"

/*
 * Reports that the current record is already too long and its end was not found yet. Once per
 * record.
 */
char *record_note_overlong(struct record_reader *r, const char *input);

/*
 * Reports a msgpack value that is not a map. Requires: cut->fault is RECORD_NO_MAP, and the reader
 * has moved past that record and no further.
 */
char *record_note_no_map(const struct record_reader *r, const struct record_cut *cut,
                         const char *input);

#endif
