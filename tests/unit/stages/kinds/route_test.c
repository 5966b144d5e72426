/* SPDX-License-Identifier: MIT */
/*
 * Tests route against the manual. The tests of fields, for all types, are in
 * stages/kit/condition_test.c.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  R: { id: string, n: int, tier: 'optional(enum(iron, gold))' }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  way: { kind: route, from: parse, by: id, otherwise: rest,\n"
    "         outputs: { vip: { tier: { equals: gold } },\n"
    "                    large: [{ n: { at_least: 100 } }, { n: { below: 0 } }] } }\n"
    "  end: { kind: discard, from: [way.rest, way.vip, way.large] }\n";

static const struct kind_story stories[] = {
    {"the first output whose conditions hold, in the order of the file", NULL,
     "{'id':'a','n':1,'tier':'gold'}\n"
     "  vip {'id':'a','n':1,'tier':'gold'}\n"
     "{'id':'b','n':100,'tier':'gold'}\n"
     "  vip {'id':'b','n':100,'tier':'gold'}\n"
     "{'id':'a','n':100,'tier':null}\n"
     "  large {'id':'a','n':100,'tier':null}\n"
     "{'id':'b','n':99,'tier':'iron'}\n"
     "  rest {'id':'b','n':99,'tier':'iron'}\n"
     "{'id':'c','n':-1,'tier':null}\n"
     "  large {'id':'c','n':-1,'tier':null}\n"},
    {"several records of one seq", NULL,
     "{'id':'b','n':1,'tier':null}\n"
     "& {'id':'a','n':1,'tier':'gold'}\n"
     "& {'id':'a','n':100,'tier':null}\n"
     "& {'id':'a','n':2,'tier':null}\n"
     "& {'id':'b','n':100,'tier':'gold'}\n"
     "  vip {'id':'a','n':1,'tier':'gold'}\n"
     "  vip {'id':'b','n':100,'tier':'gold'}\n"
     "  large {'id':'a','n':100,'tier':null}\n"
     "  rest {'id':'b','n':1,'tier':null}\n"
     "  rest {'id':'a','n':2,'tier':null}\n"},
};

static void a_record_goes_to_the_first_output_whose_conditions_hold(void **state)
{
    (void)state;
    kind_stories_play(text, "way", stories, sizeof stories / sizeof stories[0]);
}

static const char text_of_lines[] =
    "topology: t\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  way: { kind: route, from: lines, otherwise: rest,\n"
    "         outputs: { x: { line: { equals: x } },\n"
    "                    hard: { line: { matches: '^((z+)+)+(!|,)$' } },\n"
    "                    y: { line: { equals: y } } } }\n"
    "  end: { kind: discard, from: [way.x, way.hard, way.y, way.rest] }\n";

static const struct kind_story stories_of_lines[] = {
    {"a text that cannot be matched is refused, if no output before takes it", NULL,
     "x\n"
     "  x {'line':'x'}\n"
     "\xff\n"
     "  dead not-utf8\n"
     "y\n"
     "  y {'line':'y'}\n"
     "zz!\n"
     "  hard {'line':'zz!'}\n"
     "\n"
     "  rest {'line':''}\n"},
};

static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    kind_stories_play(text_of_lines, "way", stories_of_lines,
                      sizeof stories_of_lines / sizeof stories_of_lines[0]);
}

/* Only once, because it is slow. */
static void what_takes_a_pattern_too_many_steps_is_refused(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text_of_lines, "way");
    uint8_t line[40];
    memset(line, 'z', sizeof line);
    struct value value = value_of_bytes(VALUE_BYTES, line, sizeof line);
    kind_run_step(&run, 0, &value);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"too-hard\""));
    kind_run_close(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_goes_to_the_first_output_whose_conditions_hold),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
        cmocka_unit_test(what_takes_a_pattern_too_many_steps_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &route_kind, NULL);
}
