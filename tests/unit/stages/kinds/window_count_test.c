/* SPDX-License-Identifier: MIT */
/*
 * Tests window.count against the manual. window_count_random_test.c plays random records against a
 * second way to do it.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  R: { id: string, at: timestamp }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  counts: { kind: window.count, from: parse, key: id, at: at, OPTIONS }\n"
    "  end: { kind: discard, from: counts }\n";

static const struct kind_story stories[] = {
    {"a window closes when the latest time comes to its end", "per: day",
     "{'id':'a','at':'2000-01-05T00:00:00Z'}\n"
     "{'id':'b','at':'2000-01-05T12:00:00Z'}\n"
     "{'id':'a','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "{'id':'c','at':'2000-01-06T00:00:00Z'}\n"
     "  out {'window':'2000-01-05T00:00:00Z','id':'a','count':2}\n"
     "  out {'window':'2000-01-05T00:00:00Z','id':'b','count':1}\n"
     "{'id':'a','at':'2000-01-06T12:00:00Z'}\n"
     "{'id':'a','at':'2000-02-01T00:00:00Z'}\n"
     "  out {'window':'2000-01-06T00:00:00Z','id':'a','count':1}\n"
     "  out {'window':'2000-01-06T00:00:00Z','id':'c','count':1}\n"},
    {"and the lateness behind it; until then a record counts in the window of its own time",
     "per: day, lateness: 1h",
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "{'id':'b','at':'2000-01-06T00:59:59.999999999Z'}\n"
     "{'id':'a','at':'2000-01-05T00:00:00Z'}\n"
     "{'id':'b','at':'2000-01-06T01:00:00Z'}\n"
     "  out {'window':'2000-01-05T00:00:00Z','id':'a','count':2}\n"
     "{'id':'c','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  dead late\n"
     "{'id':'a','at':'2000-01-06T00:00:00Z'}\n"
     "{'id':'a','at':'2000-01-07T01:00:00Z'}\n"
     "  out {'window':'2000-01-06T00:00:00Z','id':'a','count':1}\n"
     "  out {'window':'2000-01-06T00:00:00Z','id':'b','count':2}\n"},
    {"windows come in order, and the keys of each too, after the record that closes them",
     "per: hour, lateness: 1d",
     "{'id':'d','at':'2000-01-05T02:00:00Z'}\n"
     "{'id':'b','at':'2000-01-05T01:00:00Z'}\n"
     "{'id':'a','at':'2000-01-05T02:00:00Z'}\n"
     "{'id':'c','at':'2000-01-05T00:00:00Z'}\n"
     "{'id':'','at':'2000-01-05T02:00:00Z'}\n"
     "{'id':'aa','at':'2000-01-05T02:59:59Z'}\n"
     "{'id':'a','at':'2000-01-06T04:00:00Z'}\n"
     "  out {'window':'2000-01-05T00:00:00Z','id':'c','count':1}\n"
     "  out {'window':'2000-01-05T01:00:00Z','id':'b','count':1}\n"
     "  out {'window':'2000-01-05T02:00:00Z','id':'','count':1}\n"
     "  out {'window':'2000-01-05T02:00:00Z','id':'a','count':1}\n"
     "  out {'window':'2000-01-05T02:00:00Z','id':'aa','count':1}\n"
     "  out {'window':'2000-01-05T02:00:00Z','id':'d','count':1}\n"},
    {"the end closes the window of the latest time too, and what comes for one of them is late",
     "per: day, lateness: 1h",
     "<end>\n"
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "{'id':'b','at':'2000-01-06T00:30:00Z'}\n"
     "<end>\n"
     "  out {'window':'2000-01-05T00:00:00Z','id':'a','count':1}\n"
     "  out {'window':'2000-01-06T00:00:00Z','id':'b','count':1}\n"
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "  dead late\n"
     "{'id':'c','at':'2000-01-06T23:59:59.999999999Z'}\n"
     "  dead late\n"
     "{'id':'b','at':'2000-01-07T00:00:00Z'}\n"
     "<end>\n"
     "  out {'window':'2000-01-07T00:00:00Z','id':'b','count':1}\n"},
    {"the same key twice in one seq, and a window that closes within it", "per: minute",
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "& {'id':'a','at':'2000-01-05T12:00:59.999999999Z'}\n"
     "& {'id':'b','at':'2000-01-05T12:00:30Z'}\n"
     "& {'id':'a','at':'2000-01-05T12:01:00Z'}\n"
     "& {'id':'b','at':'2000-01-05T12:00:30Z'}\n"
     "& {'id':'b','at':'2000-01-05T12:02:00Z'}\n"
     "  out {'window':'2000-01-05T12:00:00Z','id':'a','count':2}\n"
     "  out {'window':'2000-01-05T12:00:00Z','id':'b','count':1}\n"
     "  out {'window':'2000-01-05T12:01:00Z','id':'a','count':1}\n"
     "  dead late\n"},
    {"hours", "per: hour",
     "{'id':'a','at':'2000-01-05T12:59:59.999999999Z'}\n"
     "{'id':'a','at':'2000-01-05T14:30:00+01:30'}\n"
     "  out {'window':'2000-01-05T12:00:00Z','id':'a','count':1}\n"
     "{'id':'a','at':'2000-01-05T14:00:00Z'}\n"
     "  out {'window':'2000-01-05T13:00:00Z','id':'a','count':1}\n"},
    /* 2000-01-02 was a Sunday. */
    {"weeks from Monday", "per: week",
     "{'id':'a','at':'2000-01-02T23:59:59.999999999Z'}\n"
     "{'id':'a','at':'2000-01-03T00:00:00Z'}\n"
     "  out {'window':'1999-12-27T00:00:00Z','id':'a','count':1}\n"
     "{'id':'a','at':'2000-01-10T00:00:00Z'}\n"
     "  out {'window':'2000-01-03T00:00:00Z','id':'a','count':1}\n"},
    {"or from another day", "per: week, calendar: { week_starts: sunday }",
     "{'id':'a','at':'2000-01-01T23:59:59.999999999Z'}\n"
     "{'id':'a','at':'2000-01-02T00:00:00Z'}\n"
     "  out {'window':'1999-12-26T00:00:00Z','id':'a','count':1}\n"
     "{'id':'a','at':'2000-01-09T00:00:00Z'}\n"
     "  out {'window':'2000-01-02T00:00:00Z','id':'a','count':1}\n"},
    {"months, with the 29th of February where it is", "per: month",
     "{'id':'a','at':'2000-02-29T12:00:00Z'}\n"
     "{'id':'a','at':'2000-03-01T00:00:00Z'}\n"
     "  out {'window':'2000-02-01T00:00:00Z','id':'a','count':1}\n"
     "{'id':'a','at':'2100-02-28T23:59:59.999999999Z'}\n"
     "  out {'window':'2000-03-01T00:00:00Z','id':'a','count':1}\n"
     "{'id':'a','at':'2100-03-01T00:00:00Z'}\n"
     "  out {'window':'2100-02-01T00:00:00Z','id':'a','count':1}\n"},
    {"other names for what is made", "per: day, window_field: since, count_field: n",
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "{'id':'a','at':'2000-01-06T00:00:00Z'}\n"
     "  out {'since':'2000-01-05T00:00:00Z','id':'a','n':1}\n"},
    {"time begins within a window, whose start is the first moment", "per: day",
     "{'id':'a','at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'a','at':'1677-09-21T23:59:59.999999999Z'}\n"
     "{'id':'b','at':'1677-09-22T00:00:00Z'}\n"
     "  out {'window':'1677-09-21T00:12:43.145224192Z','id':'a','count':2}\n"
     "{'id':'a','at':'1677-09-21T12:00:00Z'}\n"
     "  dead late\n"},
    {"a window that would close at the last moment or after it is closed only by the end",
     "per: minute, lateness: 16s854ms775us807ns",
     "{'id':'a','at':'2262-04-11T23:45:30Z'}\n"
     "{'id':'a','at':'2262-04-11T23:46:16.854775807Z'}\n"
     "  out {'window':'2262-04-11T23:45:00Z','id':'a','count':1}\n"
     "{'id':'b','at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'a','at':'2262-04-11T23:46:59.999999999Z'}\n"
     "<end>\n"
     "  out {'window':'2262-04-11T23:46:00Z','id':'a','count':2}\n"
     "  out {'window':'2262-04-11T23:47:00Z','id':'b','count':1}\n"
     "{'id':'b','at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  dead late\n"},
    {"with the longest lateness only the first day can close",
     "per: day, lateness: 106751d23h47m16s854ms775us807ns",
     "{'id':'a','at':'1677-09-21T12:00:00Z'}\n"
     "{'id':'b','at':'1677-09-22T12:00:00Z'}\n"
     "{'id':'a','at':'1677-09-21T12:00:00Z'}\n"
     "{'id':'b','at':'1970-01-01T23:47:16.854775807Z'}\n"
     "  out {'window':'1677-09-21T00:12:43.145224192Z','id':'a','count':2}\n"
     "{'id':'a','at':'1677-09-21T12:00:00Z'}\n"
     "  dead late\n"
     "{'id':'a','at':'1677-09-22T12:00:00Z'}\n"
     "<end>\n"
     "  out {'window':'1677-09-22T00:00:00Z','id':'a','count':1}\n"
     "  out {'window':'1677-09-22T00:00:00Z','id':'b','count':1}\n"
     "  out {'window':'1970-01-01T00:00:00Z','id':'b','count':1}\n"},
    {"one record with a time far in the future closes all before it, for every key",
     "per: week, lateness: 300d",
     "{'id':'a','at':'2000-01-05T12:00:00Z'}\n"
     "{'id':'b','at':'2000-06-05T12:00:00Z'}\n"
     "{'id':'c','at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'window':'2000-01-03T00:00:00Z','id':'a','count':1}\n"
     "  out {'window':'2000-06-05T00:00:00Z','id':'b','count':1}\n"
     "{'id':'a','at':'2000-06-05T12:00:00Z'}\n"
     "  dead late\n"},
};

static void records_are_counted_in_their_windows(void **state)
{
    (void)state;
    kind_stories_play(text, "counts", stories, sizeof stories / sizeof stories[0]);
}

static const char text_of_three[] =
    "topology: t\n"
    "types:\n"
    "  R: { name: string, number: int, flag: bool, at: timestamp }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  counts: { kind: window.count, from: parse, key: [flag, name, number], at: at, per: day }\n"
    "  end: { kind: discard, from: counts }\n";

static const struct kind_story stories_of_three[] = {
    {"keys field by field: false before true, text by its bytes, numbers by their value", NULL,
     "{'name':'b','number':-1,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b','number':-9223372036854775808,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b','number':10,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b','number':9,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'é','number':0,'flag':false,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'z','number':0,'flag':false,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'B','number':0,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b','number':9,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b\\u0000a','number':0,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'b\\u0000','number':1,'flag':true,'at':'2000-01-05T12:00:00Z'}\n"
     "{'name':'','number':0,'flag':false,'at':'2000-01-06T00:00:00Z'}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':false,'name':'z','number':0,'count':1}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':false,'name':'é','number':0,'count':1}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':true,'name':'B','number':0,'count':1}\n"
     "  out "
     "{'window':'2000-01-05T00:00:00Z','flag':true,'name':'b','number':-9223372036854775808,'count'"
     ":1}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':true,'name':'b','number':-1,'count':1}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':true,'name':'b','number':9,'count':2}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':true,'name':'b','number':10,'count':1}\n"
     "  out {'window':'2000-01-05T00:00:00Z','flag':true,'name':'b\\u0000','number':1,'count':1}\n"
     "  out "
     "{'window':'2000-01-05T00:00:00Z','flag':true,'name':'b\\u0000a','number':0,'count':1}\n"},
};

static void a_key_may_have_several_fields(void **state)
{
    (void)state;
    kind_stories_play(text_of_three, "counts", stories_of_three,
                      sizeof stories_of_three / sizeof stories_of_three[0]);
}

/* 240 bytes: 1 of the flag, 8 of the number, 4 and the name. */
static void a_key_has_240_bytes_at_most(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text_of_three, "counts");
    uint8_t name[228];
    memset(name, 'x', sizeof name);
    struct value fields[] = {value_of_bytes(VALUE_STRING, name, 227),
                             value_of_integer(VALUE_INT, 1), value_of_bool(true),
                             value_of_integer(VALUE_TIMESTAMP, 0)};
    kind_run_step(&run, 0, fields);
    assert_string_equal(buf_text(&run.seen), "");
    fields[0].len = 228;
    kind_run_step(&run, 0, fields);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"key-too-long\""));
    buf_reset(&run.seen);
    struct record end = {.seq = 3, .kind = RECORD_END};
    kind_run_take(&run, &end);
    assert_non_null(strstr(buf_text(&run.seen), "\"name\":\"xxx"));
    assert_non_null(strstr(buf_text(&run.seen), "xxx\",\"number\":1,\"count\":1}\n"));
    kind_run_close(&run);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_counted_in_their_windows),
        cmocka_unit_test(a_key_may_have_several_fields),
        cmocka_unit_test(a_key_has_240_bytes_at_most),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &window_count_kind, NULL);
}
