/* SPDX-License-Identifier: MIT */
/*
 * text_value.h - texts from the data as values of a declared type
 *
 * For kinds that receive text where the topology declares the type. Because the type is declared,
 * an amount of money need not state its currency; if it does, it must be the currency of the type.
 */
#ifndef BULKHEAD_STAGES_KIT_TEXT_VALUE_H
#define BULKHEAD_STAGES_KIT_TEXT_VALUE_H

#include "common/scalar.h"
#include "common/timestamp_form.h"
#include "stages/stage.h"

/* The reasons of a misfit, for kind.reasons. */
#define TEXT_VALUE_REASONS                                                                         \
    &dead_not_utf8, &dead_bad_money, &dead_wrong_currency, &dead_too_many_decimals,                \
        &dead_bad_timestamp, &dead_overflow, &dead_bad_value, &dead_too_hard

/* Why a text is not a value of the type. */
struct misfit {
    const struct dead_reason *reason; /* of the dead letter */
    /*
     * The rest of its message, such as "is not UTF-8". The kind puts the subject first: "the field
     * 'x' " or "the cell 'x' ".
     */
    const char *what;
};

/* Returns the reason of a dead letter for a fault in a text. Requires: fault is not SCALAR_GOOD. */
const struct dead_reason *text_value_reason(enum scalar_fault fault);

/* Whether a text can be a value of the type. It cannot be a list or a map. */
bool text_value_can_read(struct type type);

/*
 * Reads a text as a value. An optional type is read as the type that it holds. Spaces around the
 * text are not accepted, and nothing is rounded or cut.
 *
 *   form        of a VALUE_TIMESTAMP; NULL: RFC 3339
 *   ret_value   strings and bytes point into `bytes`
 *   ret_misfit  set only if the text is not a value of the type
 *
 * Returns: whether it is one. Requires: text_value_can_read().
 */
bool text_value_read(const uint8_t *bytes, size_t len, struct type type,
                     const struct timestamp_form *form, struct value *ret_value,
                     struct misfit *ret_misfit);

#endif
