/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

static const char text[] = "topology: t\n"
                           "types: { R: { k: string } }\n"
                           "stages:\n"
                           "  out: { kind: file.sink, from: encode, path: out }\n"
                           "  encode: { kind: json.encode, from: decode }\n"
                           "  refused: { kind: discard, from: decode.dead }\n"
                           "  decode: { kind: json.decode, from: in, type: R, workers: 3 }\n"
                           "  in: { kind: file.source, path: in }\n";

static struct topology *load(enum topology_form form)
{
    struct diagnostics d;
    struct topology *topology = NULL;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    assert_int_equal(
        topology_load("t.yaml", text, strlen(text), bulkhead_kinds, form, &d, &topology), 0);
    diagnostics_done(&d);
    return topology;
}

static void roles_are_found_wherever_they_stand(void **state)
{
    (void)state;
    struct topology *t = load(TOPOLOGY_PROCESSES);
    assert_string_equal(topology_source(t)->name, "in");
    assert_ptr_equal(topology_find_stage(t, "in"), topology_source(t));
    assert_string_equal(topology_dead_letters(t)->name, DEAD_LETTERS_STAGE);
    assert_string_equal(topology_dead_letters(t)->kind->name, DEAD_LETTERS_KIND);
    assert_null(topology_find_stage(t, "decode")); /* it is three */
    assert_non_null(topology_find_stage(t, "decode.2"));
    topology_free(t);
}

static void stages_stand_after_what_feeds_them(void **state)
{
    (void)state;
    static const enum topology_form forms[] = {TOPOLOGY_PROCESSES, TOPOLOGY_LOGICAL};
    static const size_t stages[] = {8, 6};
    for (size_t i = 0; i < 2; i++) {
        struct topology *t = load(forms[i]);
        assert_int_equal(t->stage_count, stages[i]);
        for (size_t k = 0; k < t->stage_count; k++)
            assert_int_equal(t->stages[k].index, k);
        for (size_t k = 0; k < t->edge_count; k++)
            assert_true(t->edges[k].from < t->edges[k].to);
        topology_free(t);
    }
}

/* Of the dead letters that a stage of the topology reads, none go the usual way too. */
static void dead_letters_have_one_way(void **state)
{
    (void)state;
    struct topology *t = load(TOPOLOGY_LOGICAL);
    size_t decode = topology_find_stage(t, "decode")->index;
    size_t usual = topology_dead_letters(t)->index, from_decode = 0, from_others = 0;
    for (size_t i = 0; i < t->edge_count; i++) {
        const struct edge *edge = &t->edges[i];
        if (edge->port != PORT_DEAD)
            continue;
        from_decode += edge->from == decode;
        from_others += edge->from != decode;
        assert_true(edge->from == decode || edge->to == usual);
        assert_true(edge->from != decode || edge->to == topology_find_stage(t, "refused")->index);
    }
    assert_int_equal(from_decode, 1);
    assert_int_equal(from_others, topology_dead_letters(t)->input_count);
    topology_free(t);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_found_wherever_they_stand),
        cmocka_unit_test(stages_stand_after_what_feeds_them),
        cmocka_unit_test(dead_letters_have_one_way),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
