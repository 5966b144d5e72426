/* SPDX-License-Identifier: MIT */
/*
 * node.h - a YAML file as a tree in which every node has its place
 *
 * Plain data that the checker reads and never changes. One topology file is one tree.
 */
#ifndef BULKHEAD_TOPOLOGY_NODE_H
#define BULKHEAD_TOPOLOGY_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "topology/diagnostics.h"

enum node_tag {
    NODE_SCALAR,
    NODE_MAP,
    NODE_LIST,
};

struct node_pair {
    char *key;
    struct place key_place;
    struct node *value;
};

struct node {
    enum node_tag tag;
    struct place place;
    char *text;              /* NODE_SCALAR; "" for an empty one */
    bool as_it_is;           /* NODE_SCALAR: "${" has no meaning in it */
    bool nothing;            /* NODE_SCALAR: there is no text, not even "" */
    bool bare;               /* NODE_SCALAR: without quotes, and not a block of lines */
    bool goes_on;            /* NODE_SCALAR: without quotes, over several lines */
    struct node_pair *pairs; /* NODE_MAP, in the order of the file */
    struct node **items;     /* NODE_LIST */
    size_t count;            /* of pairs or items */
};

/* Frees a tree. Accepts NULL. */
void node_free(struct node *node);

/* The pair of a map with this key, or NULL. */
const struct node_pair *node_find(const struct node *map, const char *key);

/* The name of a tag in messages: "a single value", "a map", "a list". */
const char *node_tag_name(enum node_tag tag);

#endif
