/* SPDX-License-Identifier: MIT */
/*
 * Tests json.decode against the manual, and random objects against a second way to know the result:
 * what an object was made of is written down before its members are shuffled.
 */
#include "tests/unit/kind_story.h"

#include <stdbool.h>

#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define FIELDS 5
#define MEMBERS_MAX 12

static const char topology[] = "topology: t\n"
                               "types:\n"
                               "  T: { a: int, ab: string, b: bool, long-name: optional(int), "
                               "a-name-of-more-than-sixteen: string }\n"
                               "stages:\n"
                               "  lines: { kind: file.source, path: x }\n"
                               "  parse: { kind: json.decode, from: lines, type: T }\n"
                               "  end: { kind: discard, from: parse }\n";

static const char *const names[FIELDS] = {"a", "ab", "b", "long-name",
                                          "a-name-of-more-than-sixteen"};
static const char *const others[] = {
    "", "c", "A", "aa", "long-nama", "longname", "a-name-of-more-than-sixteem"};

/* One object: how often it has each field, and the values, as they are in JSON. */
struct object {
    unsigned times[FIELDS];
    char values[FIELDS][32];
    size_t count;
    char members[MEMBERS_MAX][96];
};

static void add_member(struct object *o, const char *name, const char *value)
{
    char *text = o->members[o->count++];
    /* Now and then the first letter of the name is escaped. */
    if (*name != '\0' && random_below(8) == 0)
        (void)snprintf(text, sizeof o->members[0], "\"\\u%04x%s\":%s", (unsigned)*name, name + 1,
                       value);
    else
        (void)snprintf(text, sizeof o->members[0], "%s\"%s\"%s:%s", random_below(8) == 0 ? " " : "",
                       name, random_below(8) == 0 ? "\t" : "", value);
}

static void make_value(size_t field, char value[32])
{
    if (field == 0 || field == 3)
        (void)snprintf(value, 32, "%" PRId64, random_integer());
    else if (field == 2)
        (void)snprintf(value, 32, "%s", random_below(2) == 0 ? "true" : "false");
    else
        (void)snprintf(value, 32, "\"%.*s\"", (int)random_below(28),
                       "abcdefghijklmnopqrstuvwxyz0123");
}

static void make_object(struct object *o)
{
    *o = (struct object){0};
    for (size_t i = 0; i < FIELDS; i++) {
        o->times[i] = random_below(12) != 0 ? 1 : (unsigned)random_below(3);
        for (unsigned n = 0; n < o->times[i]; n++) {
            make_value(i, o->values[i]);
            add_member(o, names[i], o->values[i]);
        }
    }
    while (o->count < MEMBERS_MAX && random_below(4) == 0)
        add_member(o, others[random_below(sizeof others / sizeof others[0])], "[{\"a\":1}]");
}

/* Objects come in runs of one order, as they do where one program wrote them. */
static void shuffle(struct object *o, uint64_t order)
{
    char kept[sizeof o->members[0]];
    for (size_t i = o->count; i-- > 1;
         order = order * 6364136223846793005u + 1442695040888963407u) {
        size_t other = (order >> 33) % (i + 1);
        memcpy(kept, o->members[i], sizeof kept);
        memcpy(o->members[i], o->members[other], sizeof kept);
        memcpy(o->members[other], kept, sizeof kept);
    }
}

static void write_object(const struct object *o, struct buf *out)
{
    buf_reset(out);
    buf_add_byte(out, '{');
    for (size_t i = 0; i < o->count; i++)
        buf_add_format(out, "%s%s", i != 0 ? "," : "", o->members[i]);
    buf_add_byte(out, '}');
}

/* What the output must contain: a whole record, or the middle of a dead letter. */
static void expect(const struct object *o, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < FIELDS; i++) {
        if (o->times[i] == 1 || (o->times[i] == 0 && i == 3))
            continue;
        buf_add_format(out, "\"%s\",\"message\":\"the field '%s' %s\"",
                       o->times[i] == 0 ? "missing-field" : "duplicate-field", names[i],
                       o->times[i] == 0 ? "is missing" : "appears more than once");
        return;
    }
    buf_add_text(out, "out {");
    for (size_t i = 0; i < FIELDS; i++)
        buf_add_format(out, "%s\"%s\":%s", i != 0 ? "," : "", names[i],
                       o->times[i] != 0 ? o->values[i] : "null");
    buf_add_text(out, "}\n");
}

static void fields_are_found_in_any_order(void **state)
{
    (void)state;
    struct kind_run run;
    struct buf line = {0}, expected = {0};
    struct object o;
    uint64_t order = 0;
    kind_run_open(&run, topology, "parse");
    for (int i = 0; i < 50000; i++) {
        if (random_below(20) == 0)
            order = random_below(3) == 0 ? 0 : random_bits();
        make_object(&o);
        expect(&o, &expected);
        shuffle(&o, order);
        write_object(&o, &line);
        struct value field = value_of_bytes(VALUE_BYTES, line.data, line.len);
        buf_reset(&run.seen);
        kind_run_step(&run, 0, &field);
        const char *seen = buf_text(&run.seen), *wanted = buf_text(&expected);
        bool good = strncmp(seen, "out ", 4) == 0 ? strcmp(seen, wanted) == 0
                                                  : strstr(seen, wanted) != NULL;
        if (!good)
            fail_msg("%s\ngave %s\nnot %s", buf_text(&line), seen, wanted);
    }
    kind_run_close(&run);
    buf_done(&line);
    buf_done(&expected);
}

/* What a wrong value is called, and what is expected. */
static void wrong_values_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *told;
    } cases[] = {
        {"\"a\":1.5", "\"wrong-type\",\"message\":\"the field 'a' is not a whole number: expected "
                      "int, found a number\""},
        {"\"a\":1e3", "\"wrong-type\",\"message\":\"the field 'a' is not a whole number: expected "
                      "int, found a number\""},
        {"\"a\":\"1\"", "\"wrong-type\",\"message\":\"the field 'a' has the wrong JSON type: "
                        "expected int, found a string\""},
        {"\"a\":null", "\"wrong-type\",\"message\":\"the field 'a' has the wrong JSON type: "
                       "expected int, found null\""},
        {"\"a\":9223372036854775808", "\"overflow\",\"message\":\"the field 'a' does not fit 64 "
                                      "bits\""},
        {"\"a\":123456789012345678901234567890.5",
         "\"wrong-type\",\"message\":\"the field 'a' is not a whole number: expected int, found a "
         "number\""},
        {"\"a\":1,\"ab\":\"\",\"b\":true,\"long-name\":-1.0",
         "\"wrong-type\",\"message\":\"the field 'long-name' is not a whole number: expected int, "
         "found a number\""},
        {"\"a\":1,\"ab\":\"\",\"b\":true,\"long-name\":[]",
         "\"wrong-type\",\"message\":\"the field 'long-name' has the wrong JSON type: expected "
         "int, found an array\""},
    };
    struct kind_run run;
    kind_run_open(&run, topology, "parse");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[256];
        (void)snprintf(line, sizeof line, "{%s}", cases[i].members);
        struct value field = value_of_bytes(VALUE_BYTES, line, strlen(line));
        buf_reset(&run.seen);
        kind_run_step(&run, 0, &field);
        if (strstr(buf_text(&run.seen), cases[i].told) == NULL)
            fail_msg("%s gave %s", line, buf_text(&run.seen));
    }
    kind_run_close(&run);
}

/* --- by the manual --- */

static const char text[] =
    "topology: t\n"
    "types: { R: { s: string, i: int, b: bool, m: money(USD), t: timestamp } }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  parse: { kind: json.decode, from: lines, type: R }\n"
    "  end: { kind: discard, from: parse }\n";

static const struct kind_story stories[] = {
    {"all fields, in any order, and no others", NULL,
     "{'i':1,'s':'x','b':true,'m':'$1.50','t':'2000-01-01T00:00:00Z'}\n"
     "  out {'s':'x','i':1,'b':true,'m':'$1.50','t':'2000-01-01T00:00:00Z'}\n"
     " { 't' : '1999-12-31t22:00:00.50-02:00' , 'm' : 'USD 0' , 'x' : [{}, null, 1e999] , 'b' : "
     "false, 'i': -9223372036854775808, 's': '\\u0041\\ud83d\\ude00' } \n"
     "  out "
     "{'s':'A😀','i':-9223372036854775808,'b':false,'m':'$0.00','t':'2000-01-01T00:00:00.5Z'}\n"
     "{'s':'x','i':1,'b':true,'m':'$1.50'}\n"
     "  dead missing-field\n"
     "{'s':'x','i':1,'b':true,'m':'$1.50','t':'2000-01-01T00:00:00Z','i':1}\n"
     "  dead duplicate-field\n"
     "{'s':'x','i':1,'b':true,'m':'$1.50','t':'2000-01-01T00:00:00Z','x':1,'x':2}\n"
     "  out {'s':'x','i':1,'b':true,'m':'$1.50','t':'2000-01-01T00:00:00Z'}\n"},
};

/* The option is the type here. */
static const char text_of_types[] = "topology: t\n"
                                    "types: { R: OPTIONS }\n"
                                    "stages:\n"
                                    "  lines: { kind: file.source, path: x }\n"
                                    "  parse: { kind: json.decode, from: lines, type: R }\n"
                                    "  end: { kind: discard, from: parse }\n";

static const struct kind_story stories_of_types[] = {
    {"one JSON object", "{ F: int }",
     "{'F':0}\n"
     "  out {'F':0}\n"
     "{'F':0\n"
     "  dead not-json\n"
     "{'F':0}}\n"
     "  dead not-json\n"
     "{'F':0}{'F':0}\n"
     "  dead not-json\n"
     "{F:0}\n"
     "  dead not-json\n"
     "\n"
     "  dead not-json\n"
     "[{'F':0}]\n"
     "  dead not-an-object\n"
     "null\n"
     "  dead not-an-object\n"
     "'F'\n"
     "  dead not-an-object\n"},
    {"an int has no point and no exponent", "{ F: int }",
     "{'F':9223372036854775807}\n"
     "  out {'F':9223372036854775807}\n"
     "{'F':9223372036854775808}\n"
     "  dead overflow\n"
     "{'F':-9223372036854775809}\n"
     "  dead overflow\n"
     "{'F':1.0}\n"
     "  dead wrong-type\n"
     "{'F':1e2}\n"
     "  dead wrong-type\n"
     "{'F':'1'}\n"
     "  dead wrong-type\n"
     "{'F':null}\n"
     "  dead wrong-type\n"
     "{'F':01}\n"
     "  dead not-json\n"},
    {"true or false", "{ F: bool }",
     "{'F':1}\n"
     "  dead wrong-type\n"
     "{'F':'true'}\n"
     "  dead wrong-type\n"},
    {"an amount has the currency of its type", "{ F: money(USD) }",
     "{'F':'$92233720368547758.07'}\n"
     "  out {'F':'$92233720368547758.07'}\n"
     "{'F':'$92233720368547758.08'}\n"
     "  dead overflow\n"
     "{'F':'1.00'}\n"
     "  dead bad-money\n"
     "{'F':'EUR 1.00'}\n"
     "  dead wrong-currency\n"
     "{'F':'$1.001'}\n"
     "  dead too-many-decimals\n"
     "{'F':1}\n"
     "  dead wrong-type\n"},
    {"a timestamp is RFC 3339", "{ F: timestamp }",
     "{'F':'2262-04-11T23:47:16.854775807Z'}\n"
     "  out {'F':'2262-04-11T23:47:16.854775807Z'}\n"
     "{'F':'2262-04-11T23:47:16.854775808Z'}\n"
     "  dead overflow\n"
     "{'F':'2001-02-29T00:00:00Z'}\n"
     "  dead bad-timestamp\n"
     "{'F':'2000-01-01T00:00:60Z'}\n"
     "  dead bad-timestamp\n"
     "{'F':'2000-01-01'}\n"
     "  dead bad-timestamp\n"
     "{'F':0}\n"
     "  dead wrong-type\n"},
    {"a decimal is a number without exponent, or a string with one", "{ F: 'decimal(4,2)' }",
     "{'F':12.5}\n"
     "  out {'F':'12.50'}\n"
     "{'F':'-99.99'}\n"
     "  out {'F':'-99.99'}\n"
     "{'F':100}\n"
     "  dead overflow\n"
     "{'F':1.234}\n"
     "  dead bad-value\n"
     "{'F':1e1}\n"
     "  dead bad-value\n"},
    {"names, days and time spans", "{ F: 'enum(iron, gold)', G: date, H: duration }",
     "{'F':'gold','G':'2000-02-29','H':'-90m'}\n"
     "  out {'F':'gold','G':'2000-02-29','H':'-1h30m'}\n"
     "{'F':'lead','G':'2000-02-29','H':'1s'}\n"
     "  dead bad-value\n"
     "{'F':'gold','G':'2001-02-29','H':'1s'}\n"
     "  dead bad-value\n"
     "{'F':'gold','G':'2000-02-29','H':'1'}\n"
     "  dead bad-value\n"
     "{'F':'gold','G':20000229,'H':'1s'}\n"
     "  dead wrong-type\n"},
    {"a text with a number of characters and a pattern", "{ F: 'string(1..2, /^\\S+$/)' }",
     "{'F':'éé'}\n"
     "  out {'F':'éé'}\n"
     "{'F':''}\n"
     "  dead bad-value\n"
     "{'F':'abc'}\n"
     "  dead bad-value\n"
     "{'F':' '}\n"
     "  dead bad-value\n"
     "{'F':'\\ud83d'}\n"
     "  dead not-json\n"},
    {"lists, maps, and what may be missing", "{ F: list(int), G: map(bool), H: optional(int) }",
     "{'F':[1,-2],'G':{'b':true,'a':false},'H':3}\n"
     "  out {'F':[1,-2],'G':{'a':false,'b':true},'H':3}\n"
     "{'F':[],'G':{}}\n"
     "  out {'F':[],'G':{},'H':null}\n"
     "{'F':[],'G':{},'H':null}\n"
     "  out {'F':[],'G':{},'H':null}\n"
     "{'F':[null],'G':{}}\n"
     "  dead wrong-type\n"
     "{'F':{},'G':{}}\n"
     "  dead wrong-type\n"
     "{'F':[],'G':{'a':true,'a':true}}\n"
     "  dead duplicate-field\n"
     "{'F':[1,'2'],'G':{}}\n"
     "  dead wrong-type\n"},
    {"nested 32 deep at most, even in ignored members", "{ F: int }",
     "{'F':1,'x':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n"
     "  out {'F':1}\n"
     "{'F':1,'x':[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n"
     "  dead not-json\n"},
    {"invalid UTF-8, even in an ignored member", "{ F: int }",
     "{'F':1,'x':'\xff'}\n"
     "  dead not-utf8\n"
     "{'F':1}\xff\n"
     "  dead not-utf8\n"},
};

static void objects_become_records(void **state)
{
    (void)state;
    kind_stories_play(text, "parse", stories, sizeof stories / sizeof stories[0]);
    kind_stories_play(text_of_types, "parse", stories_of_types,
                      sizeof stories_of_types / sizeof stories_of_types[0]);
}

/* Gives one line to a stage of this type, which must refuse it with a reason. */
static void refuse(const char *type, const struct buf *line, const char *reason)
{
    char *whole = memory_format("topology: t\n"
                                "types: { R: { F: '%s' } }\n"
                                "stages:\n"
                                "  lines: { kind: file.source, path: x }\n"
                                "  parse: { kind: json.decode, from: lines, type: R }\n"
                                "  end: { kind: discard, from: parse }\n",
                                type);
    struct kind_run run;
    kind_run_open(&run, whole, "parse");
    struct value value = value_of_bytes(VALUE_BYTES, line->data, line->len);
    kind_run_step(&run, 0, &value);
    assert_non_null(strstr(buf_text(&run.seen), reason));
    kind_run_close(&run);
    free(whole);
}

/* Once only, for they take their time. */
static void what_would_take_too_much_is_refused(void **state)
{
    (void)state;
    struct buf line = {0};
    buf_add_text(&line, "{\"F\":\"zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\"}");
    refuse("string(/^((z+)+)+(!|,)$/)", &line, "\"reason\":\"too-hard\"");
    /* Each of these takes nine bytes in a record: 10 to the 17th. */
    buf_reset(&line);
    buf_add_text(&line, "{\"F\":[1");
    for (size_t i = 0; i < RECORD_TEXT_BYTES_MAX / 9; i++)
        buf_add_text(&line, ",1");
    buf_add_text(&line, "]}");
    refuse("list(decimal(18,17))", &line, "\"reason\":\"record-too-large\"");
    buf_done(&line);
}

int main(int argc, char **argv)
{
    random_init("json_decode_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_in_any_order),
        cmocka_unit_test(wrong_values_are_told),
        cmocka_unit_test(objects_become_records),
        cmocka_unit_test(what_would_take_too_much_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &json_decode_kind, NULL);
}
