/* SPDX-License-Identifier: MIT */
#include "common/floor.h"

#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include <inttypes.h>

static const struct {
    const char *name;
    int64_t dividend, divisor, quotient, rest;
} division_cases[] = {
    {"exact", 14, 7, 2, 0},
    {"positive", 15, 7, 2, 1},
    {"zero", 0, 7, 0, 0},
    {"just below zero", -1, 7, -1, 6},
    {"exact below zero", -7, 7, -1, 0},
    {"below a multiple", -8, 7, -2, 6},
    {"by one", INT64_MIN, 1, INT64_MIN, 0},
    {"least by greatest", INT64_MIN, INT64_MAX, -2, INT64_MAX - 1},
    {"greatest by itself", INT64_MAX, INT64_MAX, 1, 0},
};

static void division_floors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof division_cases / sizeof division_cases[0]; i++) {
        int64_t quotient = floor_div(division_cases[i].dividend, division_cases[i].divisor);
        int64_t rest = floor_mod(division_cases[i].dividend, division_cases[i].divisor);
        if (quotient != division_cases[i].quotient || rest != division_cases[i].rest)
            fail_msg("%s: %" PRId64 " rest %" PRId64, division_cases[i].name, quotient, rest);
    }
}

static void division_adds_up(void **state)
{
    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t dividend = random_integer();
        int64_t divisor = random_integer();
        if (divisor <= 0)
            continue;
        int64_t rest = floor_mod(dividend, divisor);
        __int128 whole = (__int128)floor_div(dividend, divisor) * divisor;
        assert_true(rest >= 0 && rest < divisor);
        assert_true(whole + rest == dividend);
    }
}

int main(int argc, char **argv)
{
    random_init("floor_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(division_floors),
        cmocka_unit_test(division_adds_up),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
