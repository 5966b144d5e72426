/* SPDX-License-Identifier: MIT */
/*
 * convert.h - converts values of one type to another
 *
 * These conversions exist:
 *
 *   text                    to any scalar that the text is a valid form of
 *   any scalar              to text
 *   int, decimal and money  to each other; money counts in its whole unit
 *   timestamp               to its day in UTC
 *   date                    to its first moment
 *
 * Either type may also be optional.
 */
#ifndef BULKHEAD_STAGES_KIT_CONVERT_H
#define BULKHEAD_STAGES_KIT_CONVERT_H

#include "common/rounding.h"
#include "stages/kit/text_value.h"

/* The reasons of a misfit, for kind.reasons. */
#define CONVERT_REASONS TEXT_VALUE_REASONS, &dead_missing_field

/* How values of one type are converted to another. */
struct conversion {
    struct type from, to;
    bool rounds; /* if false, decimals that do not fit are a misfit */
    enum rounding mode;
    /* The form of a text that becomes a timestamp; NULL: RFC 3339. */
    const struct timestamp_form *form;
    bool has_fallback;
    struct value fallback; /* the result where the value is absent */
};

/* Whether values of one type can be converted to the other at all. */
bool convert_can(struct type from, struct type to);

/* Whether the conversion can lose decimals, and so needs a rounding mode. */
bool convert_can_round(struct type from, struct type to);

/*
 * Converts a value.
 *
 *   text        overwritten with the bytes that the result needs; must live as long as the result
 *   ret_misfit  set only if the value cannot be converted
 *
 * Returns: whether the value was converted. Requires: convert_can().
 */
bool convert_value(const struct conversion *c, const struct value *value, struct buf *text,
                   struct value *ret_value, struct misfit *ret_misfit);

#endif
