/* SPDX-License-Identifier: MIT */
/*
 * decimal.h - exact decimal numbers with a fixed count of digits
 *
 * The number of a decimal(p,s) is kept times ten to the s, in 64 bits. As with money.h, nothing is
 * rounded: what has more digits behind the point than the type is refused.
 */
#ifndef BULKHEAD_COMMON_DECIMAL_H
#define BULKHEAD_COMMON_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/*
 * Reads [-]digits, then optionally a point and digits. *ret_scaled is untouched unless 0.
 * Returns: 0, ERR_INVALID (no such number, or more digits behind the point than scale), ERR_RANGE
 *          (more than precision digits in all). Requires: scale <= precision <=
 *          DECIMAL_PRECISION_MAX.
 */
int decimal_parse(const char *text, size_t len, unsigned precision, unsigned scale,
                  int64_t *ret_scaled);

/* Appends the number with all its digits behind the point: "-0.50". */
void decimal_format(int64_t scaled, unsigned scale, struct buf *out);

/* Ten to the precision: every decimal of so many digits is smaller than that. */
int64_t decimal_bound(unsigned precision);

#endif
