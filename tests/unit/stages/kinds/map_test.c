/* SPDX-License-Identifier: MIT */
/* Tests map against the manual. */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  R: { id: string, s: string, n: int, d: 'decimal(4,2)', m: money(USD), t: timestamp,\n"
    "       o: optional(int) }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  tidy: { kind: map, from: parse, by: id, OPTIONS }\n"
    "  end: { kind: discard, from: tidy }\n";

static const struct kind_story stories[] = {
    {"without options that touch them, fields stay", "drop: s",
     "{'id':'a','s':'x','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"},
    {"fields keep their order, renamed or not, and those of set come last",
     "drop: [n, d], rename: { s: { to: n }, o: id2 }, set: { d: { type: int, value: -3 }, w: { "
     "type: string, value: web } }",
     "{'id':'b','s':'x','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':7}\n"
     "  out {'id':'b','n':'x','m':'$1.25','t':'2000-01-01T00:00:00Z','id2':7,'d':-3,'w':'web'}\n"},
    {"convert comes before round, and both before drop and rename",
     "rename: { d: price, s: n }, drop: n, round: { d: 0.05 }, convert: { d: money(EUR) }",
     "{'id':'a','s':'x','n':1,'d':'2.48','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':'x','price':'€2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"},
    {"text becomes the value that it is the text of", "drop: [n, d, m, t, o], convert: { s: int }",
     "{'id':'a','s':'-9223372036854775808','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z',"
     "'o':null}\n"
     "  out {'id':'a','s':-9223372036854775808}\n"
     "{'id':'b','s':'9223372036854775808','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','"
     "o':null}\n"
     "  dead overflow\n"
     "{'id':'b','s':'1.5','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead bad-value\n"},
    {"an amount, whose currency may be left out",
     "drop: [n, d, m, t, o], convert: { s: money(CHF) }",
     "{'id':'a','s':'12','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','s':'CHF 12.00'}\n"
     "{'id':'b','s':'CHF 1.5','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','s':'CHF 1.50'}\n"
     "{'id':'a','s':'EUR 1','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead wrong-currency\n"
     "{'id':'b','s':'1.005','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead too-many-decimals\n"
     "{'id':'a','s':'much','n':1,'d':'2.50','m':'$1.25','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead bad-money\n"},
    {"a time in a form",
     "drop: [n, d, m, o], convert: { s: { to: timestamp, format: '%d/%b/%Y %H:%M' }, t: date }",
     "{'id':'a','s':'29/Feb/2000 "
     "23:59','n':1,'d':'2.50','m':'$1.25','t':'1969-12-31T23:59:59.999999999Z','o':null}\n"
     "  out {'id':'a','s':'2000-02-29T23:59:00Z','t':'1969-12-31'}\n"
     "{'id':'b','s':'29/Feb/2100 "
     "00:00','n':1,'d':'2.50','m':'$1.25','t':'1677-09-21T00:12:43.145224192Z','o':null}\n"
     "  dead bad-timestamp\n"
     "{'id':'b','s':'01/Jan/2263 "
     "00:00','n':1,'d':'2.50','m':'$1.25','t':'2262-04-11T23:47:16.854775807Z','o':null}\n"
     "  dead overflow\n"},
    {"any scalar becomes a text, without quotes",
     "convert: { n: string, d: string, m: string, t: string, o: optional(string) }",
     "{'id':'a','s':'','n':-1,'d':'-0.50','m':'-$0.05','t':'2000-01-01T00:00:00.500Z','o':0}\n"
     "  out "
     "{'id':'a','s':'','n':'-1','d':'-0.50','m':'-$0.05','t':'2000-01-01T00:00:00.5Z','o':'0'}\n"
     "{'id':'b','s':'','n':0,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out "
     "{'id':'b','s':'','n':'0','d':'0.00','m':'$0.00','t':'2000-01-01T00:00:00Z','o':null}\n"},
    {"money counts in its whole unit",
     "drop: [s, t, o], convert: { n: money(USD), d: int, m: { to: int, mode: down } }",
     "{'id':'a','s':'','n':5,'d':'2.00','m':'-$1.99','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':'$5.00','d':2,'m':-1}\n"
     "{'id':'b','s':'','n':92233720368547758,'d':'-0.00','m':'$0.99','t':'2000-01-01T00:00:00Z','o'"
     ":null}\n"
     "  out {'id':'b','n':'$92233720368547758.00','d':0,'m':0}\n"
     "{'id':'b','s':'','n':92233720368547759,'d':'2.00','m':'$1.00','t':'2000-01-01T00:00:00Z','o':"
     "null}\n"
     "  dead overflow\n"
     "{'id':'a','s':'','n':5,'d':'2.01','m':'$1.00','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead too-many-decimals\n"},
    {"how decimals are rounded that the new type has not: half_even",
     "drop: [s, n, m, t, o], convert: { d: { to: 'decimal(3,1)', mode: half_even } }",
     "{'id':'a','s':'','n':1,'d':'2.25','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.2'}\n"
     "{'id':'b','s':'','n':1,'d':'-2.35','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','d':'-2.4'}\n"
     "{'id':'a','s':'','n':1,'d':'2.26','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.3'}\n"
     "{'id':'b','s':'','n':1,'d':'99.94','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','d':'99.9'}\n"
     "{'id':'b','s':'','n':1,'d':'99.95','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead overflow\n"},
    {"half_up goes further from 0",
     "drop: [s, n, m, t, o], convert: { d: { to: 'decimal(3,1)', mode: half_up } }",
     "{'id':'a','s':'','n':1,'d':'2.25','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.3'}\n"
     "{'id':'b','s':'','n':1,'d':'-2.25','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','d':'-2.3'}\n"
     "{'id':'a','s':'','n':1,'d':'2.24','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.2'}\n"},
    {"up goes away from 0",
     "drop: [s, n, m, t, o], convert: { d: { to: 'decimal(3,1)', mode: up } }",
     "{'id':'a','s':'','n':1,'d':'2.21','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.3'}\n"
     "{'id':'b','s':'','n':1,'d':'-2.21','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','d':'-2.3'}\n"
     "{'id':'a','s':'','n':1,'d':'2.20','m':'$1','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','d':'2.2'}\n"},
    {"values are rounded to a multiple of a step",
     "drop: [s, t, o], round: { n: 10, d: { to: 0.25, mode: down }, m: { to: 0.05, mode: up } }",
     "{'id':'a','s':'','n':15,'d':'0.74','m':'$0.01','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':20,'d':'0.50','m':'$0.05'}\n"
     "{'id':'b','s':'','n':25,'d':'-0.74','m':'-$0.01','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'b','n':20,'d':'-0.50','m':'-$0.05'}\n"
     "{'id':'a','s':'','n':-26,'d':'0.75','m':'$0.05','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':-30,'d':'0.75','m':'$0.05'}\n"
     "{'id':'b','s':'','n':9223372036854775807,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':"
     "null}\n"
     "  dead overflow\n"
     "{'id':'b','s':'','n':9223372036854775804,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':"
     "null}\n"
     "  out {'id':'b','n':9223372036854775800,'d':'0.00','m':'$0.00'}\n"},
    {"an optional field has its default, or is refused",
     "drop: [s, d, m, t], convert: { o: { to: int, default: -1 } }",
     "{'id':'a','s':'','n':1,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':1,'o':-1}\n"
     "{'id':'b','s':'','n':1,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':7}\n"
     "  out {'id':'b','n':1,'o':7}\n"},
    {"or is refused", "drop: [s, d, m, t], convert: { o: string }",
     "{'id':'a','s':'','n':1,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  dead missing-field\n"
     "{'id':'b','s':'','n':1,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':7}\n"
     "  out {'id':'b','n':1,'o':'7'}\n"},
    {"a rounded field without a value has none afterwards",
     "drop: [s, d, m, t], round: { n: 5, o: 5 }",
     "{'id':'a','s':'','n':12,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':null}\n"
     "  out {'id':'a','n':10,'o':null}\n"
     "{'id':'b','s':'','n':-13,'d':'0','m':'$0','t':'2000-01-01T00:00:00Z','o':-8}\n"
     "  out {'id':'b','n':-15,'o':-10}\n"},
};

static void fields_are_changed_in_one_order(void **state)
{
    (void)state;
    kind_stories_play(text, "tidy", stories, sizeof stories / sizeof stories[0]);
}

static const char text_of_lines[] = "topology: t\n"
                                    "stages:\n"
                                    "  lines: { kind: file.source, path: x }\n"
                                    "  tidy: { kind: map, from: lines, OPTIONS }\n"
                                    "  end: { kind: discard, from: tidy }\n";

static const struct kind_story stories_of_lines[] = {
    {"bytes become the value that they are the text of", "convert: { line: string }",
     "\xc3\xa9\n"
     "  out {'line':'\xc3\xa9'}\n"
     "\xc3\n"
     "  dead not-utf8\n"
     "\n"
     "  out {'line':''}\n"},
    {"with a number of characters", "convert: { line: 'string(1..2)' }",
     "\n"
     "  dead bad-value\n"
     "\xc3\xa9\xc3\xa9\n"
     "  out {'line':'\xc3\xa9\xc3\xa9'}\n"
     "abc\n"
     "  dead bad-value\n"},
    {"with a pattern in it", "convert: { line: 'string(/^a+$/)' }",
     "aa\n"
     "  out {'line':'aa'}\n"
     "ab\n"
     "  dead bad-value\n"},
    {"true and false", "convert: { line: bool }",
     "true\n"
     "  out {'line':true}\n"
     "false\n"
     "  out {'line':false}\n"
     "yes\n"
     "  dead bad-value\n"},
    {"a name of an enum", "convert: { line: 'enum(iron, gold)' }",
     "gold\n"
     "  out {'line':'gold'}\n"
     "Gold\n"
     "  dead bad-value\n"},
    {"a day", "convert: { line: date }",
     "0000-01-01\n"
     "  out {'line':'0000-01-01'}\n"
     "9999-12-31\n"
     "  out {'line':'9999-12-31'}\n"
     "2001-02-29\n"
     "  dead bad-value\n"},
    {"a time span", "convert: { line: duration }",
     "90m\n"
     "  out {'line':'1h30m'}\n"
     "-106751d23h47m16s854ms775us807ns\n"
     "  out {'line':'-106751d23h47m16s854ms775us807ns'}\n"
     "106751d23h47m16s854ms775us808ns\n"
     "  dead overflow\n"},
    {"RFC 3339, if no form is given", "convert: { line: timestamp }",
     "2000-01-01T00:00:00+02:00\n"
     "  out {'line':'1999-12-31T22:00:00Z'}\n"
     "2262-04-11T23:47:16.854775807Z\n"
     "  out {'line':'2262-04-11T23:47:16.854775807Z'}\n"
     "2262-04-11T23:47:16.854775808Z\n"
     "  dead overflow\n"
     "1677-09-21T00:12:43.145224191Z\n"
     "  dead overflow\n"
     "2000-01-01\n"
     "  dead bad-timestamp\n"},
};

static void a_text_becomes_any_scalar(void **state)
{
    (void)state;
    kind_stories_play(text_of_lines, "tidy", stories_of_lines,
                      sizeof stories_of_lines / sizeof stories_of_lines[0]);
}

static const char text_of_days[] =
    "topology: t\n"
    "types: { R: { day: date } }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  tidy: { kind: map, from: parse, convert: { day: timestamp } }\n"
    "  end: { kind: discard, from: tidy }\n";

static const struct kind_story stories_of_days[] = {
    {"a day becomes its first moment, if there is one", NULL,
     "{'day':'1677-09-22'}\n"
     "  out {'day':'1677-09-22T00:00:00Z'}\n"
     "{'day':'2262-04-11'}\n"
     "  out {'day':'2262-04-11T00:00:00Z'}\n"
     "{'day':'1677-09-21'}\n"
     "  dead overflow\n"
     "{'day':'2262-04-12'}\n"
     "  dead overflow\n"},
};

static const char text_of_yen[] =
    "topology: t\n"
    "types: { R: { n: int } }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  tidy: { kind: map, from: parse, convert: { n: money(JPY) }, OPTIONS }\n"
    "  end: { kind: discard, from: tidy }\n";

/* The output must be readable: -9223372036854775808 is not an amount that can be read back. */
static const struct kind_story stories_of_yen[] = {
    {"the ends of amounts", "set: { x: { type: int, value: 1 } }",
     "{'n':9223372036854775807}\n"
     "  out {'n':'\xc2\xa5"
     "9223372036854775807','x':1}\n"
     "{'n':-9223372036854775807}\n"
     "  out {'n':'-\xc2\xa5"
     "9223372036854775807','x':1}\n"
     "{'n':-9223372036854775808}\n"
     "  dead overflow\n"},
    {"also when they are rounded", "round: { n: { to: 8, mode: up } }",
     "{'n':-9223372036854775800}\n"
     "  out {'n':'-\xc2\xa5"
     "9223372036854775800'}\n"
     "{'n':-9223372036854775801}\n"
     "  dead overflow\n"
     "{'n':9223372036854775801}\n"
     "  dead overflow\n"},
};

static void amounts_can_be_read_again(void **state)
{
    (void)state;
    kind_stories_play(text_of_yen, "tidy", stories_of_yen,
                      sizeof stories_of_yen / sizeof stories_of_yen[0]);
}

static void a_day_becomes_its_first_moment(void **state)
{
    (void)state;
    kind_stories_play(text_of_days, "tidy", stories_of_days,
                      sizeof stories_of_days / sizeof stories_of_days[0]);
}

/* Only once, because it is slow. */
static void what_takes_a_pattern_too_many_steps_is_refused(void **state)
{
    (void)state;
    static const char text_of_hard[] =
        "topology: t\n"
        "stages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  tidy: { kind: map, from: lines, convert: { line: 'string(/^((z+)+)+(!|,)$/)' } }\n"
        "  end: { kind: discard, from: tidy }\n";
    struct kind_run run;
    kind_run_open(&run, text_of_hard, "tidy");
    uint8_t line[40];
    memset(line, 'z', sizeof line);
    struct value value = value_of_bytes(VALUE_BYTES, line, sizeof line);
    kind_run_step(&run, 0, &value);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"too-hard\""));
    kind_run_close(&run);
}

static void a_record_that_becomes_too_large_is_refused(void **state)
{
    (void)state;
    static const char text_of_large[] =
        "topology: t\n"
        "stages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  tidy: { kind: map, from: lines, set: { w: { type: string, value: web } } }\n"
        "  end: { kind: discard, from: tidy }\n";
    struct kind_run run;
    kind_run_open(&run, text_of_large, "tidy");
    uint8_t *line = memory_new(RECORD_TEXT_BYTES_MAX, 1);
    memset(line, 'x', RECORD_TEXT_BYTES_MAX);
    struct value value = value_of_bytes(VALUE_BYTES, line, RECORD_TEXT_BYTES_MAX - 2);
    kind_run_step(&run, 0, &value);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"record-too-large\""));
    buf_reset(&run.seen);
    value.len--;
    kind_run_step(&run, 0, &value);
    assert_int_equal(run.seen.len, strlen("out {\"line\":\"\",\"w\":\"web\"}\n") + value.len);
    kind_run_close(&run);
    free(line);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_changed_in_one_order),
        cmocka_unit_test(a_text_becomes_any_scalar),
        cmocka_unit_test(a_day_becomes_its_first_moment),
        cmocka_unit_test(amounts_can_be_read_again),
        cmocka_unit_test(what_takes_a_pattern_too_many_steps_is_refused),
        cmocka_unit_test(a_record_that_becomes_too_large_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &map_kind, NULL);
}
