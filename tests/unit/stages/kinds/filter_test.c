/* SPDX-License-Identifier: MIT */
/*
 * Tests filter against the manual. The tests of fields, for all types, are in
 * stages/kit/condition_test.c.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] = "topology: t\n"
                           "types:\n"
                           "  R: { id: string, n: int, amount: money(USD), size: optional(int),\n"
                           "       tier: 'enum(bronze, silver, gold)' }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: R }\n"
                           "  some: { kind: filter, from: parse, by: id, OPTIONS }\n"
                           "  end: { kind: discard, from: some }\n";

static const struct kind_story stories[] = {
    {"where: it passes if it holds, unchanged", "where: { n: { equals: 1 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "{'id':'b','n':2,'amount':'$1.00','size':7,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'-$1.00','size':7,'tier':'bronze'}\n"
     "  out {'id':'b','n':1,'amount':'-$1.00','size':7,'tier':'bronze'}\n"},
    {"unless: the same the other way round", "unless: { n: { equals: 1 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "{'id':'b','n':2,'amount':'$1.00','size':7,'tier':'gold'}\n"
     "  out {'id':'b','n':2,'amount':'$1.00','size':7,'tier':'gold'}\n"},
    {"both: where must hold, and unless not",
     "where: { n: { above: 1 } }, unless: { tier: { equals: silver } }",
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "{'id':'b','n':2,'amount':'$1.00','size':1,'tier':'silver'}\n"
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'silver'}\n"
     "{'id':'b','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'b','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"},
    {"of a map all tests of all fields must hold",
     "where: { n: { at_least: 1, at_most: 3 }, size: { exists: true, below: 9 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':8,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':8,'tier':'gold'}\n"
     "{'id':'b','n':3,'amount':'$1.00','size':-9223372036854775808,'tier':'gold'}\n"
     "  out {'id':'b','n':3,'amount':'$1.00','size':-9223372036854775808,'tier':'gold'}\n"
     "{'id':'a','n':0,'amount':'$1.00','size':8,'tier':'gold'}\n"
     "{'id':'b','n':4,'amount':'$1.00','size':8,'tier':'gold'}\n"
     "{'id':'a','n':2,'amount':'$1.00','size':9,'tier':'gold'}\n"
     "{'id':'b','n':2,'amount':'$1.00','size':null,'tier':'gold'}\n"},
    {"of a list any map",
     "where: [{ n: { equals: 1 }, id: { equals: a } }, { tier: { one_of: [bronze, silver] } }]",
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':1,'tier':'silver'}\n"
     "  out {'id':'b','n':1,'amount':'$1.00','size':1,'tier':'silver'}\n"},
    {"of a field without a value no test holds but exists: false",
     "where: { size: { at_most: 9223372036854775807 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':9223372036854775807,'tier':'gold'}\n"
     "  out {'id':'b','n':1,'amount':'$1.00','size':9223372036854775807,'tier':'gold'}\n"},
    {"and unless drops exactly what where lets pass",
     "unless: { size: { at_most: 9223372036854775807 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':9223372036854775807,'tier':'gold'}\n"},
    {"exists: false", "where: { size: { exists: false } }",
     "{'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':null,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':0,'tier':'gold'}\n"},
    {"a range includes its ends, and an amount may be bare",
     "where: { amount: { range: [-0.01, $92233720368547758.07] } }",
     "{'id':'a','n':1,'amount':'-$0.02','size':1,'tier':'gold'}\n"
     "{'id':'b','n':1,'amount':'-$0.01','size':1,'tier':'gold'}\n"
     "  out {'id':'b','n':1,'amount':'-$0.01','size':1,'tier':'gold'}\n"
     "{'id':'a','n':1,'amount':'$92233720368547758.07','size':1,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$92233720368547758.07','size':1,'tier':'gold'}\n"},
    {"names of an enum rise as its type lists them", "where: { tier: { at_least: silver } }",
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'bronze'}\n"
     "{'id':'b','n':1,'amount':'$1.00','size':1,'tier':'silver'}\n"
     "  out {'id':'b','n':1,'amount':'$1.00','size':1,'tier':'silver'}\n"
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"},
    {"several records of one seq", "where: { n: { below: 3 } }",
     "{'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "& {'id':'b','n':3,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "& {'id':'b','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "& {'id':'a','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'a','n':1,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'b','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"
     "  out {'id':'a','n':2,'amount':'$1.00','size':1,'tier':'gold'}\n"},
};

static void records_pass_for_which_conditions_hold(void **state)
{
    (void)state;
    kind_stories_play(text, "some", stories, sizeof stories / sizeof stories[0]);
}

static const char text_of_lines[] = "topology: t\n"
                                    "stages:\n"
                                    "  lines: { kind: file.source, path: x }\n"
                                    "  some: { kind: filter, from: lines, OPTIONS }\n"
                                    "  end: { kind: discard, from: some }\n";

static const struct kind_story stories_of_lines[] = {
    {"a pattern is found anywhere", "where: { line: { matches: 'b+' } }",
     "abc\n"
     "  out {'line':'abc'}\n"
     "ac\n"},
    {"a text that is not UTF-8 is refused", "where: { line: { matches: 'b' } }",
     "b\xff\n"
     "  dead not-utf8\n"},
    {"by unless too", "unless: { line: { matches: 'b' } }",
     "b\xff\n"
     "  dead not-utf8\n"
     "c\n"
     "  out {'line':'c'}\n"},
    {"but not where a test before decides",
     "where: [{ line: { equals: y } }, { line: { one_of: [x], matches: x } }]",
     "\xff\n"
     "y\n"
     "  out {'line':'y'}\n"
     "x\n"
     "  out {'line':'x'}\n"},
    {"nor by unless where where does not hold",
     "where: { line: { equals: x } }, unless: { line: { matches: 'b' } }",
     "\xff\n"
     "x\n"
     "  out {'line':'x'}\n"},
};

static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    kind_stories_play(text_of_lines, "some", stories_of_lines,
                      sizeof stories_of_lines / sizeof stories_of_lines[0]);
}

/* Only once, because it is slow. */
static void what_takes_a_pattern_too_many_steps_is_refused(void **state)
{
    (void)state;
    static const char text_of_hard[] =
        "topology: t\n"
        "stages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  some: { kind: filter, from: lines, where: { line: { matches: '^((z+)+)+(!|,)$' } } }\n"
        "  end: { kind: discard, from: some }\n";
    struct kind_run run;
    kind_run_open(&run, text_of_hard, "some");
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
        cmocka_unit_test(records_pass_for_which_conditions_hold),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
        cmocka_unit_test(what_takes_a_pattern_too_many_steps_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &filter_kind, NULL);
}
