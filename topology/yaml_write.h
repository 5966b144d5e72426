/* SPDX-License-Identifier: MIT */
/*
 * yaml_write.h - writes a tree of nodes as YAML that yaml_read() takes
 */
#ifndef BULKHEAD_TOPOLOGY_YAML_WRITE_H
#define BULKHEAD_TOPOLOGY_YAML_WRITE_H

#include "common/buf.h"
#include "topology/node.h"

/*
 * Appends a tree, which yaml_read() turns into the same one again: keys, texts, lists and maps in
 * their order. Maps and lists are written as blocks, indented by two columns, but a list of texts
 * as [a, b], on one line. A text has double quotes unless it cannot be taken for anything else
 * without them, by any reader of YAML: names, paths, numbers, sizes, durations, true and false.
 *
 * Requires: all texts are as yaml_read() allows them: UTF-8, and of the characters below U+0020
 *           only tabs and newlines. The root is a map or a list, and not empty.
 */
void yaml_write(const struct node *root, struct buf *out);

#endif
