/* SPDX-License-Identifier: MIT */
/*
 * cases.h - the main() of a cmocka program: runs all of its cases, or those that are named
 *
 *   build/tests/unit/ipc/frame_test             runs all cases
 *   build/tests/unit/ipc/frame_test 'cut_*'     runs those whose names match one of the patterns
 *   build/tests/unit/ipc/frame_test --list      prints the names
 *
 * Patterns are those of a shell. A pattern that matches no case is an error: a test that was meant
 * to run and did not must not count as a success.
 */
#ifndef BULKHEAD_TESTS_UNIT_CASES_H
#define BULKHEAD_TESTS_UNIT_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether a case of this program has failed. */
static bool cases_failed;

/* Marks the cases that match a pattern in ret_chosen. Returns whether any did. */
static inline bool cases_choose(const char *pattern, const struct CMUnitTest *tests, size_t count,
                                bool *ret_chosen)
{
    bool fits_any = false;
    for (size_t i = 0; i < count; i++) {
        bool fits = fnmatch(pattern, tests[i].name, 0) == 0;
        ret_chosen[i] = ret_chosen[i] || fits;
        fits_any = fits_any || fits;
    }
    return fits_any;
}

static inline int cases_list(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        puts(tests[i].name);
    return 0;
}

/* See CASES_RUN(). */
static inline int cases_run(int argc, char **argv, const char *group,
                            const struct CMUnitTest *tests, size_t count, CMFixtureFunction set_up,
                            CMFixtureFunction tear_down)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0)
        return cases_list(tests, count);
    bool *chosen = calloc(count, sizeof *chosen);
    struct CMUnitTest *cases = calloc(count, sizeof *cases);
    if (chosen == NULL || cases == NULL)
        return 2;
    int code = 0;
    for (int i = 1; i < argc; i++) {
        if (!cases_choose(argv[i], tests, count, chosen)) {
            (void)fprintf(stderr, "%s: no case is named '%s'; --list prints the names\n", argv[0],
                          argv[i]);
            code = 2;
        }
    }
    size_t case_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (argc < 2 || chosen[i])
            cases[case_count++] = tests[i];
    }
    free(chosen);
    if (code == 0)
        code = _cmocka_run_group_tests(group, cases, case_count, set_up, tear_down);
    free(cases);
    cases_failed = code != 0;
    return code;
}

/*
 * Runs the cases of `tests`, an array of struct CMUnitTest, that the arguments of main() select,
 * between the fixtures of the group (NULL: none). Returns what main() must return: the number of
 * cases that failed, or 2 if nothing was run.
 */
#define CASES_RUN(argc, argv, tests, set_up, tear_down)                                            \
    cases_run(argc, argv, #tests, tests, sizeof(tests) / sizeof((tests)[0]), set_up, tear_down)

#endif
