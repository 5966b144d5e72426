/* SPDX-License-Identifier: MIT */
/*
 * Every small division against the words of the manual: both neighbours are looked at.
 */
#include <math.h>
#include <stdlib.h>

#include "common/rounding.h"
#include "tests/unit/cases.h"

/* The multiple that is meant, by looking at both neighbours; doubles of these sizes are exact. */
static int64_t wanted(int64_t dividend, int64_t divisor, enum rounding mode)
{
    int64_t low = (int64_t)floor((double)dividend / (double)divisor);
    if (low * divisor == dividend)
        return low;
    int64_t inner = llabs(low) < llabs(low + 1) ? low : low + 1;
    int64_t outer = inner == low ? low + 1 : low;
    int64_t to_low = dividend - low * divisor, to_high = (low + 1) * divisor - dividend;
    switch (mode) {
    case ROUNDING_DOWN:
        return inner;
    case ROUNDING_UP:
        return outer;
    case ROUNDING_HALF_UP:
        return to_low == to_high ? outer : to_low < to_high ? low : low + 1;
    case ROUNDING_HALF_EVEN:
        break;
    }
    int64_t even = low % 2 == 0 ? low : low + 1;
    return to_low == to_high ? even : to_low < to_high ? low : low + 1;
}

static void small_divisions_are_rounded(void **state)
{
    (void)state;
    for (int64_t divisor = 1; divisor <= 24; divisor++) {
        for (int64_t dividend = -200; dividend <= 200; dividend++) {
            for (int mode = ROUNDING_HALF_EVEN; mode <= ROUNDING_UP; mode++) {
                int64_t is = (int64_t)rounding_divide(dividend, divisor, (enum rounding)mode);
                if (is != wanted(dividend, divisor, (enum rounding)mode))
                    fail_msg("%d / %d in mode %d: %d", (int)dividend, (int)divisor, mode, (int)is);
            }
        }
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_divisions_are_rounded),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
