/* SPDX-License-Identifier: MIT */
#include "topology/conditions.h"

#include <stdlib.h>

#include "common/pattern.h"

const char *const test_names[TEST_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = name,
    TEST_LIST(X)
#undef X
};

const char *const test_meanings[TEST_TAG_COUNT] = {
#define X(tag, name, meaning) [tag] = meaning,
    TEST_LIST(X)
#undef X
};

static void free_condition(struct condition *condition)
{
    for (size_t i = 0; i < condition->test_count; i++) {
        struct test *test = &condition->tests[i];
        for (size_t k = 0; k < test->value_count; k++)
            free(test->values[k].text);
        free(test->values);
        free(test->pattern_text);
        pattern_free(test->pattern);
    }
    free(condition->tests);
    free(condition->name);
}

void conditions_free(struct conditions *conditions)
{
    if (conditions == NULL)
        return;
    for (size_t i = 0; i < conditions->count; i++) {
        for (size_t k = 0; k < conditions->sets[i].count; k++)
            free_condition(&conditions->sets[i].items[k]);
        free(conditions->sets[i].items);
    }
    free(conditions->sets);
    free(conditions);
}
