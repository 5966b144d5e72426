/* SPDX-License-Identifier: MIT */
/*
 * convert.h - values of one type as values of another
 *
 * Text becomes anything that it can be the text of; any scalar becomes text; int, decimal and money
 * become each other, money in its whole unit; a timestamp becomes its day in UTC, and a day its
 * first moment. Optional types stand around any of these.
 */
#ifndef BULKHEAD_STAGES_KIT_CONVERT_H
#define BULKHEAD_STAGES_KIT_CONVERT_H

#include "common/rounding.h"
#include "stages/kit/text_value.h"

/* The reasons of a misfit, for kind.reasons. */
#define CONVERT_REASONS TEXT_VALUE_REASONS, &dead_missing_field

struct conversion {
    struct type from, to;
    bool rounds; /* else decimals that do not fit are a misfit */
    enum rounding mode;
    const struct timestamp_form *form; /* of a text that becomes a timestamp; NULL: RFC 3339 */
    bool has_fallback;
    struct value fallback; /* in place of no value */
};

/* Whether there are conversions between the types at all. */
bool convert_can(struct type from, struct type to);

/* Whether such a conversion can lose decimals, so that it needs to know how to round. */
bool convert_can_round(struct type from, struct type to);

/*
 * Converts a value.
 *
 *   text        is overwritten with what the value needs; it must live as long as the value
 *   ret_misfit  set only if it cannot be converted
 *
 * Returns: whether it can be. Requires: convert_can().
 */
bool convert_value(const struct conversion *c, const struct value *value, struct buf *text,
                   struct value *ret_value, struct misfit *ret_misfit);

#endif
