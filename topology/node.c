/* SPDX-License-Identifier: MIT */
#include "topology/node.h"

#include <stdlib.h>
#include <string.h>

void node_free(struct node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->count && node->tag == NODE_MAP; i++) {
        free(node->pairs[i].key);
        node_free(node->pairs[i].value);
    }
    for (size_t i = 0; i < node->count && node->tag == NODE_LIST; i++)
        node_free(node->items[i]);
    free(node->pairs);
    free(node->items);
    free(node->text);
    free(node);
}

const struct node_pair *node_find(const struct node *map, const char *key)
{
    if (map->tag != NODE_MAP)
        return NULL;
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->pairs[i].key, key) == 0)
            return &map->pairs[i];
    }
    return NULL;
}

const char *node_tag_name(enum node_tag tag)
{
    static const char *const names[] = {
        [NODE_SCALAR] = "a single value", [NODE_MAP] = "a map", [NODE_LIST] = "a list"};
    return names[tag];
}
