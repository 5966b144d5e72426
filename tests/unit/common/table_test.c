/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/table.h"
#include "tests/unit/cases.h"

static void expect(struct table *table, const char *whole)
{
    struct buf out = {0};
    table_write(table, &out);
    assert_string_equal(buf_text(&out), whole);
    buf_done(&out);
}

static void columns_are_as_wide_as_their_cells(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 3, 2);
    table_add_texts(&t, (const char *const[]){"stage", "kind", "in", NULL});
    table_add_texts(&t, (const char *const[]){"a", "file.source", "1", NULL});
    table_add(&t, "%s", "longer");
    table_add(&t, "x");
    table_add(&t, "%d", 12345);
    expect(&t, "stage   kind            in\n"
               "a       file.source      1\n"
               "longer  x            12345\n");
}

static void nothing_is_nothing(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 2, 1);
    expect(&t, "");
}

static void a_last_column_at_the_left_has_no_blanks_behind_it(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 2, 2);
    table_add_texts(&t, (const char *const[]){"a", "b", "c", "ddd", NULL});
    expect(&t, "a  b\nc  ddd\n");
}

#define LONG_NAME "a-name-as-long-as-one-may-be-0123456789-0123456789-0123456789-01"
#define NUMBER "18446744073709551615"

/* 80 columns are enough for the others and 14 of the names: what is longer has a line of its own.
 */
static void long_names_stand_on_lines_of_their_own(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 4, 1);
    table_add_texts(&t, (const char *const[]){"stage", "in", "out", "dead", NULL});
    table_add_texts(&t, (const char *const[]){LONG_NAME, NUMBER, NUMBER, NUMBER, NULL});
    table_add_texts(&t, (const char *const[]){"fourteen-bytes", "1", "2", "3", NULL});
    struct buf out = {0};
    table_write(&t, &out);
    const char *text = buf_text(&out);
    assert_non_null(strstr(text, "\n" LONG_NAME "\n                " NUMBER "  "));
    assert_non_null(strstr(text, "\nfourteen-bytes                     1  "));
    for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1)
        assert_true(end - text <= 80);
    buf_done(&out);
}

/* With the usual gaps, these lines would have 81 columns. */
static void columns_move_closer_if_they_must(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 4, 1);
    table_add_texts(&t, (const char *const[]){"stage", "in", "out", "dead", NULL});
    table_add_texts(&t,
                    (const char *const[]){"name", NUMBER "12345", NUMBER "12345", NUMBER, NULL});
    table_add_texts(&t, (const char *const[]){"longer", "1", "2", "3", NULL});
    expect(&t, "stage                         in                       out                 dead\n"
               "name   " NUMBER "12345 " NUMBER "12345 " NUMBER "\n"
               "longer                         1                         2                    3\n");
}

/* Where the others alone are wider than 80 columns, the names get no less than their head. */
static void too_much_for_any_terminal(void **state)
{
    (void)state;
    struct table t;
    table_init(&t, 5, 1);
    table_add_texts(&t, (const char *const[]){"stage", "a", "b", "c", "d", NULL});
    table_add_texts(&t, (const char *const[]){"names", NUMBER, NUMBER, NUMBER, NUMBER, NULL});
    table_add_texts(&t, (const char *const[]){"longer", "1", "2", "3", "4", NULL});
    expect(&t, "stage                    a                    b                    c"
               "                    d\n"
               "names " NUMBER " " NUMBER " " NUMBER " " NUMBER "\n"
               "longer\n"
               "                         1                    2                    3"
               "                    4\n");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_cells),
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(a_last_column_at_the_left_has_no_blanks_behind_it),
        cmocka_unit_test(long_names_stand_on_lines_of_their_own),
        cmocka_unit_test(columns_move_closer_if_they_must),
        cmocka_unit_test(too_much_for_any_terminal),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
