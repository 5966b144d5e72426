/* SPDX-License-Identifier: MIT */
/*
 * References in values, as bulkhead-topology(5) has them under "Variables": what stands in their
 * place, what is refused, and which variables an error names.
 */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "tests/unit/cases.h"
#include "topology/expand.h"

static int set_up(void **state)
{
    (void)state;
    return setenv("A", "a", 1) + setenv("B_2", "b", 1) + setenv("EMPTY", "", 1) +
           setenv("TOPOLOGY_DIR", "/not/this", 1) + setenv("DOLLAR", "${A}", 1) +
           setenv("LINES", "a\nb", 1) + unsetenv("NONE");
}

static void what_stands_in_the_place_of_references(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expanded;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"${A}", "a"},
        {"x${A}y${B_2}z", "xaybz"},
        {"${A}${A}", "aa"},
        {"${EMPTY}", ""},
        {"${TOPOLOGY_DIR}/in", "/here/in"},
        {"${TOPOLOGY_DIR:-/x}", "/here"},
        /* With a default. */
        {"${A:-x}", "a"},
        {"${NONE:-x y}", "x y"},
        {"${EMPTY:-x}", "x"},
        {"${NONE:-}", ""},
        {"${EMPTY:-}", ""},
        {"${NONE:-${A}}", "a"},
        {"${NONE:-x${NONE:-y${B_2}}}z", "xybz"},
        {"${NONE:-a:-b}", "a:-b"},
        {"${A:-${NONE}}", "a"}, /* which nobody comes to */
        /* Dollar signs. */
        {"$$", "$"},
        {"$", "$"},
        {"$A", "$A"},
        {"a$", "a$"},
        {"$ {A}", "$ {A}"},
        {"$${A}", "${A}"},
        {"$$${A}", "$a"},
        {"$$$${A}", "$${A}"},
        {"${NONE:-$$}", "$"},
        {"${NONE:-$${A}}", "${A}"},
        {"}{", "}{"},
        /* A value is text, whatever it looks like. */
        {"${DOLLAR}", "${A}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        struct err e;
        buf_add_text(&out, ">");
        if (expand_text(rows[i].text, "/here", &out, &e) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        if (strcmp(buf_text(&out) + 1, rows[i].expanded) != 0)
            fail_msg("%s: %s", rows[i].text, buf_text(&out));
        buf_done(&out);
    }
}

static void a_protected_text_is_that_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *protected;
    } rows[] = {
        {"", ""},          {"a", "a"},
        {"$", "$"},        {"a$", "a$"},
        {"$a}", "$a}"},    {"^\\$[0-9]+$", "^\\$[0-9]+$"},
        {"$$", "$$$"},     {"$$$", "$$$$$"},
        {"${A}", "$${A}"}, {"$${A}", "$$$${A}"},
        {"${", "$${"},     {"x${NONE}$", "x$${NONE}$"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf protected = {0}, expanded = {0};
        struct err e;
        expand_protect(rows[i].text, &protected);
        assert_string_equal(buf_text(&protected), rows[i].protected);
        if (expand_text(buf_text(&protected), "/here", &expanded, &e) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        assert_string_equal(buf_text(&expanded), rows[i].text);
        buf_done(&protected);
        buf_done(&expanded);
    }
}

static void what_cannot_be_replaced_is_refused(void **state)
{
    (void)state;
#define NO_NAME                                                                                    \
    " does not name a variable; write ${NAME} or ${NAME:-default}, or $$ for a dollar sign"
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"${NONE}", "the environment variable NONE is not set; set it, or write ${NONE:-default}"},
        {"${NONE:-${NONE}}",
         "the environment variable NONE is not set; set it, or write ${NONE:-default}"},
        {"${}", "'${}'" NO_NAME},
        {"${:-x}", "'${:-x}'" NO_NAME},
        {"${A B}", "'${A B}'" NO_NAME},
        {"${A-b}", "'${A-b}'" NO_NAME},
        {"${${A}}", "'${${A}}'" NO_NAME},
        {"${A:b}", "'${A:b}'" NO_NAME},
        {"${A", "'${' has no closing '}'"},
        {"${A:-${B}", "'${' has no closing '}'"},
        {"${LINES}", "the value of the environment variable LINES contains a newline"},
        {"${LINES:-x}", "the value of the environment variable LINES contains a newline"},
    };
#undef NO_NAME
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out = {0};
        struct err e = {0};
        if (expand_text(rows[i].text, "/here", &out, &e) != ERR_INVALID)
            fail_msg("%s: %s", rows[i].text, buf_text(&out));
        if (strcmp(e.text, rows[i].error) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        buf_done(&out);
    }
}

/* ${NONE:-${NONE:-...x}}, so many of them. */
static int expand_nested(unsigned count, struct buf *out, struct err *e)
{
    struct buf text = {0};
    for (unsigned i = 0; i < count; i++)
        buf_add_text(&text, "${NONE:-");
    buf_add_byte(&text, 'x');
    for (unsigned i = 0; i < count; i++)
        buf_add_byte(&text, '}');
    int rc = expand_text(buf_text(&text), "/here", out, e);
    buf_done(&text);
    return rc;
}

static void defaults_are_nested_so_deep_and_no_deeper(void **state)
{
    (void)state;
    struct buf out = {0};
    struct err e;
    assert_int_equal(expand_nested(EXPANSION_DEPTH_MAX, &out, &e), 0);
    assert_string_equal(buf_text(&out), "x");
    assert_int_equal(expand_nested(EXPANSION_DEPTH_MAX + 1, &out, &e), ERR_INVALID);
    assert_string_equal(e.text, "variables are nested more than 8 deep");
    buf_done(&out);
}

static void an_error_names_what_a_value_is_from(void **state)
{
    (void)state;
    static const struct {
        const char *text, *variables;
    } rows[] = {
        {"", NULL},
        {"A", NULL},
        {"${A}", "A"},
        {"${A}/${B_2}", "A, B_2"},
        {"${A:-x}", "A"},
        {"${A:-${B_2}}", "A, B_2"},
        {"${TOPOLOGY_DIR}/x", NULL},
        {"${TOPOLOGY_DIR}/${A}", "A"},
        {"$A", NULL},
        {"$${A}", NULL}, /* the text "${A}" */
        {"$$${A}", "A"},
        {"$$$${A}", NULL},
        {"${A:-$${B_2}}", "A"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct node node = {.tag = NODE_SCALAR, .text = (char *)rows[i].text};
        char *variables = expand_variables(&node);
        const char *got = variables != NULL ? variables : "none";
        if (strcmp(got, rows[i].variables != NULL ? rows[i].variables : "none") != 0)
            fail_msg("%s: %s", rows[i].text, got);
        free(variables);
    }
    struct node set = {.tag = NODE_SCALAR, .text = (char *)"${A}", .as_it_is = true};
    assert_null(expand_variables(&set));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_the_place_of_references),
        cmocka_unit_test(a_protected_text_is_that_text),
        cmocka_unit_test(what_cannot_be_replaced_is_refused),
        cmocka_unit_test(defaults_are_nested_so_deep_and_no_deeper),
        cmocka_unit_test(an_error_names_what_a_value_is_from),
    };
    return CASES_RUN(argc, argv, tests, set_up, NULL);
}
