/* SPDX-License-Identifier: MIT */
/*
 * Tests merge against the manual, and against a second way to do it: look up each field of the
 * output by its name.
 */
#include "tests/unit/kind_story.h"

#include "common/memory.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"

#define FIELDS 8
#define INPUTS_TRIED 4

static const char *const fields[FIELDS] = {"a: string",    "b: int",    "c: bool", "d: money(EUR)",
                                           "e: timestamp", "f: string", "g: int",  "h: bool"};

static void shuffle(size_t order[FIELDS])
{
    for (size_t i = 0; i < FIELDS; i++)
        order[i] = i;
    for (size_t i = FIELDS; i-- > 1;) {
        size_t other = random_below(i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
}

/* A topology with one json.decode for each input of the merge, their fields in any order. */
static char *make_topology(size_t inputs, size_t count, bool with_origin)
{
    struct buf text = {0};
    buf_add_text(&text, "topology: t\ntypes:\n");
    for (size_t i = 0; i < inputs; i++) {
        size_t order[FIELDS];
        shuffle(order);
        buf_add_format(&text, "  T%zu: { ", i);
        size_t left = count;
        for (size_t k = 0; k < FIELDS; k++) {
            if (order[k] < count)
                buf_add_format(&text, "%s%s", fields[order[k]], --left != 0 ? ", " : " }\n");
        }
    }
    buf_add_text(&text, "stages:\n  lines: { kind: file.source, path: x }\n");
    for (size_t i = 0; i < inputs; i++)
        buf_add_format(&text, "  p%zu: { kind: json.decode, from: lines, type: T%zu }\n", i, i);
    buf_add_text(&text, "  all: { kind: merge, from: [");
    for (size_t i = 0; i < inputs; i++)
        buf_add_format(&text, "%sp%zu", i != 0 ? ", " : "", i);
    buf_add_format(&text, "]%s }\n", with_origin ? ", origin: origin" : "");
    buf_add_text(&text, "  end: { kind: discard, from: all }\n");
    char *copy = memory_dup(text.data, text.len);
    buf_done(&text);
    return copy;
}

static struct value random_value(struct type type)
{
    static uint8_t letters[32];
    switch (type.tag) {
    case VALUE_STRING:
        for (size_t i = 0; i < sizeof letters; i++)
            letters[i] = (uint8_t)('a' + random_below(26));
        return value_of_bytes(type.tag, letters, random_below(sizeof letters));
    case VALUE_BOOL:
        return value_of_bool(random_below(2) != 0);
    default:
        return value_of_integer(type.tag, random_integer());
    }
}

static void expect(const struct kind_run *run, uint32_t input, const struct value *values,
                   bool with_origin, struct buf *out)
{
    const struct contract *contract = run->stage->inputs[input].contract;
    struct value wanted[FIELDS + 1];
    size_t count = contract->count;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            if (strcmp(run->stage->out.fields[i].name, contract->fields[k].name) == 0)
                wanted[i] = values[k];
        }
    }
    char name[8];
    (void)snprintf(name, sizeof name, "p%u", input);
    if (with_origin)
        wanted[count] = value_of_bytes(VALUE_STRING, name, strlen(name));
    buf_add_text(out, "out ");
    kind_run_print(&run->stage->out, wanted, out);
}

static void records_get_one_form(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        size_t inputs = 1 + random_below(INPUTS_TRIED);
        bool with_origin = random_below(2) != 0;
        char *text = make_topology(inputs, 1 + random_below(FIELDS), with_origin);
        struct kind_run run;
        kind_run_open(&run, text, "all");
        /* The order of the first input, with its origin at the end. */
        size_t count = run.stage->in->count;
        assert_int_equal(run.stage->out.count, count + (with_origin ? 1 : 0));
        for (size_t i = 0; i < count; i++)
            assert_string_equal(run.stage->out.fields[i].name, run.stage->in->fields[i].name);
        struct buf wanted = {0};
        for (int i = 0; i < 20; i++) {
            uint32_t input = (uint32_t)random_below(inputs);
            struct value values[FIELDS];
            for (size_t k = 0; k < count; k++)
                values[k] = random_value(run.stage->inputs[input].contract->fields[k].type);
            expect(&run, input, values, with_origin, &wanted);
            kind_run_step(&run, input, values);
        }
        assert_string_equal(buf_text(&run.seen), buf_text(&wanted));
        buf_done(&wanted);
        kind_run_close(&run);
        free(text);
    }
}

static const char text_of_three[] = "topology: t\n"
                                    "types:\n"
                                    "  A: { id: string, n: int }\n"
                                    "  B: { n: int, id: string }\n"
                                    "stages:\n"
                                    "  lines: { kind: file.source, path: x }\n"
                                    "  web: { kind: json.decode, from: lines, type: A }\n"
                                    "  shop: { kind: json.decode, from: lines, type: B }\n"
                                    "  mail: { kind: json.decode, from: lines, type: A }\n"
                                    "  all: { kind: merge, from: [web, shop, mail], OPTIONS }\n"
                                    "  end: { kind: discard, from: all }\n";

static const struct kind_story stories[] = {
    {"fields have the order of the first input, and records of one seq that of from", "origin: way",
     "{'id':'a','n':1}\n"
     "  out {'id':'a','n':1,'way':'web'}\n"
     "shop: {'id':'b','n':2}\n"
     "  out {'id':'b','n':2,'way':'shop'}\n"
     "{'id':'a','n':3}\n"
     "& {'id':'b','n':3}\n"
     "& shop: {'n':3,'id':'c'}\n"
     "& mail: {'n':3,'id':'d'}\n"
     "  out {'id':'a','n':3,'way':'web'}\n"
     "  out {'id':'b','n':3,'way':'web'}\n"
     "  out {'id':'c','n':3,'way':'shop'}\n"
     "  out {'id':'d','n':3,'way':'mail'}\n"
     "mail: {'n':4,'id':'a'}\n"
     "  out {'id':'a','n':4,'way':'mail'}\n"},
    {"without an origin nothing is added", "memory_max: 64MiB",
     "mail: {'id':'a','n':1}\n"
     "  out {'id':'a','n':1}\n"},
};

static void several_flows_become_one(void **state)
{
    (void)state;
    kind_stories_play(text_of_three, "all", stories, sizeof stories / sizeof stories[0]);
}

/* "p1" is two bytes. */
static void a_text_too_large_with_its_origin_is_refused(void **state)
{
    (void)state;
    static const char text[] = "topology: t\n"
                               "types: { T: { a: string } }\n"
                               "stages:\n"
                               "  lines: { kind: file.source, path: x }\n"
                               "  p0: { kind: json.decode, from: lines, type: T }\n"
                               "  p1: { kind: json.decode, from: lines, type: T }\n"
                               "  all: { kind: merge, from: [p0, p1], origin: way }\n"
                               "  end: { kind: discard, from: all }\n";
    struct kind_run run;
    kind_run_open(&run, text, "all");
    uint8_t *bytes = memory_new(RECORD_TEXT_BYTES_MAX, 1);
    memset(bytes, 'x', RECORD_TEXT_BYTES_MAX);
    struct value value = value_of_bytes(VALUE_STRING, bytes, RECORD_TEXT_BYTES_MAX - 1);
    kind_run_step(&run, 1, &value);
    assert_non_null(strstr(buf_text(&run.seen), "\"reason\":\"record-too-large\""));
    buf_reset(&run.seen);
    value.len--;
    kind_run_step(&run, 1, &value);
    assert_int_equal(run.seen.len, strlen("out {\"a\":\"\",\"way\":\"p1\"}\n") + value.len);
    kind_run_close(&run);
    free(bytes);
}

int main(int argc, char **argv)
{
    random_init("merge_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_get_one_form),
        cmocka_unit_test(several_flows_become_one),
        cmocka_unit_test(a_text_too_large_with_its_origin_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL) +
           kind_run_reasons_unseen(argc, &merge_kind, NULL);
}
