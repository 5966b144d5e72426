/* SPDX-License-Identifier: MIT */
/*
 * decimal.h - exact decimal numbers with a fixed count of digits
 *
 * A decimal(p,s) is kept as its number times ten to the power of s, in 64 bits. As in money.h,
 * nothing is rounded: a number with more digits after the point than its type has is refused.
 */
#ifndef BULKHEAD_COMMON_DECIMAL_H
#define BULKHEAD_COMMON_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

/*
 * Reads [-]digits, then optionally a point and digits. *ret_scaled is set only on success.
 *
 * Requires: scale <= precision <= DECIMAL_PRECISION_MAX.
 * Returns:  0
 *           ERR_INVALID  not of this form, or more than scale digits after the point
 *           ERR_RANGE    more than precision digits in all
 */
int decimal_parse(const char *text, size_t len, unsigned precision, unsigned scale,
                  int64_t *ret_scaled);

/* Appends the number with all scale digits after the point: "-0.50". */
void decimal_format(int64_t scaled, unsigned scale, struct buf *out);

/* Ten to the power of precision: every decimal of that many digits is smaller. */
int64_t decimal_bound(unsigned precision);

#endif
