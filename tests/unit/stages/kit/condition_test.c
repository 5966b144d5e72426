/* SPDX-License-Identifier: MIT */
/*
 * Tests filter and route against a second way to try conditions: one that walks them as they were
 * made up, with numbers, and knows nothing of how they are written, read and compiled.
 */
#include "tests/unit/kind_run.h"

#include <stdlib.h>

#include "common/memory.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define FIELDS 9
#define TESTS_MAX 3
#define SETS_MAX 3
#define OUTPUTS 3
#define CONDITIONS_MAX 3

/*
 * Every field has few values, by number: 0 to 4 in the order of the type, and -1 for none. So
 * tests often hold, and a test on numbers is the test on values.
 */
#define VALUES 5
static const struct {
    const char *name, *type;
    const char *literals[VALUES];
    int64_t integers[VALUES];
    enum value_tag tag;
    bool ordered, optional;
} columns[FIELDS] = {
    {"status",
     "int",
     {"-5", "0", "200", "404", "9223372036854775807"},
     {-5, 0, 200, 404, INT64_MAX},
     VALUE_INT,
     true,
     false},
    {"amount",
     "money(USD)",
     {"-1.00", "0", "$0.01", "1.00", "USD 1000"},
     {-100, 0, 1, 100, 100000},
     VALUE_MONEY,
     true,
     false},
    {"at",
     "timestamp",
     {"1969-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000001Z",
      "1970-01-01T02:00:00+01:00", "2262-04-11T23:47:16.854775807Z"},
     {-1000000000, 0, 1, 3600000000000, INT64_MAX},
     VALUE_TIMESTAMP,
     true,
     false},
    {"ratio",
     "decimal(6,2)",
     {"-1.50", "-0.01", "0", "0.5", "1234.56"},
     {-150, -1, 0, 50, 123456},
     VALUE_DECIMAL,
     true,
     true},
    {"day",
     "date",
     {"0001-01-01", "1969-12-31", "1970-01-01", "1970-01-02", "2000-02-29"},
     {-719162, -1, 0, 1, 11016},
     VALUE_DATE,
     true,
     true},
    {"took",
     "duration",
     {"-1s", "0s", "1ns", "1s", "1h"},
     {-1000000000, 0, 1, 1000000000, 3600000000000},
     VALUE_DURATION,
     true,
     false},
    {"tier",
     "enum(none, bronze, silver, gold, platinum)",
     {"none", "bronze", "silver", "gold", "platinum"},
     {0, 1, 2, 3, 4},
     VALUE_ENUM,
     true,
     false},
    {"agent", "string", {"''", "a", "ab", "abc", "b"}, {0}, VALUE_STRING, false, true},
    {"raw", "bytes", {"''", "a", "ab", "abc", "b"}, {0}, VALUE_BYTES, false, false},
};
static const char *const strings[VALUES] = {"", "a", "ab", "abc", "b"};

/* Patterns, and which of the strings they match. */
static const struct {
    const char *text;
    bool matches[VALUES];
} patterns[] = {
    {"a", {false, true, true, true, false}},     {"^a$", {false, true, false, false, false}},
    {"(?i)B", {false, false, true, true, true}}, {"^$", {true, false, false, false, false}},
    {"b?", {true, true, true, true, true}},      {"c|^b", {false, false, false, true, true}},
};

enum made_tag { EQUALS, ONE_OF, RANGE, AT_LEAST, AT_MOST, ABOVE, BELOW, MATCHES, EXISTS, TAGS };
static const char *const tag_names[TAGS] = {"equals", "one_of", "range",   "at_least", "at_most",
                                            "above",  "below",  "matches", "exists"};

struct made_test {
    enum made_tag tag;
    int a, b;        /* the values, or the pattern, or whether it must exist */
    bool of[VALUES]; /* ONE_OF */
};

struct made_condition {
    size_t field, test_count;
    struct made_test tests[TESTS_MAX];
};

struct made_set {
    size_t count;
    struct made_condition conditions[CONDITIONS_MAX];
};

struct made {
    size_t count;
    struct made_set sets[SETS_MAX];
};

/* --- making conditions up --- */

static bool suits(enum made_tag tag, size_t field)
{
    switch (tag) {
    case EQUALS:
    case ONE_OF:
        return true;
    case MATCHES:
        return !columns[field].ordered;
    case EXISTS:
        return columns[field].optional;
    default:
        return columns[field].ordered;
    }
}

static struct made_test make_test(enum made_tag tag)
{
    struct made_test test = {.tag = tag, .a = (int)random_below(VALUES)};
    test.b = test.a + (int)random_below((uint64_t)(VALUES - test.a));
    if (tag == MATCHES)
        test.a = (int)random_below(sizeof patterns / sizeof patterns[0]);
    if (tag == EXISTS)
        test.a = (int)random_below(2);
    test.of[random_below(VALUES)] = true;
    test.of[random_below(VALUES)] = true;
    return test;
}

static void make_condition(struct made_condition *condition, size_t field)
{
    *condition = (struct made_condition){.field = field};
    size_t count = 1 + random_below(2);
    unsigned used = 0;
    while (condition->test_count < count) {
        enum made_tag tag = (enum made_tag)random_below(TAGS);
        if (!suits(tag, field) || (used & 1u << tag) != 0)
            continue;
        used |= 1u << tag;
        condition->tests[condition->test_count++] = make_test(tag);
    }
}

static void make_up(struct made *made)
{
    *made = (struct made){.count = 1 + random_below(SETS_MAX)};
    for (size_t i = 0; i < made->count; i++) {
        struct made_set *set = &made->sets[i];
        size_t first = random_below(FIELDS);
        set->count = 1 + random_below(CONDITIONS_MAX);
        for (size_t k = 0; k < set->count; k++)
            make_condition(&set->conditions[k], (first + 2 * k) % FIELDS);
    }
}

/* --- writing them down --- */

static void write_test(const struct made_test *test, size_t field, struct buf *out)
{
    const char *const *literals = columns[field].literals;
    buf_add_format(out, "%s: ", tag_names[test->tag]);
    switch (test->tag) {
    case ONE_OF: {
        const char *before = "[";
        for (int i = VALUES; i-- > 0;) {
            if (test->of[i])
                buf_add_format(out, "%s%s", before, literals[i]);
            before = test->of[i] ? ", " : before;
        }
        buf_add_text(out, "]");
        return;
    }
    case RANGE:
        buf_add_format(out, "[%s, %s]", literals[test->a], literals[test->b]);
        return;
    case MATCHES:
        buf_add_format(out, "'%s'", patterns[test->a].text);
        return;
    case EXISTS:
        buf_add_text(out, test->a != 0 ? "true" : "false");
        return;
    default:
        buf_add_text(out, literals[test->a]);
    }
}

static void write_set(const struct made_set *set, struct buf *out)
{
    for (size_t k = 0; k < set->count; k++) {
        const struct made_condition *condition = &set->conditions[k];
        buf_add_format(out, "%s%s: { ", k != 0 ? ", " : "{ ", columns[condition->field].name);
        for (size_t t = 0; t < condition->test_count; t++) {
            buf_add_text(out, t != 0 ? ", " : "");
            write_test(&condition->tests[t], condition->field, out);
        }
        buf_add_text(out, " }");
    }
    buf_add_text(out, " }");
}

static void write_made(const struct made *made, struct buf *out)
{
    bool as_list = made->count > 1 || random_below(2) != 0;
    buf_add_text(out, as_list ? "[ " : "");
    for (size_t i = 0; i < made->count; i++) {
        buf_add_text(out, i != 0 ? ", " : "");
        write_set(&made->sets[i], out);
    }
    buf_add_text(out, as_list ? " ]" : "");
}

static void write_head(struct buf *out)
{
    buf_add_text(out, "topology: t\ntypes:\n  T:\n");
    for (size_t i = 0; i < FIELDS; i++) {
        bool optional = columns[i].optional;
        buf_add_format(out, "    %s: '%s%s%s'\n", columns[i].name, optional ? "optional(" : "",
                       columns[i].type, optional ? ")" : "");
    }
    buf_add_text(out, "stages:\n  lines: { kind: file.source, path: x }\n"
                      "  parse: { kind: regex.parse, from: lines, type: T, pattern: '");
    for (size_t i = 0; i < FIELDS; i++)
        buf_add_format(out, "(?<%s>.*)", columns[i].name);
    buf_add_text(out, "' }\n");
}

/* --- the second way --- */

static bool test_holds(const struct made_test *test, int value)
{
    if (test->tag == EXISTS)
        return (value >= 0) == (test->a != 0);
    if (value < 0)
        return false;
    switch (test->tag) {
    case EQUALS:
        return value == test->a;
    case ONE_OF:
        return test->of[value];
    case RANGE:
        return value >= test->a && value <= test->b;
    case AT_LEAST:
        return value >= test->a;
    case AT_MOST:
        return value <= test->a;
    case ABOVE:
        return value > test->a;
    case BELOW:
        return value < test->a;
    default:
        return patterns[test->a].matches[value];
    }
}

static bool made_holds(const struct made *made, const int values[FIELDS])
{
    bool any = false;
    for (size_t i = 0; i < made->count; i++) {
        bool all = true;
        for (size_t k = 0; k < made->sets[i].count; k++) {
            const struct made_condition *condition = &made->sets[i].conditions[k];
            for (size_t t = 0; t < condition->test_count; t++)
                all &= test_holds(&condition->tests[t], values[condition->field]);
        }
        any |= all;
    }
    return any;
}

/* --- the tests --- */

static void make_record(int numbers[FIELDS], struct value fields[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++) {
        numbers[i] = columns[i].optional && random_below(4) == 0 ? -1 : (int)random_below(VALUES);
        if (numbers[i] < 0)
            fields[i] = value_of_nothing();
        else if (columns[i].ordered)
            fields[i] = value_of_integer(columns[i].tag, columns[i].integers[numbers[i]]);
        else
            fields[i] =
                value_of_bytes(columns[i].tag, strings[numbers[i]], strlen(strings[numbers[i]]));
    }
}

static void filters_do_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct made where, unless;
        make_up(&where);
        make_up(&unless);
        bool has_where = random_below(3) != 0, has_unless = !has_where || random_below(2) != 0;
        struct buf text = {0}, wanted = {0};
        write_head(&text);
        buf_add_text(&text, "  some:\n    kind: filter\n    from: parse\n");
        if (has_where) {
            buf_add_text(&text, "    where: ");
            write_made(&where, &text);
        }
        if (has_unless) {
            buf_add_text(&text, "\n    unless: ");
            write_made(&unless, &text);
        }
        buf_add_text(&text, "\n  end: { kind: discard, from: some }\n");
        struct kind_run run;
        kind_run_open(&run, buf_text(&text), "some");
        for (int i = 0; i < 60; i++) {
            int numbers[FIELDS];
            struct value fields[FIELDS];
            make_record(numbers, fields);
            if ((!has_where || made_holds(&where, numbers)) &&
                (!has_unless || !made_holds(&unless, numbers))) {
                buf_add_text(&wanted, "out ");
                kind_run_print(run.stage->in, fields, &wanted);
            }
            kind_run_step(&run, 0, fields);
        }
        if (strcmp(buf_text(&run.seen), buf_text(&wanted)) != 0)
            fail_msg("%s\ngives:\n%s\nwanted:\n%s", buf_text(&text), buf_text(&run.seen),
                     buf_text(&wanted));
        buf_done(&text);
        buf_done(&wanted);
        kind_run_close(&run);
    }
}

static void routes_do_the_same(void **state)
{
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct made outputs[OUTPUTS];
        struct buf text = {0}, wanted = {0};
        write_head(&text);
        buf_add_text(&text, "  way:\n    kind: route\n    from: parse\n    outputs:\n");
        for (size_t i = 0; i < OUTPUTS; i++) {
            make_up(&outputs[i]);
            buf_add_format(&text, "      o%zu: ", i);
            write_made(&outputs[i], &text);
            buf_add_text(&text, "\n");
        }
        buf_add_text(&text, "    otherwise: rest\n"
                            "  end: { kind: discard, from: [way.o0, way.o1, way.o2, way.rest] }\n");
        struct kind_run run;
        kind_run_open(&run, buf_text(&text), "way");
        for (int i = 0; i < 60; i++) {
            int numbers[FIELDS];
            struct value fields[FIELDS];
            make_record(numbers, fields);
            size_t output = 0;
            while (output < OUTPUTS && !made_holds(&outputs[output], numbers))
                output++;
            if (output < OUTPUTS)
                buf_add_format(&wanted, "o%zu ", output);
            else
                buf_add_text(&wanted, "rest ");
            kind_run_print(run.stage->in, fields, &wanted);
            kind_run_step(&run, 0, fields);
        }
        if (strcmp(buf_text(&run.seen), buf_text(&wanted)) != 0)
            fail_msg("%s\ngives:\n%s\nwanted:\n%s", buf_text(&text), buf_text(&run.seen),
                     buf_text(&wanted));
        buf_done(&text);
        buf_done(&wanted);
        kind_run_close(&run);
    }
}

/* A text that cannot be matched is a dead letter, but only if the match decides. */
static void what_cannot_be_matched_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "topology: t\ntypes: { T: { n: int, raw: bytes } }\nstages:\n"
        "  lines: { kind: file.source, path: x }\n"
        "  parse: { kind: regex.parse, from: lines, type: T, pattern: '(?<n>.)(?<raw>.)' }\n"
        "  some:\n    kind: filter\n    from: parse\n"
        "    where: { n: { equals: 1 }, raw: { matches: '^(?:(z+)+!|x)$' } }\n"
        "  way:\n    kind: route\n    from: parse\n    outputs:\n"
        "      a: { n: { equals: 2 } }\n      b: { raw: { matches: '^(?:(z+)+!|x)$' } }\n"
        "    otherwise: rest\n"
        "  end: { kind: discard, from: [some] }\n"
        "  end2: { kind: discard, from: [way.a, way.b, way.rest] }\n";
    char zs[40];
    memset(zs, 'z', sizeof zs);
    const struct value raws[] = {value_of_bytes(VALUE_BYTES, zs, 3),
                                 value_of_bytes(VALUE_BYTES, "\xff", 1),
                                 value_of_bytes(VALUE_BYTES, zs, sizeof zs)};
    static const char *const reasons[] = {NULL, "\"reason\":\"not-utf8\"",
                                          "\"reason\":\"too-hard\""};
    static const char *const stages[] = {"some", "way"};
    for (size_t s = 0; s < 2; s++) {
        struct kind_run run;
        kind_run_open(&run, text, stages[s]);
        for (int n = 1; n <= 2; n++) {
            for (size_t i = 0; i < 3; i++) {
                struct value fields[] = {value_of_integer(VALUE_INT, n), raws[i]};
                buf_reset(&run.seen);
                kind_run_step(&run, 0, fields);
                const char *seen = buf_text(&run.seen);
                if (n == 1 && reasons[i] != NULL)
                    assert_non_null(strstr(seen, reasons[i]));
                else
                    assert_null(strstr(seen, "dead "));
            }
        }
        kind_run_close(&run);
    }
}

int main(int argc, char **argv)
{
    random_init("condition_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_do_the_same),
        cmocka_unit_test(routes_do_the_same),
        cmocka_unit_test(what_cannot_be_matched_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
