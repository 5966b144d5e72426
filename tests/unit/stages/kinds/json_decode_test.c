/* SPDX-License-Identifier: MIT */
/*
 * json.decode against a second way to know what comes out: what an object was made of is written
 * down before its members are shuffled.
 */
#include "tests/unit/kind_run.h"

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

/* What must be in what comes out: a whole record, or the middle of a dead letter. */
static void expect(const struct object *o, struct buf *out)
{
    buf_reset(out);
    for (size_t i = 0; i < FIELDS; i++) {
        if (o->times[i] == 1 || (o->times[i] == 0 && i == 3))
            continue;
        buf_add_format(out, "\"%s\",\"message\":\"the field '%s' is %s\"",
                       o->times[i] == 0 ? "missing-field" : "duplicate-field", names[i],
                       o->times[i] == 0 ? "not there" : "there more than once");
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

/* What a wrong value is said to be, and what should be there. */
static void wrong_values_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *members;
        const char *told;
    } cases[] = {
        {"\"a\":1.5", "\"wrong-type\",\"message\":\"the field 'a' is no whole number: it is a "
                      "number, and int is needed\""},
        {"\"a\":1e3", "\"wrong-type\",\"message\":\"the field 'a' is no whole number: it is a "
                      "number, and int is needed\""},
        {"\"a\":\"1\"", "\"wrong-type\",\"message\":\"the field 'a' has the wrong JSON type: it "
                        "is a string, and int is needed\""},
        {"\"a\":null", "\"wrong-type\",\"message\":\"the field 'a' has the wrong JSON type: it "
                       "is null, and int is needed\""},
        {"\"a\":9223372036854775808", "\"overflow\",\"message\":\"the field 'a' does not fit 64 "
                                      "bits\""},
        {"\"a\":123456789012345678901234567890.5",
         "\"wrong-type\",\"message\":\"the field 'a' is no whole number: it is a number, and int "
         "is needed\""},
        {"\"a\":1,\"ab\":\"\",\"b\":true,\"long-name\":-1.0",
         "\"wrong-type\",\"message\":\"the field 'long-name' is no whole number: it is a number, "
         "and int is needed\""},
        {"\"a\":1,\"ab\":\"\",\"b\":true,\"long-name\":[]",
         "\"wrong-type\",\"message\":\"the field 'long-name' has the wrong JSON type: it is an "
         "array, and int is needed\""},
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

int main(int argc, char **argv)
{
    random_init("json_decode_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_in_any_order),
        cmocka_unit_test(wrong_values_are_told),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
