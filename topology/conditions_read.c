/* SPDX-License-Identifier: MIT */
/*
 * Reads from the outside in: sets, the conditions of a set, the tests of a condition, their
 * literals. A field that the input does not have is one error; then everything about its tests that
 * does not depend on its type is still checked.
 */
#include "topology/conditions_read.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "common/pattern.h"
#include "common/scalar.h"
#include "common/text.h"
#include "common/type.h"
#include "topology/expand.h"

#define TEXT_TAGS (1u << VALUE_STRING | 1u << VALUE_BYTES)
#define ORDERED_TAGS                                                                               \
    (1u << VALUE_INT | 1u << VALUE_MONEY | 1u << VALUE_TIMESTAMP | 1u << VALUE_DECIMAL |           \
     1u << VALUE_DATE | 1u << VALUE_DURATION | 1u << VALUE_ENUM)

/* The types of fields for which a test makes sense. */
static const unsigned test_tags[TEST_TAG_COUNT] = {
    [TEST_EQUALS] = VALUE_TAGS_SCALAR, [TEST_ONE_OF] = VALUE_TAGS_SCALAR,
    [TEST_RANGE] = ORDERED_TAGS,       [TEST_AT_LEAST] = ORDERED_TAGS,
    [TEST_AT_MOST] = ORDERED_TAGS,     [TEST_ABOVE] = ORDERED_TAGS,
    [TEST_BELOW] = ORDERED_TAGS,       [TEST_MATCHES] = TEXT_TAGS,
    [TEST_EXISTS] = UINT_MAX,
};

/* What is known while one test is read. */
struct test_context {
    const struct kind_check *check;
    struct diagnostics *diagnostics;
    const char *name;          /* of the field that is tested */
    const struct field *field; /* NULL: the field or its type is unknown, or unfit for the test */
    struct type type;          /* of its values, if field is not NULL */
};

static void add_bad_value(enum test_tag tag, const struct node *node, const char *text,
                          const char *why, const struct test_context *c)
{
    const char *nearest = NULL;
    if (c->type.tag == VALUE_ENUM)
        nearest = text_nearest(text, (const char *const *)c->type.detail->names,
                               c->type.detail->name_count);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, node->place, "'%s: %s' does not fit '%s': it %s%s",
                    test_names[tag], text, c->field->name, why, text_suggestion(nearest, "", hint));
}

/* Adds a literal of the field's type. Returns false if it is not one or that cannot be known. */
static bool add_value(struct test *test, const struct node *node, const struct test_context *c)
{
    if (node->nothing) {
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' has no value to compare '%s' with; write \"\" for an empty text",
                        test_names[test->tag], c->name);
        return false;
    }
    if (node->tag != NODE_SCALAR) {
        char type[TYPE_NAME_BYTES_MAX] = "";
        bool known = c->field != NULL;
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' compares '%s' with a single value%s%s%s, not with %s",
                        test_names[test->tag], c->name, known ? " (" : "",
                        known ? type_name(c->type, type) : "", known ? ")" : "",
                        node_tag_name(node->tag));
        return false;
    }
    char *text = expand_scalar(node, c->check->directory, c->diagnostics);
    if (text == NULL || c->field == NULL) {
        free(text);
        return false;
    }
    struct test_value value = {.text = text, .place = node->place};
    /* The currency of money is known, so an amount need not state it. */
    static const struct scalar_form form = {.bare_money = true};
    const char *why;
    if (scalar_parse(&c->type, text, strlen(text), &form, &value.value, &why) != SCALAR_GOOD) {
        add_bad_value(test->tag, node, text, why, c);
        free(text);
        return false;
    }
    test->values = memory_resize(test->values, test->value_count + 1, sizeof *test->values);
    test->values[test->value_count++] = value;
    return true;
}

static void read_one_of(struct test *test, const struct node *node, const struct test_context *c)
{
    if (node->tag != NODE_LIST || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place,
                        "'one_of:' should be a list of values: [a, b]");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        if (!add_value(test, node->items[i], c))
            continue;
        const struct test_value *added = &test->values[test->value_count - 1];
        for (size_t k = 0; k + 1 < test->value_count; k++) {
            if (value_compare(&test->values[k].value, &added->value) == 0)
                diagnostics_add(c->diagnostics, added->place,
                                "'one_of:' lists the value '%s' twice", added->text);
        }
    }
}

static void read_range(struct test *test, const struct node *node, const struct test_context *c)
{
    if (node->tag != NODE_LIST || node->count != 2) {
        diagnostics_add(c->diagnostics, node->place,
                        "'range:' should be a list of the lowest and the highest value: [1, 10]");
        return;
    }
    bool has_low = add_value(test, node->items[0], c);
    if (!add_value(test, node->items[1], c) || !has_low)
        return;
    const struct test_value *low = &test->values[0], *high = &test->values[1];
    if (value_compare(&low->value, &high->value) > 0)
        diagnostics_add(c->diagnostics, low->place, "this range is empty: '%s' is above '%s'",
                        low->text, high->text);
}

static void read_matches(struct test *test, const struct node *node, const struct test_context *c)
{
    /* A pattern that is empty after its variables were replaced is valid. */
    if (node->tag != NODE_SCALAR || (*node->text == '\0' && !node->as_it_is)) {
        diagnostics_add(c->diagnostics, node->place,
                        "'matches:' should be a regular expression: '^bot'");
        return;
    }
    test->pattern_text = expand_scalar(node, c->check->directory, c->diagnostics);
    if (test->pattern_text == NULL)
        return;
    size_t at = 0, len = strlen(test->pattern_text);
    struct err e;
    if (pattern_compile(test->pattern_text, len, &test->pattern, &at, &e) != 0)
        diagnostics_add(c->diagnostics, node->place,
                        "'%s' is not a regular expression: %s, at byte %zu", test->pattern_text,
                        e.text, at + 1);
}

static void read_exists(struct test *test, const struct node *node, const struct test_context *c)
{
    test->wanted = node->tag == NODE_SCALAR && strcmp(node->text, "true") == 0;
    if (!test->wanted && (node->tag != NODE_SCALAR || strcmp(node->text, "false") != 0))
        diagnostics_add(c->diagnostics, node->place, "'exists:' should be true or false");
    else if (c->field != NULL && c->field->type.tag != VALUE_OPTIONAL)
        diagnostics_add(c->diagnostics, test->place,
                        "'exists:' is for optional fields; '%s' always has a value", c->name);
}

/* The test that a key names; TEST_TAG_COUNT, with the error added, if there is none. */
static enum test_tag find_test(const struct node_pair *pair, const struct test_context *c)
{
    for (int tag = 0; tag < TEST_TAG_COUNT; tag++) {
        if (strcmp(test_names[tag], pair->key) == 0)
            return (enum test_tag)tag;
    }
    const char *nearest = text_nearest(pair->key, test_names, TEST_TAG_COUNT);
    struct buf all = {0};
    for (int tag = 0; tag < TEST_TAG_COUNT; tag++)
        buf_add_format(&all, "%s%s", tag != 0 ? ", " : "; the tests are: ", test_names[tag]);
    char hint[TEXT_SUGGESTION_BYTES];
    diagnostics_add(c->diagnostics, pair->key_place, "there is no test '%s'%s", pair->key,
                    text_suggestion(nearest, buf_text(&all), hint));
    buf_done(&all);
    return TEST_TAG_COUNT;
}

/* Whether the test makes sense for the field; adds the error if not. */
static bool suits_field(enum test_tag tag, struct place place, const struct test_context *c)
{
    if ((test_tags[tag] & 1u << c->type.tag) != 0)
        return true;
    char wanted[96], have[TYPE_NAME_BYTES_MAX];
    diagnostics_add(c->diagnostics, place, "'%s:' needs a field of type %s, but '%s' is %s",
                    test_names[tag], kind_check_tags_text(test_tags[tag], wanted), c->field->name,
                    type_name(c->field->type, have));
    return false;
}

static void add_test(struct condition *condition, const struct node_pair *pair,
                     const struct test_context *context)
{
    enum test_tag tag = find_test(pair, context);
    if (tag == TEST_TAG_COUNT)
        return;
    struct test_context inner = *context;
    const struct test_context *c = &inner;
    if (inner.field != NULL && !suits_field(tag, pair->key_place, context))
        inner.field = NULL;
    condition->tests =
        memory_resize(condition->tests, condition->test_count + 1, sizeof *condition->tests);
    struct test *test = &condition->tests[condition->test_count++];
    *test = (struct test){.tag = tag, .place = pair->key_place};
    switch (tag) {
    case TEST_ONE_OF:
        read_one_of(test, pair->value, c);
        return;
    case TEST_RANGE:
        read_range(test, pair->value, c);
        return;
    case TEST_MATCHES:
        read_matches(test, pair->value, c);
        return;
    case TEST_EXISTS:
        read_exists(test, pair->value, c);
        return;
    default:
        (void)add_value(test, pair->value, c);
    }
}

static void add_condition(struct condition_set *set, const struct node_pair *pair,
                          const char *option, const struct kind_check *c)
{
    set->items = memory_resize(set->items, set->count + 1, sizeof *set->items);
    struct condition *condition = &set->items[set->count++];
    *condition =
        (struct condition){.name = memory_dup(pair->key, strlen(pair->key)),
                           .field = kind_check_find_field(c, pair->key, pair->key_place, option)};
    if (pair->value->tag != NODE_MAP || pair->value->count == 0) {
        diagnostics_add(c->diagnostics, pair->value->place,
                        "the field '%s' needs a map of tests: { equals: … }", pair->key);
        return;
    }
    struct test_context context = {.check = c, .diagnostics = c->diagnostics, .name = pair->key};
    const struct field *field = condition->field >= 0 ? &c->in->fields[condition->field] : NULL;
    if (field != NULL && field->type.doubt == TYPE_CERTAIN) {
        bool is_optional = field->type.tag == VALUE_OPTIONAL;
        context.field = field;
        context.type = is_optional ? type_item(field->type) : field->type;
    }
    for (size_t i = 0; i < pair->value->count; i++)
        add_test(condition, &pair->value->pairs[i], &context);
}

static void add_set(struct conditions *conditions, const struct node *node, const char *option,
                    const char *name, const struct kind_check *c)
{
    if (node->tag != NODE_MAP || node->count == 0) {
        diagnostics_add(c->diagnostics, node->place,
                        "'%s:' should be a map of fields, each with its tests, or a list of such "
                        "maps: { status: { equals: 200 } }",
                        name);
        return;
    }
    conditions->sets =
        memory_resize(conditions->sets, conditions->count + 1, sizeof *conditions->sets);
    struct condition_set *set = &conditions->sets[conditions->count++];
    *set = (struct condition_set){0};
    for (size_t i = 0; i < node->count; i++)
        add_condition(set, &node->pairs[i], option, c);
}

struct conditions *conditions_read(const struct node *node, const char *option, const char *name,
                                   const struct kind_check *check)
{
    struct conditions *conditions = memory_new(1, sizeof *conditions);
    if (node->tag != NODE_LIST || node->count == 0) {
        add_set(conditions, node, option, name, check);
        return conditions;
    }
    for (size_t i = 0; i < node->count; i++)
        add_set(conditions, node->items[i], option, name, check);
    return conditions;
}
