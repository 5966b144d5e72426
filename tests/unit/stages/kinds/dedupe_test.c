/* SPDX-License-Identifier: MIT */
/* Tests dedupe against the manual. It refuses nothing, so it has no reasons to cover. */
#include "stages/kinds/kinds.h"
#include "tests/unit/cases.h"
#include "tests/unit/change_story.h"
#include "tests/unit/kind_story.h"

static const char text[] = "topology: t\n"
                           "types:\n"
                           "  R: { id: string, part: string, n: int, at: timestamp }\n"
                           "stages:\n"
                           "  lines: { kind: file.source, path: x }\n"
                           "  parse: { kind: json.decode, from: lines, type: R }\n"
                           "  once: { kind: dedupe, from: parse, OPTIONS }\n"
                           "  end: { kind: discard, from: once }\n";

static const struct kind_story stories[] = {
    {"the first record with a key passes, later ones are dropped", "key: id",
     "{'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'','part':'','n':5,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'','part':'','n':5,'at':'2000-01-01T12:00:00Z'}\n"},
    {"a key of several fields is all of them, each for itself", "key: [id, part]",
     "{'id':'ab','part':'c','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'ab','part':'c','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'bc','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'bc','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'abc','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'abc','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'','part':'abc','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'','part':'abc','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'ab','part':'c','n':5,'at':'2000-01-01T12:00:00Z'}\n"},
    {"a key of a number and a time", "key: [n, at]",
     "{'id':'','part':'','n':-9223372036854775808,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'','part':'','n':-9223372036854775808,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'','part':'','n':9223372036854775807,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'','part':'','n':9223372036854775807,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'','part':'','n':-9223372036854775808,'at':'2000-01-01T12:00:00.000000001Z'}\n"
     "  out {'id':'','part':'','n':-9223372036854775808,'at':'2000-01-01T12:00:00.000000001Z'}\n"
     "{'id':'of "
     "another','part':'zone','n':-9223372036854775808,'at':'2000-01-01T13:00:00+01:00'}\n"},
    {"workers share the keys by a part of them", "key: [id, part], by: id",
     "{'id':'a','part':'1','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'1','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'1','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'b','part':'1','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'2','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'2','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'1','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'1','n':5,'at':'2000-01-01T12:00:00Z'}\n"},
    {"the same key twice in one seq", "key: id",
     "{'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "& {'id':'a','part':'','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "& {'id':'b','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'b','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "& {'id':'c','part':'','n':5,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'c','part':'','n':5,'at':'2000-01-01T12:00:00Z'}\n"},
    {"without keep, a key is remembered for ever", "key: id",
     "{'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'b','part':'','n':2,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'a','part':'','n':3,'at':'2262-04-11T23:47:16.854775807Z'}\n"},
    {"a key is forgotten when the latest time is keep past its own, and not before",
     "key: id, keep: 1h, at: at",
     "{'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'','n':2,'at':'2000-01-01T12:59:59.999999999Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'2000-01-01T12:59:59.999999999Z'}\n"
     "{'id':'a','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'c','part':'','n':4,'at':'2000-01-01T13:00:00Z'}\n"
     "  out {'id':'c','part':'','n':4,'at':'2000-01-01T13:00:00Z'}\n"
     "{'id':'a','part':'','n':5,'at':'2000-01-01T12:30:00Z'}\n"
     "  out {'id':'a','part':'','n':5,'at':'2000-01-01T12:30:00Z'}\n"
     "{'id':'a','part':'','n':6,'at':'2000-01-01T13:29:59.999999999Z'}\n"
     "{'id':'b','part':'','n':7,'at':'2000-01-01T13:00:00Z'}\n"
     "{'id':'a','part':'','n':8,'at':'2000-01-01T13:30:00Z'}\n"
     "  out {'id':'a','part':'','n':8,'at':'2000-01-01T13:30:00Z'}\n"},
    {"a repeat does not put that off", "key: id, keep: 1h, at: at",
     "{'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'','n':2,'at':'2000-01-01T12:30:00Z'}\n"
     "{'id':'a','part':'','n':3,'at':'2000-01-01T13:00:00Z'}\n"
     "  out {'id':'a','part':'','n':3,'at':'2000-01-01T13:00:00Z'}\n"},
    {"a key that would expire before it is stored passes each time", "key: id, keep: 1h, at: at",
     "{'id':'b','part':'','n':1,'at':'2000-01-01T13:00:00Z'}\n"
     "  out {'id':'b','part':'','n':1,'at':'2000-01-01T13:00:00Z'}\n"
     "{'id':'a','part':'','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':2,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':3,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'a','part':'','n':4,'at':'2000-01-01T12:00:00.000000001Z'}\n"
     "  out {'id':'a','part':'','n':4,'at':'2000-01-01T12:00:00.000000001Z'}\n"
     "{'id':'a','part':'','n':5,'at':'2000-01-01T12:00:00.000000001Z'}\n"},
    {"one record with a time far in the future forgets all older ones",
     "key: id, keep: 30d, at: at",
     "{'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'','n':2,'at':'2000-01-02T12:00:00Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'2000-01-02T12:00:00Z'}\n"
     "{'id':'c','part':'','n':3,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'c','part':'','n':3,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'a','part':'','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "  out {'id':'a','part':'','n':4,'at':'2000-01-01T12:00:00Z'}\n"
     "{'id':'b','part':'','n':5,'at':'2000-01-02T12:00:00Z'}\n"
     "  out {'id':'b','part':'','n':5,'at':'2000-01-02T12:00:00Z'}\n"
     "{'id':'c','part':'','n':6,'at':'2262-04-11T23:47:16.854775807Z'}\n"},
    {"the shortest keep, at the first moment of all", "key: id, keep: 1ns, at: at",
     "{'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'a','part':'','n':2,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'a','part':'','n':3,'at':'1677-09-21T00:12:43.145224193Z'}\n"
     "  out {'id':'a','part':'','n':3,'at':'1677-09-21T00:12:43.145224193Z'}\n"},
    {"a key that would expire at the very last moment or after it is kept forever",
     "key: id, keep: 1h, at: at",
     "{'id':'a','part':'','n':1,'at':'2262-04-11T22:47:16.854775806Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'2262-04-11T22:47:16.854775806Z'}\n"
     "{'id':'b','part':'','n':2,'at':'2262-04-11T22:47:16.854775807Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'2262-04-11T22:47:16.854775807Z'}\n"
     "{'id':'c','part':'','n':3,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'c','part':'','n':3,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'a','part':'','n':4,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'a','part':'','n':4,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'b','part':'','n':5,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'c','part':'','n':6,'at':'2262-04-11T23:47:16.854775807Z'}\n"},
    /* a is kept until a nanosecond before 1970, b until two before the last moment, c forever. */
    {"the longest keep", "key: id, keep: 106751d23h47m16s854ms775us807ns, at: at",
     "{'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "  out {'id':'a','part':'','n':1,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'b','part':'','n':2,'at':'1969-12-31T23:59:59.999999998Z'}\n"
     "  out {'id':'b','part':'','n':2,'at':'1969-12-31T23:59:59.999999998Z'}\n"
     "{'id':'a','part':'','n':3,'at':'1677-09-21T00:12:43.145224192Z'}\n"
     "{'id':'c','part':'','n':4,'at':'1970-01-01T00:00:00Z'}\n"
     "  out {'id':'c','part':'','n':4,'at':'1970-01-01T00:00:00Z'}\n"
     "{'id':'a','part':'','n':5,'at':'1970-01-01T00:00:00Z'}\n"
     "  out {'id':'a','part':'','n':5,'at':'1970-01-01T00:00:00Z'}\n"
     "{'id':'b','part':'','n':6,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'id':'b','part':'','n':6,'at':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'id':'c','part':'','n':7,'at':'2262-04-11T23:47:16.854775807Z'}\n"},
};

static void the_first_of_each_key_passes(void **state)
{
    (void)state;
    kind_stories_play(text, "once", stories, sizeof stories / sizeof stories[0]);
}

#define FOREVER "dedupe 1 key=id:string"

static void another_form_of_the_state_is_converted_or_lost(void **state)
{
    (void)state;
    static const struct change_story changes[] = {
        {FOREVER, "dedupe 1 key=id:string,part:string", "",
         "lost|key was id:string, is id:string,part:string: it remembers other keys|"},
        {FOREVER " keep=1d at=at", FOREVER " keep=2d at=at", "",
         "converted shift=1d|keep was 1d, is 2d: the keys it remembers are remembered for longer; "
         "those that it has forgotten stay so|"},
        {FOREVER " keep=2d at=at", FOREVER " keep=1d at=other", "",
         "converted shift=-1d|keep was 2d, is 1d: the keys it remembers are forgotten sooner; at "
         "was at, is other: keys are forgotten by the times of the other field|"},
        {FOREVER " keep=2d at=at", FOREVER, "",
         "converted never|keep was 2d, is not given: the keys it remembers are never forgotten; "
         "those that it has forgotten stay so|"},
        {FOREVER, FOREVER " keep=2d at=at", "",
         "converted|keep was not given, is 2d: the keys it remembers are never forgotten, only new "
         "ones are|"},
        {FOREVER " keep=1d at=at", FOREVER " keep=1d", "",
         "lost|at was at, is not given: this bulkhead does not know what one of them means|"},
        {FOREVER " at=at", FOREVER " keep=1d at=at", "",
         "lost|keep was not given, is 1d: this bulkhead does not know what one of them means|"},
        {FOREVER " keep=1d", FOREVER " keep=1d at=at", "",
         "lost|at was not given, is at: this bulkhead does not know what one of them means|"},
    };
    CHANGE_STORIES_CHECK(&dedupe_kind, changes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_each_key_passes),
        cmocka_unit_test(another_form_of_the_state_is_converted_or_lost),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
