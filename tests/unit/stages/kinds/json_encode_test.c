/* SPDX-License-Identifier: MIT */
/*
 * Tests json.encode against the manual. Its output is a text in a record, so in the stories each
 * quote of it comes after a backslash.
 */
#include "tests/unit/cases.h"
#include "tests/unit/kind_story.h"

static const char text[] =
    "topology: t\n"
    "types:\n"
    "  R: { s: string, i: int, b: bool, m: money(USD), t: timestamp, d: 'decimal(4,2)',\n"
    "       o: optional(int), e: 'enum(iron, gold)', y: date, u: duration }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  texts: { kind: json.encode, from: parse, OPTIONS }\n"
    "  end: { kind: discard, from: texts }\n";

static const struct kind_story stories[] = {
    {"all fields in their order, compact, numbers and booleans bare, all else as a string", "by: s",
     "{'s':'a','i':-1,'b':true,'m':'-$0.05','t':'2000-01-01T00:00:00.500Z','d':'12.5','o':7,'e':'"
     "gold','y':'2000-02-29','u':'90m'}\n"
     "  out "
     "{'line':'{\\'s\\':\\'a\\',\\'i\\':-1,\\'b\\':true,\\'m\\':\\'-$0.05\\',\\'t\\':\\'2000-01-"
     "01T00:00:00.5Z\\',\\'d\\':\\'12.50\\',\\'o\\':7,\\'e\\':\\'gold\\',\\'y\\':\\'2000-02-29\\',"
     "\\'u\\':\\'1h30m\\'}'}\n"
     "{'s':'','i':0,'b':false,'m':'$0','t':'1677-09-21T00:12:43.145224192Z','d':0,'e':'iron','y':'"
     "0000-01-01','u':'0s'}\n"
     "  out "
     "{'line':'{\\'s\\':\\'\\',\\'i\\':0,\\'b\\':false,\\'m\\':\\'$0.00\\',\\'t\\':\\'1677-09-"
     "21T00:12:43.145224192Z\\',\\'d\\':\\'0.00\\',\\'e\\':\\'iron\\',\\'y\\':\\'0000-01-01\\',\\'"
     "u\\':\\'0s\\'}'}\n"
     "{'s':'b','i':9223372036854775807,'b':true,'m':'$92233720368547758.07','t':'2262-04-11T23:47:"
     "16.854775807Z','d':-99.99,'o':null,'e':'iron','y':'9999-12-31','u':'-"
     "106751d23h47m16s854ms775us807ns'}\n"
     "  out "
     "{'line':'{\\'s\\':\\'b\\',\\'i\\':9223372036854775807,\\'b\\':true,\\'m\\':\\'$"
     "92233720368547758.07\\',\\'t\\':\\'2262-04-11T23:47:16.854775807Z\\',\\'d\\':\\'-99.99\\',\\'"
     "e\\':\\'iron\\',\\'y\\':\\'9999-12-31\\',\\'u\\':\\'-106751d23h47m16s854ms775us807ns\\'}'}"
     "\n"},
    {"those that are named, in that order", "by: s, fields: [o, i, s]",
     "{'s':'a','i':1,'b':true,'m':'$1','t':'2000-01-01T00:00:00Z','d':1,'o':7,'e':'gold','y':'2000-"
     "02-29','u':'1s'}\n"
     "  out {'line':'{\\'o\\':7,\\'i\\':1,\\'s\\':\\'a\\'}'}\n"
     "{'s':'b','i':1,'b':true,'m':'$1','t':'2000-01-01T00:00:00Z','d':1,'o':null,'e':'gold','y':'"
     "2000-02-29','u':'1s'}\n"
     "  out {'line':'{\\'i\\':1,\\'s\\':\\'b\\'}'}\n"},
    {"nothing at all", "by: s, fields: o",
     "{'s':'a','i':1,'b':true,'m':'$1','t':'2000-01-01T00:00:00Z','d':1,'e':'gold','y':'2000-02-29'"
     ",'u':'1s'}\n"
     "  out {'line':'{}'}\n"},
};

static const char text_of_nested[] =
    "topology: t\n"
    "types: { R: { l: list(optional(string)), m: map(list(int)) } }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  texts: { kind: json.encode, from: parse }\n"
    "  end: { kind: discard, from: texts }\n";

static const struct kind_story stories_of_nested[] = {
    {"lists are arrays, maps are objects, and nothing in them is null", NULL,
     "{'l':[],'m':{}}\n"
     "  out {'line':'{\\'l\\':[],\\'m\\':{}}'}\n"
     "{'l':['a',null,'\\u0000\\n'],'m':{'b':[1],'':[],'a':[2,-3]}}\n"
     "  out "
     "{'line':'{\\'l\\':[\\'a\\',null,\\'\\\\u0000\\\\n\\'],\\'m\\':{\\'\\':[],\\'a\\':[2,-3],\\'"
     "b\\':[1]}}'}\n"},
};

static const char text_of_lines[] = "topology: t\n"
                                    "stages:\n"
                                    "  lines: { kind: file.source, path: x }\n"
                                    "  texts: { kind: json.encode, from: lines }\n"
                                    "  end: { kind: discard, from: texts }\n";

static const struct kind_story stories_of_lines[] = {
    {"bytes are a string, or base64 if they are not UTF-8", NULL,
     "\xc3\xa9\n"
     "  out {'line':'{\\'line\\':\\'\xc3\xa9\\'}'}\n"
     "\\'\t\x01\n"
     "  out {'line':'{\\'line\\':\\'\\\\\\\\\\\\\\'\\\\t\\\\u0001\\'}'}\n"
     "\xff\n"
     "  out {'line':'{\\'line\\':\\'/w==\\'}'}\n"
     "\n"
     "  out {'line':'{\\'line\\':\\'\\'}'}\n"},
};

static void records_are_written_as_objects(void **state)
{
    (void)state;
    kind_stories_play(text, "texts", stories, sizeof stories / sizeof stories[0]);
    kind_stories_play(text_of_nested, "texts", stories_of_nested,
                      sizeof stories_of_nested / sizeof stories_of_nested[0]);
    kind_stories_play(text_of_lines, "texts", stories_of_lines,
                      sizeof stories_of_lines / sizeof stories_of_lines[0]);
}

static void give(struct kind_run *run, const uint8_t *bytes, size_t len, const char *seen)
{
    struct value value = value_of_bytes(VALUE_BYTES, bytes, len);
    buf_reset(&run->seen);
    kind_run_step(run, 0, &value);
    assert_non_null(strstr(buf_text(&run->seen), seen));
}

/* {"line":""} is 11 bytes without its content, and a control character takes six. */
static void a_text_that_would_be_too_large_is_refused(void **state)
{
    (void)state;
    struct kind_run run;
    kind_run_open(&run, text_of_lines, "texts");
    uint8_t *bytes = memory_new(RECORD_TEXT_BYTES_MAX, 1);
    memset(bytes, 'x', RECORD_TEXT_BYTES_MAX);
    give(&run, bytes, RECORD_TEXT_BYTES_MAX - 11, "out {\"line\":\"{\\\"line\\\":\\\"xxx");
    give(&run, bytes, RECORD_TEXT_BYTES_MAX - 10, "\"reason\":\"record-too-large\"");
    memset(bytes, 1, RECORD_TEXT_BYTES_MAX);
    give(&run, bytes, RECORD_TEXT_BYTES_MAX / 6, "\"reason\":\"record-too-large\"");
    give(&run, bytes, 1, "out {\"line\":\"{\\\"line\\\":\\\"\\\\u0001\\\"}\"}\n");
    kind_run_close(&run);
    free(bytes);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_written_as_objects),
        cmocka_unit_test(a_text_that_would_be_too_large_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &json_encode_kind, NULL);
}
