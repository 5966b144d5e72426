/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cases.h"
#include "topology/diagnostics.h"
#include "topology/options_read.h"
#include "topology/yaml.h"

static const char *const choices[] = {"first", "second", NULL};
static const struct option_spec member_specs[] = {
    {.name = "file", .tag = OPTION_PATH_IN, .meaning = "read too"},
    {.name = "loud", .tag = OPTION_BOOL, .fallback = "true", .meaning = "of a member"},
    {0},
};
static const struct option_spec specs[] = {
    {.name = "in", .tag = OPTION_PATH_IN, .required = true, .meaning = "read"},
    {.name = "out", .tag = OPTION_PATH_OUT, .meaning = "written"},
    {.name = "loud", .tag = OPTION_BOOL, .fallback = "false", .meaning = "whether"},
    {.name = "size", .tag = OPTION_SIZE, .fallback = "1KiB", .min = 1, .max = 4096, .meaning = "n"},
    {.name = "pick", .tag = OPTION_CHOICE, .choices = choices, .meaning = "one"},
    {.name = "parts", .tag = OPTION_GROUPS, .members = member_specs, .meaning = "named"},
    {0},
};
static const struct option_spec common[] = {
    {.name = "workers", .tag = OPTION_INT, .fallback = "1", .min = 1, .max = 8, .meaning = "n"},
    {0},
};
static const char *const others[] = {"kind", NULL};
static const struct option_keys keys = {.own = specs, .common = common, .others = others};

/* Reads a map of one line. ret_errors: what the errors say, a line each. */
static struct options *read_line(const char *text, struct buf *ret_errors)
{
    struct diagnostics d;
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    struct kind_check check = {.diagnostics = &d, .directory = "."};
    struct node *root;
    assert_int_equal(yaml_read(text, strlen(text), &d, &root), 0);
    struct options *options = options_read(root, &keys, root->place, "kind 'k'", &check);
    for (size_t i = 0; i < d.kept; i++)
        buf_add_format(ret_errors, "%s\n", d.items[i].message);
    node_free(root);
    diagnostics_done(&d);
    return options;
}

static struct options *read_good(const char *text)
{
    struct buf errors = {0};
    struct options *options = read_line(text, &errors);
    assert_string_equal(buf_text(&errors), "");
    buf_done(&errors);
    return options;
}

static void assert_errors(const char *text, const char *expected)
{
    struct buf errors = {0};
    struct options *options = read_line(text, &errors);
    assert_string_equal(buf_text(&errors), expected);
    options_free(options);
    buf_done(&errors);
}

static void what_is_left_out_has_its_default(void **state)
{
    (void)state;
    struct options *options = read_good("{ kind: k, in: a }\n");
    assert_string_equal(options_get(options, "in")->text, "a");
    assert_false(options_get(options, "out")->present);
    assert_int_equal(options_get(options, "loud")->number, 0);
    assert_int_equal(options_get(options, "size")->number, 1024);
    assert_false(options_get(options, "pick")->present);
    assert_int_equal(options_get(options, "workers")->number, 1);
    options_free(options);
}

static void a_bool_is_true_or_false(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t number;
    } rows[] = {{"true", 1}, {"false", 0}, {"'true'", 1}, {"\"false\"", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0};
        buf_add_format(&text, "{ in: a, loud: %s }\n", rows[i].text);
        struct options *options = read_good(buf_text(&text));
        assert_int_equal(options_get(options, "loud")->number, rows[i].number);
        options_free(options);
        buf_done(&text);
    }
}

static void of_another_word_the_bool_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *meant; /* NULL: nobody knows */
    } rows[] = {
        {"yes", "true"},    {"Yes", "true"},  {"on", "true"}, {"1", "true"},    {"TRUE", "true"},
        {"no", "false"},    {"OFF", "false"}, {"0", "false"}, {"n", "false"},   {"ture", "true"},
        {"fales", "false"}, {"maybe", NULL},  {"2", NULL},    {"second", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf text = {0}, expected = {0};
        buf_add_format(&text, "{ in: a, loud: %s }\n", rows[i].text);
        buf_add_format(&expected, "'loud: %s' should be true or false", rows[i].text);
        if (rows[i].meant != NULL)
            buf_add_format(&expected, "; write 'loud: %s'", rows[i].meant);
        buf_add_byte(&expected, '\n');
        assert_errors(buf_text(&text), buf_text(&expected));
        buf_done(&text);
        buf_done(&expected);
    }
}

static void every_error_of_a_map_is_told(void **state)
{
    (void)state;
    assert_errors("{ kind: k }\n", "kind 'k' needs 'in:' (path to read): read\n");
    assert_errors("{ in: [a], out: { b: c } }\n",
                  "'in:' should be a single value (path to read), not a list\n"
                  "'out:' should be a single value (path to write), not a map\n");
    assert_errors("{ in: '', size: 5000, pick: third, workers: 9 }\n",
                  "'in:' must not be empty\n"
                  "'size: 5000' is out of range; it can be 1 to 4KiB\n"
                  "'pick: third' is not one of the choices; it can be: first, second\n"
                  "'workers: 9' is out of range; it can be 1 to 8\n");
    /* What is misspelt is not missing too. */
    assert_errors("{ im: a, owt: b, colour: red }\n",
                  "kind 'k' has no option 'im'; did you mean 'in'?\n"
                  "kind 'k' has no option 'owt'; did you mean 'out'?\n"
                  "kind 'k' has no option 'colour'; it has: in, out, loud, size, pick, parts, "
                  "workers, kind\n");
}

static void note_path(void *context, const struct option_value *path)
{
    struct buf *seen = context;
    buf_add_format(seen, "%s=%s%s ", path->spec->name, path->text,
                   path->spec->tag == OPTION_PATH_OUT ? "(out)" : "");
}

static void all_good_paths_are_visited(void **state)
{
    (void)state;
    struct buf seen = {0}, errors = {0};
    struct options *options = read_good(
        "{ in: a, out: b, parts: { p: { file: c }, q: { loud: false }, r: { file: d } } }\n");
    options_each_path(options, note_path, &seen);
    assert_string_equal(buf_text(&seen), "in=a out=b(out) file=c file=d ");
    options_free(options);
    buf_done(&seen);

    options = read_line("{ in: '', out: [b], parts: { p: { file: c } } }\n", &errors);
    options_each_path(options, note_path, &seen);
    assert_string_equal(buf_text(&seen), "file=c ");
    options_free(options);
    buf_done(&seen);
    buf_done(&errors);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(a_bool_is_true_or_false),
        cmocka_unit_test(of_another_word_the_bool_is_said),
        cmocka_unit_test(every_error_of_a_map_is_told),
        cmocka_unit_test(all_good_paths_are_visited),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
