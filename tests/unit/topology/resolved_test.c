/* SPDX-License-Identifier: MIT */
/*
 * What is written of topologies made by hand, to the byte; each is the same when it is read again.
 */
#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "tests/unit/topology/resolved_again.h"

static const char hard[] =
    "# a comment\n"
    "version: ${HARD_VERSION}\n"
    "topology: hard\n"
    "description: >-\n"
    "  it's - a: \"text\" #1,\n"
    "  costs $$5 or $5, $$$${5} and\ttabs\n"
    "\n"
    "  &c\n"
    "stages:\n"
    "  'in': { kind: file.source, path: \"${TOPOLOGY_DIR}/${HARD_INPUT}\", follow: no-such }\n"
    "  parse:\n"
    "    from: in\n"
    "    kind: regex.parse\n"
    "    type: R\n"
    "    pattern: >-\n"
    "      ^(?<yes>[^\\d${HARD_NONE:-${HARD_NONE:-$$$${}}}]*) \\$(?<n>\\d+)$\n"
    "  some: { kind: filter, from: [parse], where: [\n"
    "    { \"yes\": { equals: 'null', matches: \"${HARD_NONE:-}\" } },\n"
    "    { 'yes': { one_of: [~x, '~', '', \" \", 007, '- a', \"\\N\\L\\uFEFF\\u00e9\\U0001F600\",\n"
    "      \"a\\nb\\tc\", '?', '! a', '*', 'true', '${HARD_TEXT}', '#', 'a: b', \"\\\"\\\\\"] } "
    "},\n"
    "    { n: { range: [-1, 0100] } } ] }\n"
    "  write: { kind: json.encode, from: some, fields: n }\n"
    "  out:\n"
    "    kind: file.sink\n"
    "    from: write\n"
    "    path: |\n"
    "      not looked at ${HARD_NONE}\n"
    "types: { R: { 'yes': 'optional(string(0..40))', n: int } }\n";

static const char hard_written[] =
    "# topology 'hard', resolved: variables and settings are applied\n"
    "version: 3\n"
    "topology: hard\n"
    "description: \"it's - a: \\\"text\\\" #1, costs $5 or $5, $$$${5} and\\ttabs\\n&c\"\n"
    "stages:\n"
    "  in:\n"
    "    kind: file.source\n"
    "    path: \"/where it/was $$$started/there/a $${b}\"\n"
    "    follow: true\n"
    "  parse:\n"
    "    from: in\n"
    "    kind: regex.parse\n"
    "    type: R\n"
    "    pattern: \"^(?<yes>[^\\\\d$$$${}]*) \\\\$(?<n>\\\\d+)$\"\n"
    "  some:\n"
    "    kind: filter\n"
    "    from: [parse]\n"
    "    where:\n"
    "      - \"yes\":\n"
    "          equals: \"null\"\n"
    "          matches: \"${0:-}\"\n"
    "      - \"yes\":\n"
    "          one_of: [\"~x\", \"~\", \"\", \" \", \"007\", \"- a\", "
    "\"\\x85\\u2028\\uFEFF\xc3\xa9\xf0\x9f\x98\x80\", "
    "\"a\\nb\\tc\", \"?\", \"! a\", \"*\", true, \"$ $$$ $${x}\", \"#\", \"a: b\", "
    "\"\\\"\\\\\"]\n"
    "      - \"n\":\n"
    "          range: [-1, \"0100\"]\n"
    "  write:\n"
    "    kind: json.encode\n"
    "    from: some\n"
    "    fields: \"n\"\n"
    "    workers: 2\n"
    "  out:\n"
    "    kind: file.sink\n"
    "    from: write\n"
    "    path: \"/where it/was $$$started/$${out}: ~\"\n"
    "types:\n"
    "  R:\n"
    "    \"yes\": optional(string(0..40))\n"
    "    \"n\": int\n";

static void all_is_resolved(void **state)
{
    (void)state;
    struct buf text = {0};
    struct settings settings = {0};
    struct err e;
    assert_int_equal(settings_add(&settings, "in.follow=true", &e), 0);
    assert_int_equal(settings_add(&settings, "out.path=${out}: ~", &e), 0);
    assert_int_equal(settings_add(&settings, "write.workers=2", &e), 0);
    (void)setenv("HARD_VERSION", "3", 1);
    (void)setenv("HARD_INPUT", "a ${b}", 1);
    (void)setenv("HARD_TEXT", "$ $$ ${x}", 1);
    struct topology *topology = resolved_load("there/hard.yaml", hard, &settings, bulkhead_kinds);
    resolved_expect_again(topology, bulkhead_kinds, &text);
    assert_string_equal(buf_text(&text), hard_written);
    buf_done(&text);
}

static void a_simple_topology_is_as_one_would_write_it(void **state)
{
    (void)state;
    static const char simple[] = "topology: simple\n"
                                 "stages: { in: { kind: stdin.source }, out: { kind: file.sink, "
                                 "from: in, path: /tmp/x } }\n";
    struct buf text = {0};
    resolved_expect_again(resolved_load("simple.yaml", simple, NULL, bulkhead_kinds),
                          bulkhead_kinds, &text);
    assert_string_equal(buf_text(&text),
                        "# topology 'simple', resolved: variables and settings are applied\n"
                        "topology: simple\n"
                        "stages:\n"
                        "  in:\n"
                        "    kind: stdin.source\n"
                        "  out:\n"
                        "    kind: file.sink\n"
                        "    from: in\n"
                        "    path: /tmp/x\n");
    buf_done(&text);
}

/* --- paths in groups, and those that are defaults --- */

static const struct option_spec part_specs[] = {
    {.name = "file", .tag = OPTION_PATH_IN, .meaning = "read"},
    {.name = "text", .tag = OPTION_TEXT, .fallback = "none", .meaning = "no path"},
    {0},
};
static const struct option_spec lookup_specs[] = {
    {.name = "table", .tag = OPTION_PATH_IN, .fallback = "table.txt", .meaning = "read"},
    {0},
};
static const struct option_spec path_specs[] = {
    {.name = "path", .tag = OPTION_PATH_OUT, .fallback = "out.txt", .meaning = "written"},
    {.name = "one", .tag = OPTION_GROUP, .members = part_specs, .meaning = "a part"},
    {.name = "other", .tag = OPTION_GROUP, .members = part_specs, .meaning = "a part"},
    {.name = "lookup", .tag = OPTION_GROUP, .members = lookup_specs, .meaning = "by default"},
    {.name = "many", .tag = OPTION_GROUPS, .members = part_specs, .meaning = "parts"},
    {.name = "fields",
     .tag = OPTION_FIELD_GROUPS,
     .members = part_specs,
     .alone = "file",
     .meaning = "parts"},
    {0},
};

static void derive_nothing(struct kind_check *check)
{
    (void)check;
}

static const struct kind paths_kind = {
    .name = "test.paths", .role = KIND_SINK, .options = path_specs, .derive = derive_nothing};

/* The kinds of the program, and paths_kind. */
static kind_registry kinds_with_paths(void)
{
    static struct kind_entry entries[64];
    size_t count = 0;
    for (kind_registry k = bulkhead_kinds; k->kind != NULL; k++)
        entries[count++] = *k;
    assert_true(count + 1 < sizeof entries / sizeof entries[0]);
    entries[count] = (struct kind_entry){.kind = &paths_kind, .ops = entries[0].ops};
    return entries;
}

static void all_paths_are_absolute(void **state)
{
    (void)state;
    static const char paths[] = "topology: paths\n"
                                "stages:\n"
                                "  in: { kind: file.source, path: ../in }\n"
                                "  out:\n"
                                "    kind: test.paths\n"
                                "    from: in\n"
                                "    other: { file: /absolute, text: relative }\n"
                                "    many: { a: { file: a }, b: {}, c: { text: c } }\n"
                                "    fields: { line: b }\n"
                                "    one: { file: d/e }\n";
    kind_registry kinds = kinds_with_paths();
    struct topology *topology = resolved_load("paths.yaml", paths, NULL, kinds);
    struct buf text = {0}, again = {0};
    resolved_write_to(topology, "/w", &text);
    topology_free(topology);
    assert_string_equal(buf_text(&text),
                        "# topology 'paths', resolved: variables and settings are applied\n"
                        "topology: paths\n"
                        "stages:\n"
                        "  in:\n"
                        "    kind: file.source\n"
                        "    path: /w/../in\n"
                        "  out:\n"
                        "    kind: test.paths\n"
                        "    from: in\n"
                        "    other:\n"
                        "      file: /absolute\n"
                        "      text: relative\n"
                        "    many:\n"
                        "      a:\n"
                        "        file: /w/a\n"
                        "      b: {}\n"
                        "      c:\n"
                        "        text: c\n"
                        "    fields:\n"
                        "      line: /w/b\n"
                        "    one:\n"
                        "      file: /w/d/e\n"
                        "    path: /w/out.txt\n"
                        "    lookup:\n"
                        "      table: /w/table.txt\n");
    topology = resolved_load_again(&text, kinds);
    resolved_write_to(topology, "/v", &again);
    assert_string_equal(buf_text(&again), buf_text(&text));
    topology_free(topology);
    buf_done(&text);
    buf_done(&again);
}

/* --- what cannot be written --- */

static void expect_refused(const char *path, const char *directory, int code, const char *why)
{
    struct buf text = {0}, out = {0};
    struct err e = {0};
    buf_add_format(&text,
                   "topology: t\n"
                   "stages: { in: { kind: file.source, path: \"%s\" }, out: { kind: discard, from: "
                   "in } }\n",
                   path);
    struct topology *topology = resolved_load("t.yaml", buf_text(&text), NULL, bulkhead_kinds);
    buf_add_text(&out, "before");
    assert_int_equal(resolved_write(topology, directory, &out, &e), code);
    if (code != 0) {
        assert_string_equal(e.text, why);
        assert_string_equal(buf_text(&out), "before");
    }
    topology_free(topology);
    buf_done(&text);
    buf_done(&out);
}

static void a_directory_that_no_file_can_name_is_refused(void **state)
{
    (void)state;
    expect_refused(
        "in", "/a\xff\n", ERR_INVALID,
        "the path 'in' of the topology is relative to the directory '/a\\xff\\x0a', which "
        "is not UTF-8; make it absolute, or start from another directory");
    expect_refused(
        "in", "/a\x01", ERR_INVALID,
        "the path 'in' of the topology is relative to the directory '/a\\x01', which "
        "contains a control character; make it absolute, or start from another directory");
    expect_refused(
        "in", ".", ERR_INVALID,
        "the path 'in' of the topology is relative to the directory '.', which is not an "
        "absolute path; make it absolute, or start from another directory");
    expect_refused("/in", "/a\xff\n", 0, NULL);
}

/* Each quote of the path takes one byte more than it had. */
static void a_text_that_no_file_can_hold_is_refused(void **state)
{
    (void)state;
    static const char around[] = "# topology 't', resolved: variables and settings are applied\n"
                                 "topology: t\n"
                                 "stages:\n"
                                 "  in:\n"
                                 "    kind: file.source\n"
                                 "    path: \"/\"\n"
                                 "  out:\n"
                                 "    kind: discard\n"
                                 "    from: in\n";
    struct buf path = {0}, why = {0};
    buf_add_byte(&path, '/');
    for (size_t i = sizeof around - 1; i + 2 <= TOPOLOGY_BYTES_MAX; i += 2)
        buf_add_text(&path, "\\\"");
    if ((TOPOLOGY_BYTES_MAX - (sizeof around - 1)) % 2 != 0)
        buf_add_byte(&path, 'x');
    expect_refused(buf_text(&path), "/", 0, NULL);
    buf_add_byte(&path, 'x');
    buf_add_format(&why,
                   "the topology 't' has %u bytes with all variables replaced; the maximum is %u",
                   TOPOLOGY_BYTES_MAX + 1, TOPOLOGY_BYTES_MAX);
    expect_refused(buf_text(&path), "/", ERR_RANGE, buf_text(&why));
    buf_done(&path);
    buf_done(&why);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_resolved),
        cmocka_unit_test(a_simple_topology_is_as_one_would_write_it),
        cmocka_unit_test(all_paths_are_absolute),
        cmocka_unit_test(a_directory_that_no_file_can_name_is_refused),
        cmocka_unit_test(a_text_that_no_file_can_hold_is_refused),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
