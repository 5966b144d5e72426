/* SPDX-License-Identifier: MIT */
/*
 * Where the items of lists are that have no place of their own: as the reader of YAML finds them,
 * and from places that no list has.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cases.h"
#include "topology/yaml.h"
#include "topology/yaml_dashes.h"

/* Appends "LINE:COLUMN text" of each item, of lists in lists too. */
static void add_items(const struct node *node, struct buf *out)
{
    for (size_t i = 0; i < node->count; i++) {
        const struct node *item = node->tag == NODE_LIST ? node->items[i] : node->pairs[i].value;
        if (node->tag == NODE_LIST)
            buf_add_format(out, "%d:%d %s\n", item->place.line, item->place.column,
                           item->tag == NODE_SCALAR ? item->text : node_tag_name(item->tag));
        add_items(item, out);
    }
}

static void assert_items(const char *text, const char *expected)
{
    struct diagnostics d;
    struct node *root = NULL;
    struct buf items = {0};
    diagnostics_init(&d, "t.yaml", text, strlen(text));
    if (yaml_read(text, strlen(text), &d, &root) != 0)
        fail_msg("%s: %s", text, d.items[0].message);
    add_items(root, &items);
    assert_string_equal(buf_text(&items), expected);
    buf_done(&items);
    node_free(root);
    diagnostics_done(&d);
}

static void an_item_is_where_its_dash_is(void **state)
{
    (void)state;
    assert_items("a:\n"
                 "  - x\n"
                 "  -\n"
                 "  - y\n"
                 "  -\n",
                 "2:5 x\n3:3 \n4:5 y\n5:3 \n");
    assert_items("a:\n"
                 "  -\n"
                 "# - no item\n"
                 "\n"
                 "  -   # nothing\n"
                 "  - -1\n",
                 "2:3 \n5:3 \n6:5 -1\n");
    assert_items("a:\n"
                 "  - |\n"
                 "    - a line\n"
                 "    - another\n"
                 "  - >\n"
                 "    folded\n"
                 "  -\n",
                 "2:3 - a line\n- another\n\n5:3 folded\n\n7:3 \n");
    /* Lists in lists, maps in lists. */
    assert_items("a:\n"
                 "  - - x\n"
                 "    -\n"
                 "  -\n"
                 "    - y\n"
                 "    -\n"
                 "  - b:\n"
                 "      -\n"
                 "    c: z\n"
                 "  -\n",
                 "2:5 a list\n2:7 x\n3:5 \n5:5 a list\n5:7 y\n6:5 \n7:5 a map\n8:7 \n10:3 \n");
    assert_items("a:\r\n  - x\r\n  -\r\n  - y\r\n", "2:5 x\n3:3 \n4:5 y\n");
    assert_items("\xef\xbb\xbf"
                 "a:\n  - x\n  -\n",
                 "2:5 x\n3:3 \n");
    assert_items("\xc3\xa4: \xc3\xa4\na:\n  - \xc3\xa4\n  -\n", "3:5 \xc3\xa4\n4:3 \n");
}

static void a_list_in_brackets_has_no_dashes(void **state)
{
    (void)state;
    assert_items("a: [x, y]\n", "1:5 x\n1:8 y\n");
}

/* The library says where a list begins; should it be wrong, nothing is read that is not there. */
static void a_place_that_is_none_gives_none(void **state)
{
    (void)state;
    static const char text[] = "a:\n  - x\n  -";
    struct place place = {.line = 2, .column = 3, .width = 7};
    struct yaml_dashes d;
    for (size_t offset = 0; offset < sizeof text + 2; offset++) {
        char *exact = malloc(sizeof text - 1);
        memcpy(exact, text, sizeof text - 1);
        yaml_dashes_init(&d, exact, sizeof text - 1, offset, place);
        struct place first = yaml_dashes_place(&d, 0), second = yaml_dashes_place(&d, 1);
        bool is_first = offset == 5, is_last = offset == sizeof text - 2;
        assert_int_equal(first.line, is_first || is_last ? 2 : 0);
        assert_int_equal(first.width, is_first || is_last ? 1 : 0);
        assert_int_equal(second.line, is_first ? 3 : 0);
        assert_int_equal(yaml_dashes_place(&d, 7).line, 0);
        assert_int_equal(yaml_dashes_place(&d, 8).line, 0);
        free(exact);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_where_its_dash_is),
        cmocka_unit_test(a_list_in_brackets_has_no_dashes),
        cmocka_unit_test(a_place_that_is_none_gives_none),
    };
    return CASES_RUN(argc, argv, tests, NULL, NULL);
}
