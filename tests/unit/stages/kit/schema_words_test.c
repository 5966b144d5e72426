/* SPDX-License-Identifier: MIT */
/* Schemas that are not what the table of a kind says are not understood, and the state is lost. */
#include "stages/kinds/kinds.h"
#include "stages/kit/schema_words.h"
#include "stages/store/store_spec.h"
#include "tests/unit/change_story.h"

#define GOOD "dedupe 1 key=a:string"
#define UNKNOWN "lost|its description is not one that this bulkhead knows|"

static void what_is_not_understood_is_lost(void **state)
{
    (void)state;
    static const struct change_story stories[] = {
        {GOOD, "dedupe 2 key=a:string", "",
         "lost|it is one of 'dedupe 2', and here it would be one of 'dedupe 1'|"},
        {"limits 2 key=a:string", GOOD, "",
         "lost|it is one of 'limits 2', and here it would be one of 'dedupe 1'|"},
        {"dedupe 11 key=a:string", GOOD, "",
         "lost|it is one of 'dedupe 11', and here it would be one of 'dedupe 1'|"},
        {"", GOOD, "", "lost|it is one of '', and here it would be one of 'dedupe 1'|"},
        {"\033[31m\377 x y", GOOD, "",
         "lost|it is one of '\\x1b[31m\\xff x', and here it would be one of 'dedupe 1'|"},
        {"dedupe 1", GOOD, "", UNKNOWN},
        {"dedupe 1 ", GOOD, "", UNKNOWN},
        {"dedupe 1 keep=1d", GOOD, "", UNKNOWN},
        {"dedupe 1 x key=a:string", GOOD, "", UNKNOWN},
        {"dedupe 1 key=a:string key=b:string", GOOD, "", UNKNOWN},
        {"dedupe 1 key=a:string more=b", GOOD, "", UNKNOWN},
        {"dedupe 1 key=a:enum(x keep=1d, b) keep=1d at=t", GOOD, "", UNKNOWN},
        {"dedupe 1 key=a:string at=t keep=1d", GOOD, "", UNKNOWN},
        {"dedupe 1 key=a:string … 0123456789abcdef", GOOD, "",
         "lost|its description is so long that only a part of it is kept, so it cannot be said "
         "what has changed|"},
        {"dedupe 1 key=\033a\377:string", "dedupe 1 key=", "periods=week",
         "lost|key was \\x1ba\\xff:string, is : it remembers other keys|"},
    };
    CHANGE_STORIES_CHECK(&dedupe_kind, stories);
}

static void what_is_longer_than_any_schema_is_not_read(void **state)
{
    (void)state;
    char text[STORE_SCHEMA_BYTES_MAX + 2];
    memset(text, 'a', sizeof text - 1);
    memcpy(text, "dedupe 1 key=", 13);
    text[sizeof text - 1] = '\0';
    struct change_story story = {text, GOOD, "", UNKNOWN};
    change_story_check(&dedupe_kind, &story);
    struct store_spec spec;
    store_spec_set_schema(&spec, text);
    assert_true(store_spec_is_shortened(spec.schema));
    text[sizeof text - 2] = '\0';
    store_spec_set_schema(&spec, text);
    assert_false(store_spec_is_shortened(spec.schema));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_understood_is_lost),
        cmocka_unit_test(what_is_longer_than_any_schema_is_not_read),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
