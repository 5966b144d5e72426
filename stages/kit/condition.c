/* SPDX-License-Identifier: MIT */
/* The sets are stored one after the other as flat steps: one step is one test of one field. */
#include "stages/kit/condition.h"

#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/pattern.h"

struct step {
    size_t set;
    size_t field;
    const struct test *test;
    struct pattern *pattern; /* for TEST_MATCHES; ours */
};

struct condition_matcher {
    size_t count;
    struct step steps[];
};

static size_t count_tests(const struct conditions *conditions)
{
    size_t count = 0;
    for (size_t i = 0; i < conditions->count; i++) {
        for (size_t k = 0; k < conditions->sets[i].count; k++)
            count += conditions->sets[i].items[k].test_count;
    }
    return count;
}

static void add_step(struct condition_matcher *m, size_t set, const struct condition *condition,
                     const struct test *test)
{
    m->steps[m->count++] =
        (struct step){.set = set,
                      .field = (size_t)condition->field,
                      .test = test,
                      .pattern = test->tag == TEST_MATCHES ? pattern_share(test->pattern) : NULL};
}

struct condition_matcher *condition_matcher_new(const struct conditions *conditions)
{
    size_t count = count_tests(conditions);
    struct condition_matcher *m = memory_new(1, sizeof *m + count * sizeof m->steps[0]);
    for (size_t i = 0; i < conditions->count; i++) {
        const struct condition_set *set = &conditions->sets[i];
        for (size_t k = 0; k < set->count; k++) {
            for (size_t t = 0; t < set->items[k].test_count; t++)
                add_step(m, i, &set->items[k], &set->items[k].tests[t]);
        }
    }
    return m;
}

void condition_matcher_free(struct condition_matcher *m)
{
    for (size_t i = 0; m != NULL && i < m->count; i++)
        pattern_free(m->steps[i].pattern);
    free(m);
}

static enum condition_result try_pattern(const struct step *step, const struct value *value,
                                         struct condition_fault *ret_fault)
{
    ret_fault->field = step->field;
    switch (pattern_match(step->pattern, value->bytes, value->len)) {
    case PATTERN_MATCH:
        return CONDITION_HOLDS;
    case PATTERN_NO_MATCH:
        return CONDITION_HOLDS_NOT;
    case PATTERN_TOO_HARD:
        ret_fault->reason = &dead_too_hard;
        ret_fault->pattern = pattern_shown(step->pattern);
        return CONDITION_UNKNOWN;
    case PATTERN_NOT_UTF8:
        break;
    }
    ret_fault->reason = &dead_not_utf8;
    return CONDITION_UNKNOWN;
}

/* Compares the value with the literal of this number: below 0, 0, above 0. */
static int compare(const struct step *step, const struct value *value, size_t literal)
{
    return value_compare(value, &step->test->values[literal].value);
}

static bool is_one_of(const struct step *step, const struct value *value)
{
    for (size_t i = 0; i < step->test->value_count; i++) {
        if (compare(step, value, i) == 0)
            return true;
    }
    return false;
}

static bool holds(const struct step *step, const struct value *value)
{
    switch (step->test->tag) {
    case TEST_EQUALS:
        return compare(step, value, 0) == 0;
    case TEST_ONE_OF:
        return is_one_of(step, value);
    case TEST_RANGE:
        return compare(step, value, 0) >= 0 && compare(step, value, 1) <= 0;
    case TEST_AT_LEAST:
        return compare(step, value, 0) >= 0;
    case TEST_AT_MOST:
        return compare(step, value, 0) <= 0;
    case TEST_ABOVE:
        return compare(step, value, 0) > 0;
    case TEST_BELOW:
        return compare(step, value, 0) < 0;
    case TEST_MATCHES:
    case TEST_EXISTS:
    case TEST_TAG_COUNT:
        break;
    }
    UNREACHABLE();
}

static enum condition_result try_step(const struct step *step, const struct record *record,
                                      struct condition_fault *ret_fault)
{
    const struct value *value = &record->fields[step->field];
    bool exists = value->tag != VALUE_OPTIONAL;
    if (step->test->tag == TEST_EXISTS)
        return exists == step->test->wanted ? CONDITION_HOLDS : CONDITION_HOLDS_NOT;
    if (!exists)
        return CONDITION_HOLDS_NOT;
    if (step->test->tag == TEST_MATCHES)
        return try_pattern(step, value, ret_fault);
    return holds(step, value) ? CONDITION_HOLDS : CONDITION_HOLDS_NOT;
}

enum condition_result condition_try(struct condition_matcher *m, const struct record *record,
                                    struct condition_fault *ret_fault)
{
    size_t i = 0;
    while (i < m->count) {
        size_t set = m->steps[i].set;
        enum condition_result result = CONDITION_HOLDS;
        for (; i < m->count && m->steps[i].set == set; i++) {
            if (result != CONDITION_HOLDS)
                continue; /* on to the next set */
            result = try_step(&m->steps[i], record, ret_fault);
            if (result == CONDITION_UNKNOWN)
                return result;
        }
        if (result == CONDITION_HOLDS)
            return result;
    }
    return CONDITION_HOLDS_NOT;
}

void condition_refuse(const struct condition_fault *fault, const struct record *record,
                      struct emitter *out)
{
    const char *name = emitter_stage(out)->in->fields[fault->field].name;
    if (fault->reason == &dead_too_hard)
        emitter_dead_record(out, fault->reason, record,
                            "the pattern '%s' takes more than " PATTERN_BOUNDS_TEXT
                            " on the field '%s'",
                            fault->pattern, name);
    else
        emitter_dead_record(out, fault->reason, record,
                            "the field '%s' is not UTF-8, so a pattern cannot be tried on it",
                            name);
}
