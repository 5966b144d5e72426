/* SPDX-License-Identifier: MIT */
/*
 * refusal.h - why what was read is not a record of its type, for the decoders of formats
 *
 * Whatever the format, the same fault has the same reason and the same words.
 */
#ifndef BULKHEAD_STAGES_KIT_REFUSAL_H
#define BULKHEAD_STAGES_KIT_REFUSAL_H

#include "common/contract.h"
#include "stages/kit/text_value.h"
#include "stages/stage.h"

/* The reasons of fields, for kind.reasons. */
#define REFUSAL_REASONS                                                                            \
    &dead_missing_field, &dead_duplicate_field, &dead_wrong_type, TEXT_VALUE_REASONS

/* Why, and a few words for a person. */
struct refusal {
    const struct dead_reason *reason;
    const char *what; /* stands after "the field 'x'" */
    /* Of what does not fit: it may be deep in the field. */
    const char *found; /* what it is in the words of the format; for dead_wrong_type */
    struct type wanted;
};

/* Sets the first two, and returns false. A call of it costs nothing where all fits. */
bool refusal_set(struct refusal *why, const struct dead_reason *reason, const char *what);

/* Puts out the dead letter of a record with such a field; content is what was read. */
void refusal_put_out(const struct refusal *why, const struct field *field,
                     const struct value *content, struct emitter *out);

#endif
