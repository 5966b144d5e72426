/* SPDX-License-Identifier: MIT */
#include "common/rounding.h"

#include <stdbool.h>

#include "common/check.h"

__int128 rounding_divide(__int128 dividend, __int128 divisor, enum rounding mode)
{
    REQUIRE(divisor > 0);
    __int128 quotient = dividend / divisor; /* towards 0 */
    __int128 rest = dividend % divisor;
    __int128 away = dividend < 0 ? -1 : 1;
    __int128 twice = 2 * (rest < 0 ? -rest : rest);
    bool further = false;
    switch (mode) {
    case ROUNDING_HALF_EVEN:
        further = twice > divisor || (twice == divisor && quotient % 2 != 0);
        break;
    case ROUNDING_HALF_UP:
        further = twice >= divisor;
        break;
    case ROUNDING_DOWN:
        break;
    case ROUNDING_UP:
        further = rest != 0;
        break;
    }
    return further ? quotient + away : quotient;
}
