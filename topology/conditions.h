/* SPDX-License-Identifier: MIT */
/*
 * conditions.h - conditions on the fields of a record: named tests with literals, no expressions
 *
 *     { status: { range: [200, 299] }, agent: { matches: '(?i)bot' } }
 *
 * A set of conditions holds if all its conditions hold. A condition holds if all tests of its field
 * do. Several sets hold if any of them does. conditions_read.h checks that the literals have the
 * type of their field, and that each test makes sense for it; stages/kit/condition.h evaluates
 * them.
 */
#ifndef BULKHEAD_TOPOLOGY_CONDITIONS_H
#define BULKHEAD_TOPOLOGY_CONDITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/value.h"
#include "topology/diagnostics.h"

/* tag, name in topologies, meaning */
#define TEST_LIST(X)                                                                               \
    X(TEST_EQUALS, "equals", "the value equals this one")                                          \
    X(TEST_ONE_OF, "one_of", "the value is in this list")                                          \
    X(TEST_RANGE, "range", "the value is between these two, inclusive")                            \
    X(TEST_AT_LEAST, "at_least", "the value is this one or greater")                               \
    X(TEST_AT_MOST, "at_most", "the value is this one or less")                                    \
    X(TEST_ABOVE, "above", "the value is greater than this one")                                   \
    X(TEST_BELOW, "below", "the value is less than this one")                                      \
    X(TEST_MATCHES, "matches", "the text contains a match for this regular expression")            \
    X(TEST_EXISTS, "exists", "whether an optional field has a value: true or false")

enum test_tag {
#define X(tag, name, meaning) tag,
    TEST_LIST(X)
#undef X
        TEST_TAG_COUNT
};

struct pattern;

/* A literal of the field's type. */
struct test_value {
    char *text; /* as written; value may point into it */
    struct place place;
    struct value value;
};

struct test {
    enum test_tag tag;
    struct place place;
    struct test_value *values; /* TEST_RANGE: low and high; TEST_ONE_OF: any number; else one */
    size_t value_count;
    char *pattern_text;      /* TEST_MATCHES: as written */
    struct pattern *pattern; /* TEST_MATCHES */
    bool wanted;             /* TEST_EXISTS: whether the field must have a value */
};

struct condition {
    char *name; /* of the field */
    int field;  /* its index in the input contract */
    struct test *tests;
    size_t test_count;
};

struct condition_set {
    struct condition *items;
    size_t count;
};

struct conditions {
    struct condition_set *sets;
    size_t count;
};

/* The names of tests in topologies, and their meanings for people. */
extern const char *const test_names[TEST_TAG_COUNT], *const test_meanings[TEST_TAG_COUNT];

/* Frees conditions. Accepts NULL. */
void conditions_free(struct conditions *conditions);

#endif
