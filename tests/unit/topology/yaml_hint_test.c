/* SPDX-License-Identifier: MIT */
/*
 * Errors in YAML whose messages from the library have words in common: each is reported as what it
 * is, and with a hint that fits.
 */
#include <string.h>

#include "tests/unit/cases.h"
#include "topology/yaml.h"

static void assert_says(const char *text, const char *expected)
{
    struct diagnostics d;
    struct node *root = NULL;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (yaml_read(text, strlen(text), &d, &root) == 0)
        fail_msg("%s: no error", text);
    if (strncmp(d.items[0].message, expected, strlen(expected)) != 0)
        fail_msg("%s: %s", text, d.items[0].message);
    diagnostics_done(&d);
}

static void quotes_are_unfinished_only_if_they_are(void **state)
{
    (void)state;
    assert_says("a: \"b\n", "unfinished text in double quotes; the quote is not closed");
    assert_says("a: 'b\n", "unfinished text in single quotes; the quote is not closed");
    assert_says("\"a\n  b\": c\n", "a key cannot span several lines");
    assert_says("'a\n  b': c\n", "a key cannot span several lines");
    assert_says("a: \"\\q\"\n", "invalid escape in double quotes; in double quotes a backslash");
    assert_says("a: \"\\xZZ\"\n", "invalid escape in double quotes; in double quotes a backslash");
    assert_says("a: \"\\uD800\"\n",
                "invalid escape in double quotes; in double quotes a backslash");
}

static void a_bracket_is_reported_once(void **state)
{
    (void)state;
    assert_says("a: [b, c\n", "expected ',' or ']'; the '[' at line 1, column 4 is not closed");
    assert_says("a: {b: c\n", "expected ',' or '}'; the '{' at line 1, column 4 is not closed");
}

static void blocks_begin_on_the_next_line(void **state)
{
    (void)state;
    assert_says("a: | b\n", "unexpected text after '|' or '>'; the text they introduce");
    assert_says("a: |\n     \n  b\n", "a blank line has more spaces than the text after it");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_are_unfinished_only_if_they_are),
        cmocka_unit_test(a_bracket_is_reported_once),
        cmocka_unit_test(blocks_begin_on_the_next_line),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
