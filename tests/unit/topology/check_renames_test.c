/* SPDX-License-Identifier: MIT */
/* What a stage may say that it was called before. */
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

/* The options of two stages; the second has two workers. */
static char *text_of(const char *first, const char *second)
{
    return memory_format("topology: t\n"
                         "types: { R: { k: string } }\n"
                         "stages:\n"
                         "  in: { kind: file.source, path: in }\n"
                         "  parse: { kind: json.decode, from: in, type: R%s }\n"
                         "  once: { kind: dedupe, from: parse, key: k, workers: 2%s }\n"
                         "  end: { kind: discard, from: once }\n",
                         first, second);
}

static struct topology *load(const char *text, struct buf *errors)
{
    struct diagnostics d;
    struct topology *topology = NULL;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    (void)topology_load("t.yaml", text, strlen(text), bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                        &topology);
    for (size_t i = 0; i < d.count; i++)
        buf_add_format(errors, "%zu: %s\n", (size_t)d.items[i].place.line, d.items[i].message);
    diagnostics_done(&d);
    return topology;
}

static void a_former_name_is_of_no_stage_that_is_there(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *errors;
    } cases[] = {
        {", renamed_from: decode", ", renamed_from: unique", ""},
        {", renamed_from: parse", "",
         "5: 'parse' is the name that this stage has; remove 'renamed_from:', or give the former "
         "name\n"},
        {", renamed_from: once", "",
         "5: there still is a stage 'once', so 'parse' cannot be that stage renamed; remove one of "
         "them\n"},
        {"", ", renamed_from: dead-letters",
         "6: there still is a stage 'dead-letters', so 'once' cannot be that stage renamed; remove "
         "one of them\n"},
        {", renamed_from: old", ", renamed_from: old",
         "6: stage 'parse' is 'old' renamed already; only one stage can be\n"},
        {", renamed_from: 2x", "", "5: '2x' is not a name; " TEXT_NAME_RULE "\n"},
        {", renamed_from: a.b", "", "5: 'a.b' is not a name; " TEXT_NAME_RULE "\n"},
        {", renamed_from: [a]", "",
         "5: 'renamed_from:' should be a single value (text), not a list\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = text_of(cases[i].first, cases[i].second);
        struct buf errors = {0};
        topology_free(load(text, &errors));
        assert_string_equal(buf_text(&errors), cases[i].errors);
        buf_done(&errors);
        free(text);
    }
}

static void all_workers_have_it(void **state)
{
    (void)state;
    struct buf errors = {0};
    char *text = text_of("", ", renamed_from: unique");
    struct topology *t = load(text, &errors);
    assert_non_null(t);
    assert_null(topology_find_stage(t, "parse")->renamed_from);
    assert_null(topology_dead_letters(t)->renamed_from);
    assert_string_equal(topology_find_stage(t, "once.0")->renamed_from, "unique");
    assert_string_equal(topology_find_stage(t, "once.1")->renamed_from, "unique");
    topology_free(t);
    free(text);
    buf_done(&errors);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_former_name_is_of_no_stage_that_is_there),
        cmocka_unit_test(all_workers_have_it),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
