/* SPDX-License-Identifier: MIT */
#include "topology/yaml_tree.h"

#include <string.h>

/* Whether a text without quotes is null in YAML. */
static bool is_null(const char *text)
{
    return strcmp(text, "null") == 0 || strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0 ||
           strcmp(text, "~") == 0;
}

static void check_text(const struct node *node, bool for_people, struct diagnostics *d)
{
    if (node->bare && is_null(node->text))
        diagnostics_add(
            d, node->place,
            "'%s' without quotes means no value in YAML; remove it, or write \"%s\" for the text",
            node->text, node->text);
    if (node->goes_on && !for_people)
        diagnostics_add(d, node->place,
                        "this unquoted text continues on the next line; %s, or quote the text",
                        node->text[0] == '-'
                            ? "put a space after the '-' of an item"
                            : "indent that line like the keys above it, put a comma between them");
}

static void check_pair(const struct node_pair *pair, struct diagnostics *d)
{
    const char *colon = strchr(pair->key, ':');
    if (colon != NULL && pair->value->nothing)
        diagnostics_add(d, pair->key_place,
                        "'%s' is a key without a value; put a space after the ':': '%.*s: %s'",
                        pair->key, (int)(colon - pair->key), pair->key, colon + 1);
}

static void check_tree(const struct node *node, bool for_people, struct diagnostics *d)
{
    if (node->tag == NODE_SCALAR)
        check_text(node, for_people, d);
    for (size_t i = 0; i < node->count && node->tag == NODE_LIST; i++)
        check_tree(node->items[i], false, d);
    for (size_t i = 0; i < node->count && node->tag == NODE_MAP; i++) {
        check_pair(&node->pairs[i], d);
        check_tree(node->pairs[i].value, strcmp(node->pairs[i].key, "description") == 0, d);
    }
}

void yaml_tree_check(const struct node *root, struct diagnostics *d)
{
    check_tree(root, false, d);
}
