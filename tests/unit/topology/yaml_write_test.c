/* SPDX-License-Identifier: MIT */
/*
 * What is written is what a person would write, and is read as the same tree: of any character that
 * a text may have, of texts that mean something else without quotes, and of random trees.
 */
#include <stdio.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/utf8.h"
#include "tests/unit/cases.h"
#include "tests/unit/random.h"
#include "topology/yaml.h"
#include "topology/yaml_write.h"

static struct node *node_of(enum node_tag tag)
{
    struct node *node = memory_new(1, sizeof *node);
    node->tag = tag;
    return node;
}

static struct node *text_of(const char *text)
{
    struct node *node = node_of(NODE_SCALAR);
    node->text = memory_dup(text, strlen(text));
    return node;
}

static void add(struct node *node, const char *key, struct node *value)
{
    if (node->tag == NODE_LIST) {
        node->items = memory_resize(node->items, node->count + 1, sizeof(struct node *));
        node->items[node->count++] = value;
        return;
    }
    node->pairs = memory_resize(node->pairs, node->count + 1, sizeof *node->pairs);
    node->pairs[node->count++] =
        (struct node_pair){.key = memory_dup(key, strlen(key)), .value = value};
}

static void expect_same(const struct node *a, const struct node *b)
{
    assert_int_equal(a->tag, b->tag);
    assert_int_equal(a->nothing, b->nothing);
    assert_int_equal(a->count, b->count);
    if (a->tag == NODE_SCALAR)
        assert_string_equal(a->text, b->text);
    for (size_t i = 0; i < a->count; i++) {
        if (a->tag == NODE_LIST) {
            expect_same(a->items[i], b->items[i]);
            continue;
        }
        assert_string_equal(a->pairs[i].key, b->pairs[i].key);
        expect_same(a->pairs[i].value, b->pairs[i].value);
    }
}

static struct node *read_text(struct buf *text)
{
    struct diagnostics d;
    struct node *root = NULL;
    struct buf errors = {0};
    diagnostics_init(&d, "t.yaml", buf_text(text), text->len);
    (void)yaml_read(buf_text(text), text->len, &d, &root);
    diagnostics_print(&d, &errors);
    if (d.count != 0)
        fail_msg("%.4000s\n%s", buf_text(text), buf_text(&errors));
    buf_done(&errors);
    diagnostics_done(&d);
    return root;
}

/* Writes and frees a tree. ret_written: empty. */
static void expect_read_again(struct node *root, struct buf *ret_written)
{
    yaml_write(root, ret_written);
    struct node *again = read_text(ret_written);
    expect_same(root, again);
    node_free(again);
    node_free(root);
}

/* "k: …\n" for a text as a value; it must be the same as a key, an item, and an item of a block. */
static void expect_written(const char *text, const char *wanted)
{
    struct buf written = {0};
    struct node *root = node_of(NODE_MAP), *list = node_of(NODE_LIST), *blocks = node_of(NODE_LIST);
    add(root, "k", text_of(text));
    expect_read_again(root, &written);
    if (wanted != NULL)
        assert_string_equal(buf_text(&written), wanted);
    root = node_of(NODE_MAP);
    add(list, NULL, text_of(text));
    add(list, NULL, text_of(text));
    add(blocks, NULL, text_of(text));
    add(blocks, NULL, node_of(NODE_MAP));
    if (strlen(text) <= NAME_BYTES_MAX && strcmp(text, "<<") != 0)
        add(root, text, text_of(text));
    add(root, "a list", list);
    add(root, "blocks", blocks);
    buf_reset(&written);
    expect_read_again(root, &written);
    buf_done(&written);
}

static void texts_are_plain_only_where_that_is_safe(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"a", "k: a\n"},
        {"json.decode", "k: json.decode\n"},
        {"sort.big-one_2", "k: sort.big-one_2\n"},
        {"_x", "k: _x\n"},
        {"/var/lib/a-b/c.jsonl", "k: /var/lib/a-b/c.jsonl\n"},
        {"string(1..20)", "k: string(1..20)\n"},
        {"money(USD)", "k: money(USD)\n"},
        {"decimal(10, 2)", "k: \"decimal(10, 2)\"\n"},
        {"0", "k: 0\n"},
        {"-12.50", "k: -12.50\n"},
        {"64KiB", "k: 64KiB\n"},
        {"1h30m", "k: 1h30m\n"},
        {"0s", "k: 0s\n"},
        {"true", "k: true\n"},
        {"false", "k: false\n"},
        {"True", "k: \"True\"\n"},
        {"null", "k: \"null\"\n"},
        {"Null", "k: \"Null\"\n"},
        {"~", "k: \"~\"\n"},
        {"yes", "k: \"yes\"\n"},
        {"No", "k: \"No\"\n"},
        {"on", "k: \"on\"\n"},
        {"OFF", "k: \"OFF\"\n"},
        {"y", "k: \"y\"\n"},
        {"nothing", "k: nothing\n"},
        {"", "k: \"\"\n"},
        {" ", "k: \" \"\n"},
        {" a ", "k: \" a \"\n"},
        {"a b", "k: \"a b\"\n"},
        {"007", "k: \"007\"\n"},
        {"01h", "k: \"01h\"\n"},
        {"1e3", "k: \"1e3\"\n"},
        {"0x1f", "k: \"0x1f\"\n"},
        {"1_000", "k: \"1_000\"\n"},
        {"+1", "k: \"+1\"\n"},
        {"1.", "k: \"1.\"\n"},
        {".5", "k: \".5\"\n"},
        {".inf", "k: \".inf\"\n"},
        {"-", "k: \"-\"\n"},
        {"-a", "k: \"-a\"\n"},
        {"- a", "k: \"- a\"\n"},
        {"--1", "k: \"--1\"\n"},
        {"12:30:45", "k: \"12:30:45\"\n"},
        {"2026-01-02", "k: \"2026-01-02\"\n"},
        {"64 KiB", "k: \"64 KiB\"\n"},
        {"99999999999999999999", "k: 99999999999999999999\n"},
        {"---", "k: \"---\"\n"},
        {"...", "k: \"...\"\n"},
        {"?", "k: \"?\"\n"},
        {"? a", "k: \"? a\"\n"},
        {":", "k: \":\"\n"},
        {"a: b", "k: \"a: b\"\n"},
        {"a:", "k: \"a:\"\n"},
        {"a #b", "k: \"a #b\"\n"},
        {"#", "k: \"#\"\n"},
        {"&a", "k: \"&a\"\n"},
        {"*a", "k: \"*a\"\n"},
        {"!a", "k: \"!a\"\n"},
        {"%a", "k: \"%a\"\n"},
        {"@a", "k: \"@a\"\n"},
        {"`a", "k: \"`a\"\n"},
        {"<<", "k: \"<<\"\n"},
        {"=", "k: \"=\"\n"},
        {"|", "k: \"|\"\n"},
        {">-", "k: \">-\"\n"},
        {"[a]", "k: \"[a]\"\n"},
        {"{a", "k: \"{a\"\n"},
        {"a, b", "k: \"a, b\"\n"},
        {"'", "k: \"'\"\n"},
        {"it's", "k: \"it's\"\n"},
        {"\"", "k: \"\\\"\"\n"},
        {"\\", "k: \"\\\\\"\n"},
        {"^\\d+$", "k: \"^\\\\d+$\"\n"},
        {"a\n", "k: \"a\\n\"\n"},
        {"\n\n a\tb\n", "k: \"\\n\\n a\\tb\\n\"\n"},
        {"\xc3\xa9", "k: \"\xc3\xa9\"\n"},
        {"\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0", "k: \"\\x80\\x85\\x9F\xc2\xa0\"\n"},
        {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa",
         "k: \"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\"\n"},
        {"\xef\xbb\xbf", "k: \"\\uFEFF\"\n"},
        {"\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf", "k: \"\xef\xbf\xbd\\uFFFE\\uFFFF\"\n"},
        {"\xf0\x9f\x98\x80", "k: \"\xf0\x9f\x98\x80\"\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_written(rows[i].text, rows[i].wanted);
}

static void any_character_is_read_again(void **state)
{
    (void)state;
    struct buf text = {0};
    for (uint32_t c = 1; c <= 0x10ffff; c++) {
        bool is_refused = (c < 0x20 && c != '\t' && c != '\n') || c == 0x7f;
        if (!is_refused && (c < 0xd800 || c > 0xdfff))
            utf8_add(&text, c);
        if (c % 0x4000 != 0 && c != 0x10ffff)
            continue;
        expect_written(buf_text(&text), NULL);
        buf_reset(&text);
    }
    buf_done(&text);
}

/* As long as a text can be: in a value, a list and an item. */
static void a_long_text_is_read_again(void **state)
{
    (void)state;
    struct buf text = {0};
    while (text.len < TOPOLOGY_BYTES_MAX)
        buf_add_text(&text, "not a key: \\ # '");
    expect_written(buf_text(&text), NULL);
    buf_done(&text);
}

static void a_tree_is_written_as_blocks(void **state)
{
    (void)state;
    static const char wanted[] = "a: b\n"
                                 "\"no\":\n"
                                 "empty: {}\n"
                                 "none: []\n"
                                 "texts: [a, \"b c\", 1]\n"
                                 "deep:\n"
                                 "  er:\n"
                                 "    \"key: \": v\n"
                                 "list:\n"
                                 "  - a: 1\n"
                                 "    b:\n"
                                 "      c: 2\n"
                                 "  - [x, z]\n"
                                 "  - {}\n"
                                 "  - []\n"
                                 "  - - z: 3\n"
                                 "    - - {}\n"
                                 "  - t\n"
                                 "gaps:\n"
                                 "  -\n"
                                 "  - t\n";
    struct buf text = {0}, written = {0};
    buf_add_text(&text, wanted);
    expect_read_again(read_text(&text), &written);
    assert_string_equal(buf_text(&written), wanted);
    buf_done(&text);
    buf_done(&written);
}

static char *random_text(void)
{
    static const char *const pieces[] = {"a",           "b",    " ",        "  ",
                                         "\n",          "\t",   "#",        " #",
                                         ": ",          ":",    "-",        "- ",
                                         "?",           "? ",   "'",        "\"",
                                         "\\",          "[",    "]",        "{",
                                         "}",           ",",    "&",        "*",
                                         "!",           "|",    ">",        "%",
                                         "@",           "`",    "null",     "~",
                                         "<<",          "\n",   "0",        "1",
                                         ".",           "---",  "$",        "${",
                                         "}",           "/",    "_",        "(",
                                         ")",           "true", "é",        "\\",
                                         "\"",          "\n",   "\xc2\x85", "\xe2\x80\xa8",
                                         "\xef\xbb\xbf"};
    struct buf text = {0};
    for (uint64_t n = random_below(random_below(8) == 0 ? 60 : 6); n > 0; n--)
        buf_add_text(&text, pieces[random_below(sizeof pieces / sizeof pieces[0])]);
    char *copy = memory_dup(text.data, text.len);
    buf_done(&text);
    return copy;
}

static struct node *random_tree(unsigned depth)
{
    char *text = random_text();
    unsigned choice = (unsigned)random_below(depth == 0 ? 1 : 4);
    struct node *node = choice < 2 ? text_of(text) : node_of(choice == 2 ? NODE_MAP : NODE_LIST);
    free(text);
    for (uint64_t n = choice < 2 ? 0 : random_below(5); n > 0; n--) {
        char *key = random_text();
        if (node->tag == NODE_LIST || (node_find(node, key) == NULL && strcmp(key, "<<") != 0 &&
                                       strlen(key) < NAME_BYTES_MAX))
            add(node, key, random_tree(depth - 1));
        free(key);
    }
    return node;
}

static void random_trees_are_read_again(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        struct buf written = {0};
        struct node *root = node_of(NODE_MAP);
        add(root, "k", random_tree(5));
        add(root, "l", random_tree(5));
        expect_read_again(root, &written);
        buf_done(&written);
    }
}

int main(int argc, char **argv)
{
    random_init("yaml_write_test");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_plain_only_where_that_is_safe),
        cmocka_unit_test(any_character_is_read_again),
        cmocka_unit_test(a_long_text_is_read_again),
        cmocka_unit_test(a_tree_is_written_as_blocks),
        cmocka_unit_test(random_trees_are_read_again),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
