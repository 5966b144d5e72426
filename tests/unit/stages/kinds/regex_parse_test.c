/* SPDX-License-Identifier: MIT */
/*
 * Tests regex.parse against the manual, and against a second way to do it: split the text at its
 * bars, and use every part as it was when the text was made.
 */
#include "tests/unit/kind_story.h"

#include <stdlib.h>

#include "common/memory.h"
#include "common/money.h"
#include "common/timestamp.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define PARTS 11

/*
 * What a part of the text may be: its text, and the JSON of its value, or the reason why it is not
 * one.
 */
struct part {
    const char *text;
    const char *json; /* NULL: it is not a value */
    const char *reason, *what;
};

static const struct part ints[] = {
    {"0", "0", NULL, NULL},
    {"-7", "-7", NULL, NULL},
    {"9223372036854775807", "9223372036854775807", NULL, NULL},
    {"-9223372036854775808", "-9223372036854775808", NULL, NULL},
    {"9223372036854775808", NULL, "overflow", "does not fit 64 bits"},
    {"", NULL, "bad-value", "is not a whole number"},
    {"-", NULL, "bad-value", "is not a whole number"},
    {" 1", NULL, "bad-value", "is not a whole number"},
    {"1.0", NULL, "bad-value", "is not a whole number"},
    {"0x10", NULL, "bad-value", "is not a whole number"},
};
static const struct part bools[] = {
    {"true", "true", NULL, NULL},
    {"false", "false", NULL, NULL},
    {"TRUE", NULL, "bad-value", "is neither true nor false"},
    {"", NULL, "bad-value", "is neither true nor false"},
    {"1", NULL, "bad-value", "is neither true nor false"},
};
static const struct part amounts[] = {
    {"12.34", "\"$12.34\"", NULL, NULL},
    {"$12.3", "\"$12.30\"", NULL, NULL},
    {"USD 5", "\"$5.00\"", NULL, NULL},
    {"-0.05", "\"-$0.05\"", NULL, NULL},
    {"EUR 5", NULL, "wrong-currency", "is in another currency"},
    {"1.234", NULL, "too-many-decimals", "has more decimals than its currency"},
    {"99999999999999999999", NULL, "overflow", "is larger than an amount can be"},
    {"", NULL, "bad-money", "is not an amount, like 12.34 or $12.34"},
    {"1,000.00", NULL, "bad-money", "is not an amount, like 12.34 or $12.34"},
};
static const struct part times[] = {
    {"10/Oct/2000:13:55:36 -0700", "\"2000-10-10T20:55:36Z\"", NULL, NULL},
    {"01/Jan/1970:00:00:00 +0000", "\"1970-01-01T00:00:00Z\"", NULL, NULL},
    {"30/Feb/2000:00:00:00 +0000", NULL, "bad-timestamp", "is not a time in the required form"},
    {"2000-01-01T00:00:00Z", NULL, "bad-timestamp", "is not a time in the required form"},
    {"", NULL, "bad-timestamp", "is not a time in the required form"},
    {"01/Jan/9999:00:00:00 +0000", NULL, "overflow", "lies outside the years 1677 to 2262"},
};
static const struct part words[] = {
    {"", "\"\"", NULL, NULL},
    {"a", "\"a\"", NULL, NULL},
    {"Mozilla/5.0 (\"x\")", "\"Mozilla/5.0 (\\\"x\\\")\"", NULL, NULL},
    {"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"", NULL, NULL},
};

static const struct part ratios[] = {
    {"1", "\"1.00\"", NULL, NULL},
    {"-0.5", "\"-0.50\"", NULL, NULL},
    {"9999.99", "\"9999.99\"", NULL, NULL},
    {"10000", NULL, "overflow", "has more digits than its type allows"},
    {"1.234", NULL, "bad-value",
     "is not a number like 12.50, with no more decimals than its type has"},
    {"", NULL, "bad-value", "is not a number like 12.50, with no more decimals than its type has"},
};
static const struct part days[] = {
    {"2000-02-29", "\"2000-02-29\"", NULL, NULL},
    {"1900-02-29", NULL, "bad-value", "is not a date, like 2000-01-31"},
    {"", NULL, "bad-value", "is not a date, like 2000-01-31"},
};
static const struct part spans[] = {
    {"90m", "\"1h30m\"", NULL, NULL},
    {"-5s", "\"-5s\"", NULL, NULL},
    {"5", NULL, "bad-value", "is not a duration, like 14d, 1h30m or -5s"},
};
static const struct part tiers[] = {
    {"gold", "\"gold\"", NULL, NULL},
    {"silver", "\"silver\"", NULL, NULL},
    {"Gold", NULL, "bad-value", "is not a name of its enum"},
    {"", NULL, "bad-value", "is not a name of its enum"},
};
static const struct part perhaps[] = {
    {"-", "null", NULL, NULL},
    {"7", "7", NULL, NULL},
    {"-7", "-7", NULL, NULL},
    {"--", NULL, "bad-value", "is not a whole number"},
    {"", NULL, "bad-value", "is not a whole number"},
};

static const struct {
    const char *name, *type;
    const struct part *parts;
    size_t count;
} columns[PARTS] = {
    {"number", "int", ints, sizeof ints / sizeof ints[0]},
    {"truth", "bool", bools, sizeof bools / sizeof bools[0]},
    {"amount", "money(USD)", amounts, sizeof amounts / sizeof amounts[0]},
    {"time", "timestamp", times, sizeof times / sizeof times[0]},
    {"word", "string", words, sizeof words / sizeof words[0]},
    {"raw", "bytes", words, sizeof words / sizeof words[0]},
    {"ratio", "decimal(6,2)", ratios, sizeof ratios / sizeof ratios[0]},
    {"day", "date", days, sizeof days / sizeof days[0]},
    {"took", "duration", spans, sizeof spans / sizeof spans[0]},
    {"tier", "enum(silver, gold)", tiers, sizeof tiers / sizeof tiers[0]},
    {"perhaps", "optional(int)", perhaps, sizeof perhaps / sizeof perhaps[0]},
};

/* The order of the groups in the pattern, and that of the fields in the type. */
static void shuffle(size_t order[PARTS])
{
    for (size_t i = 0; i < PARTS; i++)
        order[i] = i;
    for (size_t i = PARTS; i-- > 1;) {
        size_t other = random_below(i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

static void open_run(struct kind_run *run, const size_t groups[PARTS], const size_t fields[PARTS])
{
    struct buf text = {0};
    buf_add_text(&text, "topology: t\ntypes:\n  T: { ");
    for (size_t i = 0; i < PARTS; i++)
        buf_add_format(&text, "%s%s: '%s'", i != 0 ? ", " : "", columns[fields[i]].name,
                       columns[fields[i]].type);
    buf_add_text(&text, " }\nstages:\n  lines: { kind: file.source, path: x }\n"
                        "  parse: { kind: regex.parse, from: lines, type: T, absent: '-',\n"
                        "    timestamp_format: '%d/%b/%Y:%H:%M:%S %z', pattern: '^");
    for (size_t i = 0; i < PARTS; i++)
        buf_add_format(&text, "%s(?<%s>[^|]*)", i != 0 ? "\\|" : "", columns[groups[i]].name);
    buf_add_text(&text, "$' }\n  end: { kind: discard, from: parse }\n");
    kind_run_open(run, buf_text(&text), "parse");
    buf_done(&text);
}

static void expect_dead(const struct kind_run *run, const char *reason, const char *message,
                        const struct value *line, struct buf *out)
{
    struct value fields[DEAD_LETTER_FIELDS] = {
        [DEAD_LETTER_STAGE] = value_of_bytes(VALUE_STRING, "parse", 5),
        [DEAD_LETTER_REASON] = value_of_bytes(VALUE_STRING, reason, strlen(reason)),
        [DEAD_LETTER_MESSAGE] = value_of_bytes(VALUE_STRING, message, strlen(message)),
        [DEAD_LETTER_CONTENT] = *line,
        [DEAD_LETTER_CONTENT_IS_JSON] = value_of_bool(false),
        [DEAD_LETTER_SEQ] = value_of_integer(VALUE_INT, (int64_t)run->runner.begun + 1),
        [DEAD_LETTER_LINE] = value_of_integer(VALUE_INT, 0),
    };
    buf_add_text(out, "dead ");
    kind_run_print(&run->topology->dead_letter, fields, out);
}

static void one_record(struct kind_run *run, const size_t groups[PARTS], const size_t order[PARTS],
                       struct buf *wanted)
{
    const struct part *parts[PARTS];
    struct buf line = {0};
    for (size_t i = 0; i < PARTS; i++) {
        size_t column = groups[i];
        /* Mostly good ones; otherwise hardly any record would be. */
        do {
            parts[column] = &columns[column].parts[random_below(columns[column].count)];
        } while (parts[column]->json == NULL && random_below(16) != 0);
        buf_add_format(&line, "%s%s", i != 0 ? "|" : "", parts[column]->text);
    }
    if (random_below(10) == 0)
        buf_add_text(&line, "|");
    size_t bars = 0;
    for (size_t i = 0; i < line.len; i++)
        bars += line.data[i] == '|' ? 1 : 0;
    bool matches = bars == PARTS - 1;
    struct value value = value_of_bytes(VALUE_BYTES, line.data, line.len);
    size_t bad = 0;
    while (bad < PARTS && parts[order[bad]]->json != NULL)
        bad++;
    if (!matches) {
        expect_dead(run, "no-match", "the pattern does not match", &value, wanted);
    } else if (bad < PARTS) {
        char *message =
            memory_format("the field '%s' %s", columns[order[bad]].name, parts[order[bad]]->what);
        expect_dead(run, parts[order[bad]]->reason, message, &value, wanted);
        free(message);
    } else {
        buf_add_text(wanted, "out ");
        for (size_t i = 0; i < PARTS; i++)
            buf_add_format(wanted, "%s\"%s\":%s", i != 0 ? "," : "{", columns[order[i]].name,
                           parts[order[i]]->json);
        buf_add_text(wanted, "}\n");
    }
    kind_run_step(run, 0, &value);
    buf_done(&line);
}

static void groups_become_fields(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t groups[PARTS], order[PARTS];
        shuffle(groups);
        shuffle(order);
        struct kind_run run;
        open_run(&run, groups, order);
        struct buf wanted = {0};
        for (int i = 0; i < 50; i++)
            one_record(&run, groups, order, &wanted);
        assert_string_equal(buf_text(&run.seen), buf_text(&wanted));
        buf_done(&wanted);
        kind_run_close(&run);
    }
}

/* What cannot be matched at all is a dead letter too, and so is a group that took no part. */
static void faults_of_matching_are_told(void **state)
{
    (void)state;
    static const char text[] =
        "topology: t\ntypes: { T: { a: 'optional(string)', b: string } }\nstages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  parse: { kind: regex.parse, from: lines, type: T,\n"
        "           pattern: '^(?:(?<a>x)|(?<b>y)|(?:(z+)+)+!)$' }\n"
        "  end: { kind: discard, from: parse }\n";
    struct kind_run run;
    kind_run_open(&run, text, "parse");
    struct value x = value_of_bytes(VALUE_BYTES, "x", 1);
    kind_run_step(&run, 0, &x);
    struct value y = value_of_bytes(VALUE_BYTES, "y", 1);
    kind_run_step(&run, 0, &y);
    assert_non_null(strstr(buf_text(&run.seen), "out {\"a\":null,\"b\":\"y\"}\n"));
    struct value bad = value_of_bytes(VALUE_BYTES, "\xff", 1);
    kind_run_step(&run, 0, &bad);
    char zs[40];
    memset(zs, 'z', sizeof zs);
    struct value hard = value_of_bytes(VALUE_BYTES, zs, sizeof zs);
    kind_run_step(&run, 0, &hard);
    assert_non_null(strstr(buf_text(&run.seen),
                           "\"reason\":\"missing-field\",\"message\":\"the field 'b' has "
                           "no value: its group took no part in the match\""));
    assert_non_null(
        strstr(buf_text(&run.seen), "\"reason\":\"not-utf8\",\"message\":\"it is not UTF-8\""));
    assert_non_null(strstr(
        buf_text(&run.seen),
        "\"reason\":\"too-hard\",\"message\":\"the pattern "
        "'^(?:(?<a>x)|(?<b>y)|(?:(z+)+)+!)$' takes more than 20000000 steps or 16 MiB on it\""));
    kind_run_close(&run);
}

/* --- by the manual --- */

/* The options end with the type. */
static const char text_of_stories[] = "topology: t\n"
                                      "stages:\n"
                                      "  lines: { kind: file.source, path: x }\n"
                                      "  end: { kind: discard, from: parse }\n"
                                      "  parse: { kind: regex.parse, from: lines, type: R,\n"
                                      "           OPTIONS\n";

static const struct kind_story stories[] = {
    {"every group is a field, in the order of the type",
     "pattern: '^(?<s>\\S*) (?<n>\\S+)$' }\n"
     "types: { R: { n: int, s: string } }",
     "a 1\n"
     "  out {'n':1,'s':'a'}\n"
     " -7\n"
     "  out {'n':-7,'s':''}\n"
     "a 1 \n"
     "  dead no-match\n"
     "a b\n"
     "  dead bad-value\n"
     "a 9223372036854775808\n"
     "  dead overflow\n"},
    {"a pattern without ends is found anywhere, first where it fits first",
     "pattern: '(?<n>\\d+)' }\n"
     "types: { R: { n: int } }",
     "a12b34\n"
     "  out {'n':12}\n"
     "ab\n"
     "  dead no-match\n"},
    {"a group that took no part is an absent value",
     "pattern: '^(?:a(?<a>.*)|b(?<b>.*))$' }\n"
     "types: { R: { a: optional(string), b: string } }",
     "b\n"
     "  out {'a':null,'b':''}\n"
     "a\n"
     "  dead missing-field\n"},
    {"of several groups of one name the first that took part",
     "pattern: '(?J)^(?:\"(?<q>[^\"]*)\"|\\[(?<q>[^]]*)\\]|(?<q>\\w*))$' }\n"
     "types: { R: { q: string } }",
     "'a b'\n"
     "  out {'q':'a b'}\n"
     "[a b]\n"
     "  out {'q':'a b'}\n"
     "ab\n"
     "  out {'q':'ab'}\n"
     "a b\n"
     "  dead no-match\n"},
    {"a text that stands for an absent value, where that is allowed",
     "absent: '-', pattern: '^(?<a>\\S*) (?<b>\\S*)$' }\n"
     "types: { R: { a: optional(int), b: string } }",
     "- -\n"
     "  out {'a':null,'b':'-'}\n"
     "7 --\n"
     "  out {'a':7,'b':'--'}\n"
     "-- a\n"
     "  dead bad-value\n"},
    {"the currency may be left out",
     "pattern: '^(?<m>.*)$' }\n"
     "types: { R: { m: money(USD) } }",
     "5\n"
     "  out {'m':'$5.00'}\n"
     "USD 5\n"
     "  out {'m':'$5.00'}\n"
     "-$0.05\n"
     "  out {'m':'-$0.05'}\n"
     "EUR 5\n"
     "  dead wrong-currency\n"
     "5.001\n"
     "  dead too-many-decimals\n"
     "five\n"
     "  dead bad-money\n"},
    {"all timestamps in one form",
     "timestamp_format: '%d/%b/%Y:%H:%M:%S %z', pattern: '^(?<t>[^|]*)(?:\\|(?<u>.*))?$' }\n"
     "types: { R: { t: timestamp, u: optional(timestamp) } }",
     "10/Oct/2000:13:55:36 -0700\n"
     "  out {'t':'2000-10-10T20:55:36Z','u':null}\n"
     "01/Jan/1970:00:00:00 +0000|31/Dec/1969:23:59:59 Z\n"
     "  out {'t':'1970-01-01T00:00:00Z','u':'1969-12-31T23:59:59Z'}\n"
     "2000-01-01T00:00:00Z\n"
     "  dead bad-timestamp\n"},
    {"text that is not UTF-8 is not matched",
     "pattern: '^(?<s>.*)$' }\n"
     "types: { R: { s: bytes } }",
     "\xc3\xa9\n"
     "  out {'s':'\xc3\xa9'}\n"
     "\xc3\n"
     "  dead not-utf8\n"},
};

static void texts_become_records(void **state)
{
    (void)state;
    kind_stories_play(text_of_stories, "parse", stories, sizeof stories / sizeof stories[0]);
}

static const char text_of_fields[] =
    "topology: t\n"
    "types: { R: { a: int, b: string }, S: { n: int } }\n"
    "stages:\n"
    "  lines: { kind: file.source, path: x }\n"
    "  json: { kind: json.decode, from: lines, type: R }\n"
    "  parse: { kind: regex.parse, from: json, type: S, pattern: '^(?<n>\\d+)$' }\n"
    "  end: { kind: discard, from: parse }\n";

static const struct kind_story stories_of_fields[] = {
    {"if the input has no line, its only text is read", NULL,
     "{'a':1,'b':'22'}\n"
     "  out {'n':22}\n"},
};

static void the_text_that_is_meant_is_read(void **state)
{
    (void)state;
    kind_stories_play(text_of_fields, "parse", stories_of_fields,
                      sizeof stories_of_fields / sizeof stories_of_fields[0]);
}

/* Two fields from one text, which takes half of what a record can hold. */
static void a_text_that_is_too_large_twice_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "topology: t\n"
        "types: { T: { a: string, b: string } }\n"
        "stages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  parse: { kind: regex.parse, from: lines, type: T, pattern: '^(?<a>(?<b>.*))$' }\n"
        "  end: { kind: discard, from: parse }\n";
    struct kind_run run;
    kind_run_open(&run, text, "parse");
    uint8_t *bytes = memory_new(RECORD_TEXT_BYTES_MAX, 1);
    memset(bytes, 'x', RECORD_TEXT_BYTES_MAX);
    struct value value = value_of_bytes(VALUE_BYTES, bytes, RECORD_TEXT_BYTES_MAX / 2 + 1);
    kind_run_step(&run, 0, &value);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"record-too-large\""));
    buf_reset(&run.seen);
    value.len--;
    kind_run_step(&run, 0, &value);
    assert_int_equal(run.seen.len, strlen("out {\"a\":\"\",\"b\":\"\"}\n") + 2 * value.len);
    kind_run_close(&run);
    free(bytes);
}

int main(int argc, char **argv)
{
    random_init("regex_parse_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_become_fields),
        cmocka_unit_test(faults_of_matching_are_told),
        cmocka_unit_test(texts_become_records),
        cmocka_unit_test(the_text_that_is_meant_is_read),
        cmocka_unit_test(a_text_that_is_too_large_twice_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &regex_parse_kind, NULL);
}
