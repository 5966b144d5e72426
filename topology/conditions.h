/* SPDX-License-Identifier: MIT */
/*
 * conditions.h - conditions on the fields of a record: named tests with literals, no expressions
 *
 *     { status: { range: [200, 299] }, agent: { matches: '(?i)bot' } }
 *
 * A set of conditions holds if all of them hold, and a condition if all tests of its field do.
 * Several sets hold if any of them does. The literals have the type of their field; that they do,
 * and that a test makes sense for it, was checked (conditions_read.h). stages/kit/condition.h
 * evaluates them.
 */
#ifndef BULKHEAD_TOPOLOGY_CONDITIONS_H
#define BULKHEAD_TOPOLOGY_CONDITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/value.h"
#include "topology/diagnostics.h"

/* tag, name in topologies */
#define TEST_LIST(X)                                                                               \
    X(TEST_EQUALS, "equals")                                                                       \
    X(TEST_ONE_OF, "one_of")                                                                       \
    X(TEST_RANGE, "range")                                                                         \
    X(TEST_AT_LEAST, "at_least")                                                                   \
    X(TEST_AT_MOST, "at_most")                                                                     \
    X(TEST_ABOVE, "above")                                                                         \
    X(TEST_BELOW, "below")                                                                         \
    X(TEST_MATCHES, "matches")                                                                     \
    X(TEST_EXISTS, "exists")

enum test_tag {
#define X(tag, name) tag,
    TEST_LIST(X)
#undef X
        TEST_TAG_COUNT
};

struct pattern;

/* A literal of the field's type. */
struct test_value {
    char *text; /* as written; the value may point into it */
    struct place place;
    struct value value;
};

struct test {
    enum test_tag tag;
    struct place place;
    struct test_value *values; /* one; TEST_RANGE two, low and high; TEST_ONE_OF any number */
    size_t value_count;
    char *pattern_text; /* TEST_MATCHES, as written */
    struct pattern *pattern;
    bool wanted; /* TEST_EXISTS */
};

struct condition {
    char *name; /* of the field */
    int field;  /* in the input contract */
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

/* Frees conditions; takes NULL. */
void conditions_free(struct conditions *conditions);

#endif
