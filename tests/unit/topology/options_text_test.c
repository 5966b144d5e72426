/* SPDX-License-Identifier: MIT */
/*
 * The options of a stage as pairs: every option that is there once, with its default where it has
 * one, and two stages that differ never the same.
 */
#include <stdlib.h>
#include <string.h>

#include "common/contract.h"
#include "common/type.h"
#include "tests/unit/cases.h"
#include "topology/options_read.h"
#include "topology/options_text.h"
#include "topology/yaml.h"

static const char *const choices[] = {"first", "second", NULL};
static const struct option_spec rule_specs[] = {
    {.name = "sum", .tag = OPTION_TEXT, .meaning = "n"},
    {.name = "days", .tag = OPTION_INT, .fallback = "1", .min = 1, .max = 9, .meaning = "n"},
    {0},
};
static const struct option_spec specs[] = {
    {.name = "path", .tag = OPTION_PATH_IN, .meaning = "read"},
    {.name = "loud", .tag = OPTION_BOOL, .fallback = "false", .meaning = "whether"},
    {.name = "size", .tag = OPTION_SIZE, .min = 1, .max = 1 << 20, .meaning = "n"},
    {.name = "pick", .tag = OPTION_CHOICE, .choices = choices, .meaning = "one"},
    {.name = "key", .tag = OPTION_FIELD, .meaning = "a field"},
    {.name = "fields", .tag = OPTION_FIELDS, .meaning = "some"},
    {.name = "calendar", .tag = OPTION_GROUP, .members = rule_specs, .meaning = "one map"},
    {.name = "rules", .tag = OPTION_GROUPS, .members = rule_specs, .meaning = "named maps"},
    {.name = "set", .tag = OPTION_FIELD_GROUPS, .members = rule_specs, .meaning = "by field"},
    {.name = "where", .tag = OPTION_CONDITIONS, .meaning = "one set or several"},
    {.name = "outputs", .tag = OPTION_NAMED_CONDITIONS, .meaning = "named sets"},
    {0},
};
static const struct option_keys keys = {.own = specs};

static void add_field(struct contract *in, const char *name, const char *type_text)
{
    struct type type;
    struct err e;
    assert_int_equal(type_parse(type_text, &type, &e), 0);
    assert_int_equal(contract_add(in, name, type), 0);
}

static void note_pair(void *context, enum option_tag tag, const char *name, const char *text)
{
    buf_add_format(context, "%s%s = '%s'\n", option_is_path(tag) ? "path " : "", name, text);
}

/* The pairs of a map of one line, a line each. The caller frees them. */
static void pairs_of(const char *text, struct buf *ret_pairs)
{
    struct diagnostics d;
    struct contract in = {0};
    add_field(&in, "s", "string");
    add_field(&in, "n", "int");
    add_field(&in, "o", "optional(int)");
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    struct kind_check check = {.diagnostics = &d, .directory = "/here", .in = &in, .from = "x"};
    struct node *root;
    assert_int_equal(yaml_read(text, strlen(text), &d, &root), 0);
    struct options *options = options_read(root, &keys, root->place, "kind 'k'", &check);
    if (d.kept != 0)
        fail_msg("%s: %s", text, d.items[0].message);
    options_text_each(options, note_pair, ret_pairs);
    options_free(options);
    node_free(root);
    diagnostics_done(&d);
}

static void assert_pairs(const char *text, const char *expected)
{
    struct buf pairs = {0};
    pairs_of(text, &pairs);
    assert_string_equal(buf_text(&pairs), expected);
    buf_done(&pairs);
}

static void what_is_there_is_told_in_the_order_of_the_declaration(void **state)
{
    (void)state;
    assert_pairs("{}\n", "loud = 'false'\n"
                         "calendar.days = '1'\n");
    assert_pairs("{ pick: second, size: 1KiB, path: \"${TOPOLOGY_DIR}/a\", loud: true }\n",
                 "path path = '/here/a'\n"
                 "loud = 'true'\n"
                 "size = '1KiB'\n"
                 "pick = 'second'\n"
                 "calendar.days = '1'\n");
    assert_pairs("{ fields: [n, s], key: o }\n", "loud = 'false'\n"
                                                 "key = 'o'\n"
                                                 "fields = 'n, s'\n"
                                                 "calendar.days = '1'\n");
}

static void parts_are_told_by_their_names_as_in_the_file(void **state)
{
    (void)state;
    assert_pairs("{ calendar: { sum: a }, rules: { later: { days: 2 }, early: { sum: b } },"
                 "  set: { s: { sum: b } } }\n",
                 "loud = 'false'\n"
                 "calendar.sum = 'a'\n"
                 "calendar.days = '1'\n"
                 "rules.later.days = '2'\n"
                 "rules.early.sum = 'b'\n"
                 "rules.early.days = '1'\n"
                 "set.s.sum = 'b'\n"
                 "set.s.days = '1'\n");
}

static void conditions_are_told_test_by_test(void **state)
{
    (void)state;
    assert_pairs("{ where: { s: { matches: '^a, b\\.' }, n: { range: [1, 9], above: 3 },"
                 "           o: { exists: false } } }\n",
                 "loud = 'false'\n"
                 "calendar.days = '1'\n"
                 "where.s.matches = '^a, b\\.'\n"
                 "where.n.range = '1, 9'\n"
                 "where.n.above = '3'\n"
                 "where.o.exists = 'false'\n");
    assert_pairs(
        "{ where: [{ n: { at_least: 7 } }, { n: { at_most: 3 }, o: { exists: true } }] }\n",
        "loud = 'false'\n"
        "calendar.days = '1'\n"
        "where.1.n.at_least = '7'\n"
        "where.2.n.at_most = '3'\n"
        "where.2.o.exists = 'true'\n");
    assert_pairs("{ outputs: { vip: { n: { equals: 1 } },"
                 "             bots: [{ n: { below: 0 } }, { s: { one_of: [a, b] } }] } }\n",
                 "loud = 'false'\n"
                 "calendar.days = '1'\n"
                 "outputs.vip.n.equals = '1'\n"
                 "outputs.bots.1.n.below = '0'\n"
                 "outputs.bots.2.s.one_of = 'a, b'\n");
}

/* Whoever compares two runs by their pairs must see that these are not the same conditions. */
static void lists_with_other_values_are_other_texts(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "[a, b, c]",     "['a, b', c]",     "[a, 'b, c']",     "['a, b, c']",    "['a\\, b', c]",
        "['a\\', b, c]", "['a\\\\', b, c]", "[a, b, c, '']",   "[a, b, 'c, ']",  "['', a, b, c]",
        "[', a', b, c]", "['a,', b, c]",    "['a,', ' b', c]", "['a', ' b', c]", "['a\\,', b, c]",
    };
    enum { COUNT = sizeof lists / sizeof lists[0] };
    struct buf pairs[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++) {
        struct buf text = {0};
        buf_add_format(&text, "{ where: { s: { one_of: %s } } }\n", lists[i]);
        pairs_of(buf_text(&text), &pairs[i]);
        buf_done(&text);
        for (size_t k = 0; k < i; k++) {
            if (strcmp(buf_text(&pairs[i]), buf_text(&pairs[k])) == 0)
                fail_msg("%s and %s are both %s", lists[k], lists[i], buf_text(&pairs[i]));
        }
    }
    for (size_t i = 0; i < COUNT; i++)
        buf_done(&pairs[i]);
}

static void lists_have_the_form_of_older_builds_again(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text, *plain;
    } rows[] = {
        {"where.s.one_of", "a\\, b, c\\\\d, \\\\\\,, x", "a, b, c\\d, \\,, x"},
        {"outputs.o.2.n.range", "1, 9", "1, 9"},
        {"where.s.one_of", "", ""},
        {"where.s.one_of", "\\", "\\"},
        {"where.s.matches", "a\\, b\\\\", "a\\, b\\\\"},
        {"where.one_of.equals", "a\\,", "a\\,"},
        {"one_of", "a\\,", "a\\,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "%s", rows[i].text);
        options_text_plain(rows[i].name, text);
        assert_string_equal(text, rows[i].plain);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there_is_told_in_the_order_of_the_declaration),
        cmocka_unit_test(parts_are_told_by_their_names_as_in_the_file),
        cmocka_unit_test(conditions_are_told_test_by_test),
        cmocka_unit_test(lists_with_other_values_are_other_texts),
        cmocka_unit_test(lists_have_the_form_of_older_builds_again),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
