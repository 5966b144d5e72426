/* SPDX-License-Identifier: MIT */
/*
 * The version of a topology: its text, what changes it and what does not. And that nothing that a
 * kind reads from a file is left out: there is no path that is not neutral.
 */
#include <stdlib.h>
#include <string.h>

#include "common/memory.h"
#include "stages/kinds/kinds.h"
#include "supervisor/run/version.h"
#include "tests/unit/cases.h"
#include "topology/load.h"

static const char sample[] =
    "topology: t\n"
    "version: 7\n"
    "types:\n"
    "  R: { k: string, n: \"optional(int)\", t: timestamp }\n"
    "  A: { x: bool }\n"
    "stages:\n"
    "  in: { kind: file.source, path: i }\n"
    "  parse: { kind: json.decode, from: in, type: R }\n"
    "  once: { kind: dedupe, from: parse, key: k, workers: 2 }\n"
    "  choose: { kind: route, from: once, outputs: { big: { n: { above: 7 } }, odd: { k: { equals: "
    "\"a\\\\b\\n\" } } }, otherwise: rest }\n"
    "  enc: { kind: json.encode, from: choose.big }\n"
    "  enc2: { kind: json.encode, from: choose.rest }\n"
    "  drop: { kind: discard, from: choose.odd }\n"
    "  out: { kind: file.sink, from: enc, path: o }\n"
    "  out2: { kind: stdout.sink, from: enc2, numbered: true }\n"
    "  bad: { kind: json.encode, from: parse.dead }\n"
    "  refused: { kind: file.sink, from: bad, path: r }\n";

static const char sample_text[] = "bulkhead version 1\n"
                                  "type A\n"
                                  "field x bool\n"
                                  "type R\n"
                                  "field k string\n"
                                  "field n optional(int)\n"
                                  "field t timestamp\n"
                                  "stage bad json.encode\n"
                                  "from parse.dead\n"
                                  "stage choose route\n"
                                  "from once\n"
                                  "option outputs.big.n.above 7\n"
                                  "option outputs.odd.k.equals a\\x5cb\\x0a\n"
                                  "option otherwise rest\n"
                                  "stage drop discard\n"
                                  "from choose.odd\n"
                                  "stage enc json.encode\n"
                                  "from choose.big\n"
                                  "stage enc2 json.encode\n"
                                  "from choose.rest\n"
                                  "stage in file.source\n"
                                  "stage once dedupe\n"
                                  "from parse\n"
                                  "option key k\n"
                                  "stage out file.sink\n"
                                  "from enc\n"
                                  "stage out2 stdout.sink\n"
                                  "from enc2\n"
                                  "option numbered true\n"
                                  "stage parse json.decode\n"
                                  "from in\n"
                                  "option type R\n"
                                  "dead bad\n"
                                  "stage refused file.sink\n"
                                  "from bad\n"
                                  "derived\n"
                                  "stage bad\n"
                                  "makes line string\n"
                                  "stage choose\n"
                                  "output big\n"
                                  "makes k string\n"
                                  "makes n optional(int)\n"
                                  "makes t timestamp\n"
                                  "output odd\n"
                                  "makes k string\n"
                                  "makes n optional(int)\n"
                                  "makes t timestamp\n"
                                  "output rest\n"
                                  "makes k string\n"
                                  "makes n optional(int)\n"
                                  "makes t timestamp\n"
                                  "stage drop\n"
                                  "stage enc\n"
                                  "makes line string\n"
                                  "stage enc2\n"
                                  "makes line string\n"
                                  "stage in\n"
                                  "makes line bytes\n"
                                  "stage once\n"
                                  "makes k string\n"
                                  "makes n optional(int)\n"
                                  "makes t timestamp\n"
                                  "state dedupe 1 key=k:string\n"
                                  "stage out\n"
                                  "stage out2\n"
                                  "stage parse\n"
                                  "makes k string\n"
                                  "makes n optional(int)\n"
                                  "makes t timestamp\n"
                                  "stage refused\n";

/* Returns the version of a text, in which `from` is replaced by `to`. */
static struct version version_of(const char *from, const char *to)
{
    struct buf text = {0};
    const char *at = strstr(sample, from);
    assert_non_null(at);
    buf_add(&text, sample, (size_t)(at - sample));
    buf_add_text(&text, to);
    buf_add_text(&text, at + strlen(from));
    struct diagnostics d;
    struct topology *topology = NULL;
    struct version version;
    struct err e;
    diagnostics_init(&d, "t.yaml", buf_text(&text), text.len);
    if (topology_load("t.yaml", buf_text(&text), text.len, bulkhead_kinds, TOPOLOGY_PROCESSES, &d,
                      &topology) != 0) {
        struct buf errors = {0};
        diagnostics_print(&d, &errors);
        fail_msg("%s", buf_text(&errors));
    }
    assert_int_equal(version_describe(topology, &version, &e), 0);
    diagnostics_done(&d);
    topology_free(topology);
    buf_done(&text);
    return version;
}

static void the_text_has_what_decides_a_record(void **state)
{
    (void)state;
    struct version version = version_of("topology", "topology");
    assert_string_equal(buf_text(&version.text), sample_text);
    assert_string_equal(version.id.text, digest_of(version.text.data, version.text.len).text);
    const char *derived = strstr(buf_text(&version.text), "derived\n");
    assert_non_null(derived);
    size_t len = (size_t)(derived - buf_text(&version.text));
    assert_string_equal(version.written.text, digest_of(version.text.data, len).text);
    assert_int_equal(version.number, 7);
    version_done(&version);
}

struct row {
    const char *from, *to;
    bool differs;
};

static void what_has_no_influence_is_not_in_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"topology: t", "topology: u", false},
        {"version: 7", "version: 8", false},
        {"version: 7\n", "", false},
        {"version: 7\n", "version: 7\ndescription: d\ndurability: process\n", false},
        {"version: 7\n", "version: 7\nstall_timeout: 5s\n", false},
        {"types:\n", "# a comment\ntypes:\n", false},
        {"path: i", "path: elsewhere, follow: true", false},
        {"path: o", "path: elsewhere", false},
        {"workers: 2", "workers: 1", false},
        {"workers: 2", "workers: 2, by: k, memory_max: 1GiB", false},
        {"  A: { x: bool }\n", "", true},
        {"{ k: string, n", "{ k: string(0..9), n", true},
        {"x: bool", "y: bool", true},
        {"key: k", "key: k, keep: 1d, at: t", true},
        {"above: 7", "above: 8", true},
        {"numbered: true", "numbered: false", true},
        {"  bad: { kind: json.encode, from: parse.dead }\n"
         "  refused: { kind: file.sink, from: bad, path: r }\n",
         "", true},
        {"from: choose.big }\n  enc2: { kind: json.encode, from: choose.rest",
         "from: choose.rest }\n  enc2: { kind: json.encode, from: choose.big", true},
        {"  in: ", "  in: # a comment\n    ", false},
    };
    struct version is = version_of("topology", "topology");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct version other = version_of(rows[i].from, rows[i].to);
        bool differs = strcmp(other.id.text, is.id.text) != 0;
        if (differs != rows[i].differs)
            fail_msg("'%s' instead of '%s': %s", rows[i].to, rows[i].from,
                     differs ? "another version" : "the same version");
        assert_true(differs == (strcmp(other.written.text, is.written.text) != 0));
        version_done(&other);
    }
    version_done(&is);
}

/* Types and stages may be in any order, and a default may be given. */
static void the_form_of_the_file_is_not_in_it(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"  R: { k: string, n: \"optional(int)\", t: timestamp }\n  A: { x: bool }\n",
         "  A: { x: bool }\n  R:\n    k: 'string'\n    n: optional(int)\n    t: timestamp\n",
         false},
        {"numbered: true", "numbered: \"true\"", false},
        {"  in: { kind: file.source, path: i }\n",
         "  in: { path: i, follow: false, kind: "
         "file.source, records: lines }\n",
         false},
    };
    struct version is = version_of("topology", "topology");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct version other = version_of(rows[i].from, rows[i].to);
        assert_string_equal(buf_text(&other.text), buf_text(&is.text));
        version_done(&other);
    }
    version_done(&is);
}

static void check_paths(const struct kind *kind, const struct option_spec *specs)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        if (option_is_path(specs->tag) && !specs->neutral)
            fail_msg("option '%s' of %s names a file that can change records: its digest must be "
                     "in the version",
                     specs->name, kind->name);
        check_paths(kind, specs->members);
    }
}

static void every_path_is_neutral(void **state)
{
    (void)state;
    for (kind_registry at = bulkhead_kinds; at->kind != NULL; at++)
        check_paths(at->kind, at->kind->options);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_has_what_decides_a_record),
        cmocka_unit_test(what_has_no_influence_is_not_in_it),
        cmocka_unit_test(the_form_of_the_file_is_not_in_it),
        cmocka_unit_test(every_path_is_neutral),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
