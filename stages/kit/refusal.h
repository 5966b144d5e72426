/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - why a decoder refuses what it has read as a record of its type
 *
 * The same fault has the same reason and the same words in every format.
 */
#ifndef BULKHEAD_STAGES_KIT_REFUSAL_H
#define BULKHEAD_STAGES_KIT_REFUSAL_H

#include "common/contract.h"
#include "stages/kit/text_value.h"
#include "stages/stage.h"

/* The reasons for a field, for kind.reasons. */
#define REFUSAL_REASONS                                                                            \
    &dead_missing_field, &dead_duplicate_field, &dead_wrong_type, TEXT_VALUE_REASONS

/* Why a field is refused, in words for the user. */
struct refusal {
    const struct dead_reason *reason;
    const char *what; /* follows "the field 'x'" */
    /* These two describe the value that does not fit, which may be deep inside the field. */
    const char *found; /* for dead_wrong_type: what the value is, in the words of the format */
    struct type wanted;
};

/* Sets reason and what, clears the rest, and returns false. */
bool refusal_set(struct refusal *why, const struct dead_reason *reason, const char *what);

/* Emits the dead letter of a record with such a field. `content` is the input that was read. */
void refusal_put_out(const struct refusal *why, const struct field *field,
                     const struct value *content, struct emitter *out);

#endif
