/* SPDX-License-Identifier: MIT */
/*
 * record_notes.h - what a source tells people of its records, beside the dead letters
 *
 * A dead letter is one among many, and some inputs give none for long. Each function makes a text,
 * which the caller frees; NULL: there is nothing to say. `input` is how people call the input: a
 * path in quotes, "standard input".
 */
#ifndef BULKHEAD_STAGES_KIT_RECORD_NOTES_H
#define BULKHEAD_STAGES_KIT_RECORD_NOTES_H

#include "stages/kit/record_reader.h"

/* The record in hand is too long already, and its end was not found. Said once for a record. */
char *record_note_overlong(struct record_reader *r, const char *input);

/* A value of msgpack is not a map. Requires: cut->fault is RECORD_NO_MAP, and the reader stands
 * behind that record. */
char *record_note_no_map(const struct record_reader *r, const struct record_cut *cut,
                         const char *input);

#endif
