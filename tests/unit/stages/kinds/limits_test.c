/* SPDX-License-Identifier: MIT */
/* Tests limits against the manual. */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  R: { id: string, amount: money(USD), at: timestamp }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  some: { kind: limits, from: parse, key: id, amount: amount, at: at, OPTIONS }\n"
    "  end: { kind: discard, from: some }\n";

static const struct kind_story stories[] = {
    {"a sum may reach its limit but not pass it, and holds only what is accepted",
     "rules: { a: { per: day, sum: 10.00 } }",
     "{'id':'a','amount':'$4.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$4.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$6.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$6.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$6.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$6.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"},
    {"each key and each day has its own", "rules: { a: { per: day, sum: 5.00 } }",
     "{'id':'a','amount':'$5.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$5.00','at':'2000-01-05T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'b','amount':'$5.00','at':'2000-01-05T00:00:00Z'}\n"
     "  out {'id':'b','amount':'$5.00','at':'2000-01-05T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$5.00','at':'2000-01-06T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$5.00','at':'2000-01-06T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.01','at':'2000-01-05T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.01','at':'2000-01-05T00:00:00Z','accepted':false}\n"
     "{'id':'b','amount':'$0.01','at':'2000-01-06T00:30:00+01:00'}\n"
     "  out {'id':'b','amount':'$0.01','at':'2000-01-05T23:30:00Z','accepted':false}\n"
     "{'id':'','amount':'$5.00','at':'2000-01-05T00:00:00Z'}\n"
     "  out {'id':'','amount':'$5.00','at':'2000-01-05T00:00:00Z','accepted':true}\n"},
    {"a count, of what is accepted",
     "rules: { a: { per: day, count: 2 }, b: { per: day, sum: 5.00 } }",
     "{'id':'a','amount':'$5.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$5.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"a count of all, which sums are not",
     "attempts: all, rules: { a: { per: day, count: 3, sum: 5.00 } }",
     "{'id':'a','amount':'$5.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$5.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$5.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$5.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"no record at all", "rules: { a: { per: week, count: 0 } }",
     "{'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"nothing but nothing", "rules: { a: { per: day, sum: 0.00, count: 9223372036854775807 } }",
     "{'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"the largest sum", "rules: { a: { per: day, sum: 92233720368547758.07 } }",
     "{'id':'a','amount':'$92233720368547758.06','at':'2000-01-05T12:00:00Z'}\n"
     "  out "
     "{'id':'a','amount':'$92233720368547758.06','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$92233720368547758.07','at':'2000-01-05T12:00:00Z'}\n"
     "  out "
     "{'id':'a','amount':'$92233720368547758.07','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$0.02','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.02','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'$92233720368547758.07','at':'2000-01-05T12:00:00Z'}\n"
     "  out "
     "{'id':'b','amount':'$92233720368547758.07','at':'2000-01-05T12:00:00Z','accepted':true}\n"},
    {"all rules must hold, and what one declines is in none of the windows",
     "rules: { a: { per: day, sum: 5.00 }, b: { per: week, sum: 8.00 }, c: { per: day, count: 2 } "
     "}",
     "{'id':'a','amount':'$5.00','at':'2000-01-03T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$5.00','at':'2000-01-03T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$4.00','at':'2000-01-04T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$4.00','at':'2000-01-04T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$3.00','at':'2000-01-04T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$3.00','at':'2000-01-04T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.01','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$0.00','at':'2000-01-04T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-04T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$0.00','at':'2000-01-04T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$0.00','at':'2000-01-04T12:00:00Z','accepted':false}\n"},
    /* 2000-01-02 was a Sunday. */
    {"a week begins on Monday", "rules: { a: { per: week, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-02T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-02T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-03T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-03T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1999-12-27T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1999-12-27T00:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$1.00','at':'1999-12-26T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1999-12-26T23:59:59.999999999Z','accepted':true}\n"},
    {"or on another day",
     "calendar: { week_starts: sunday }, rules: { a: { per: week, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-01T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-01T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-02T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-02T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-08T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-08T23:59:59.999999999Z','accepted':false}\n"},
    {"the same key twice in one seq", "rules: { a: { per: day, count: 2 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "& {'id':'b','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "& {'id':'a','amount':'$2.00','at':'2000-01-05T12:00:00Z'}\n"
     "& {'id':'a','amount':'$3.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "  out {'id':'a','amount':'$2.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "  out {'id':'a','amount':'$3.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"a window closes when the latest time is its end and the lateness, for all keys",
     "lateness: 1h, rules: { a: { per: day, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-06T00:59:59.999999999Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-06T00:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'c','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  out {'id':'c','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-06T01:00:00Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-06T01:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  dead late\n"
     "{'id':'d','amount':'$1.00','at':'2000-01-05T00:00:00Z'}\n"
     "  dead late\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-06T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-06T00:00:00Z','accepted':true}\n"},
    {"without lateness, at its end", "lateness: 0s, rules: { a: { per: day, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-06T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-06T00:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-05T23:59:59.999999999Z'}\n"
     "  dead late\n"},
    {"fourteen days of it by default", "rules: { a: { per: day, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-19T23:59:59.999999999Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-19T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-20T00:00:00Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-20T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  dead late\n"},
    {"what is late for its day is late, though its week is open",
     "lateness: 0s, rules: { a: { per: day, count: 5 }, b: { per: week, count: 2 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-04T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-04T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-04T12:00:00Z'}\n"
     "  dead late\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
    {"days that no rule is about do not close",
     "lateness: 0s, rules: { a: { per: week, count: 2 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-09T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-09T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-03T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-03T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-04T00:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-04T00:00:00Z','accepted':false}\n"
     "{'id':'b','amount':'$1.00','at':'2000-01-10T00:00:00Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2000-01-10T00:00:00Z','accepted':true}\n"
     "{'id':'c','amount':'$1.00','at':'2000-01-09T23:59:59.999999999Z'}\n"
     "  dead late\n"},
    {"an amount below zero is refused, whatever its window, and its time counts",
     "lateness: 0s, rules: { a: { per: day, sum: 1.00 } }",
     "{'id':'a','amount':'-$0.01','at':'2000-01-05T12:00:00Z'}\n"
     "  dead negative-amount\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'-$92233720368547758.07','at':'2000-01-06T00:00:00Z'}\n"
     "  dead negative-amount\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  dead late\n"
     "{'id':'a','amount':'-$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  dead negative-amount\n"},
    {"at the first moment of all, whose day began before",
     "lateness: 0s, rules: { a: { per: day, count: 2 }, b: { per: week, count: 2 } }",
     "{'id':'a','amount':'$1.00','at':'1677-09-21T00:12:43.145224192Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1677-09-21T00:12:43.145224192Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1677-09-21T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1677-09-21T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1677-09-21T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1677-09-21T12:00:00Z','accepted':false}\n"
     "{'id':'b','amount':'$1.00','at':'1677-09-22T00:00:00Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'1677-09-22T00:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1677-09-21T23:59:59.999999999Z'}\n"
     "  dead late\n"},
    /* The very last day ends after the last moment. */
    {"one record with a time far in the future closes all before it, and its own is never closed",
     "rules: { a: { per: day, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2262-04-11T23:47:16.854775807Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2000-01-05T12:00:00Z'}\n"
     "  dead late\n"
     "{'id':'b','amount':'$1.00','at':'2262-04-11T00:00:00Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'2262-04-11T00:00:00Z','accepted':false}\n"
     "{'id':'a','amount':'$1.00','at':'2262-03-28T23:59:59.999999999Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'2262-03-28T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'2262-03-27T23:59:59.999999999Z'}\n"
     "  dead late\n"},
    {"the longest lateness",
     "lateness: 106751d23h47m16s854ms775us807ns, rules: { a: { per: day, count: 1 } }",
     "{'id':'a','amount':'$1.00','at':'1677-09-21T12:00:00Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1677-09-21T12:00:00Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1970-01-01T23:47:16.854775806Z'}\n"
     "  out {'id':'a','amount':'$1.00','at':'1970-01-01T23:47:16.854775806Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'1677-09-21T23:59:59.999999999Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'1677-09-21T23:59:59.999999999Z','accepted':true}\n"
     "{'id':'b','amount':'$1.00','at':'1970-01-01T23:47:16.854775807Z'}\n"
     "  out {'id':'b','amount':'$1.00','at':'1970-01-01T23:47:16.854775807Z','accepted':true}\n"
     "{'id':'a','amount':'$1.00','at':'1677-09-21T12:00:00Z'}\n"
     "  dead late\n"},
};

static void records_are_accepted_within_their_windows(void **state)
{
    (void)state;
    kind_stories_play(text, "some", stories, sizeof stories / sizeof stories[0]);
}

/* Partitioned by a part of the key, and in a currency without decimals. */
static const char text_of_two[] =
    "topology: t\n"
    "types:\n"
    "  R: { id: string, shop: string, amount: money(JPY), at: timestamp }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  some: { kind: limits, from: parse, key: [id, shop], by: shop, amount: amount, at: at,\n"
    "          rules: { a: { per: day, sum: 5 } } }\n"
    "  end: { kind: discard, from: some }\n";

static const struct kind_story stories_of_two[] = {
    {"a key of several fields is all of them, each for itself", NULL,
     "{'id':'ab','shop':'c','amount':'JPY 5','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'ab','shop':'c','amount':'¥5','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'a','shop':'bc','amount':'JPY 5','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'a','shop':'bc','amount':'¥5','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'ab','shop':'a','amount':'JPY 5','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'ab','shop':'a','amount':'¥5','at':'2000-01-05T12:00:00Z','accepted':true}\n"
     "{'id':'ab','shop':'c','amount':'JPY 1','at':'2000-01-05T12:00:00Z'}\n"
     "  out {'id':'ab','shop':'c','amount':'¥1','at':'2000-01-05T12:00:00Z','accepted':false}\n"},
};

static void a_key_may_have_several_fields(void **state)
{
    (void)state;
    kind_stories_play(text_of_two, "some", stories_of_two,
                      sizeof stories_of_two / sizeof stories_of_two[0]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_accepted_within_their_windows),
        cmocka_unit_test(a_key_may_have_several_fields),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &limits_kind, NULL);
}
