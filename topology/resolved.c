/* SPDX-License-Identifier: MIT */
/*
 * On a copy of the tree: first the paths are made absolute, which a walk along the declarations of
 * the options finds, then all texts are protected from being resolved once more.
 */
#include "topology/resolved.h"

#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/check.h"
#include "common/memory.h"
#include "common/text.h"
#include "topology/expand.h"
#include "topology/node.h"
#include "topology/yaml_write.h"

/* --- paths --- */

struct paths {
    const char *directory;
    const char *relative; /* the last relative path; NULL: there is none */
};

static void set_text(struct node *scalar, char *text)
{
    free(scalar->text);
    scalar->text = text;
}

static void make_absolute(struct node *scalar, struct paths *paths)
{
    if (scalar->text[0] == '/')
        return;
    set_text(scalar, memory_format("%s/%s", paths->directory, scalar->text));
    paths->relative = scalar->text + strlen(paths->directory) + 1;
}

static void resolve_map(struct node *map, const struct option_spec *specs, struct paths *paths);

/* The maps of OPTION_GROUPS or OPTION_FIELD_GROUPS, of which the latter have a short form. */
static void resolve_groups(struct node *groups, const struct option_spec *spec, struct paths *paths)
{
    const struct option_spec *alone =
        spec->alone != NULL ? option_find(spec->members, spec->alone) : NULL;
    for (size_t i = 0; i < groups->count; i++) {
        struct node *value = groups->pairs[i].value;
        if (value->tag == NODE_MAP)
            resolve_map(value, spec->members, paths);
        else if (alone != NULL && option_is_path(alone->tag))
            make_absolute(value, paths);
    }
}

static void resolve_option(struct node *value, const struct option_spec *spec, struct paths *paths)
{
    if (option_is_path(spec->tag))
        make_absolute(value, paths);
    else if (spec->tag == OPTION_GROUP)
        resolve_map(value, spec->members, paths);
    else if (spec->tag == OPTION_GROUPS || spec->tag == OPTION_FIELD_GROUPS)
        resolve_groups(value, spec, paths);
}

static struct node *node_of(enum node_tag tag, const char *text)
{
    struct node *node = memory_new(1, sizeof *node);
    node->tag = tag;
    node->text = text != NULL ? memory_dup(text, strlen(text)) : NULL;
    return node;
}

/*
 * What stands for an option that is not given, if there are paths in it: a relative path that is a
 * default must not depend on the directory either. NULL if there are none.
 */
static struct node *resolve_default(const struct option_spec *spec, struct paths *paths)
{
    struct node *value = NULL;
    if (option_is_path(spec->tag) && spec->fallback != NULL)
        value = node_of(NODE_SCALAR, spec->fallback);
    else if (spec->tag == OPTION_GROUP)
        value = node_of(NODE_MAP, NULL);
    else
        return NULL;
    resolve_option(value, spec, paths);
    if (value->tag == NODE_SCALAR || value->count != 0)
        return value;
    node_free(value);
    return NULL;
}

static void resolve_map(struct node *map, const struct option_spec *specs, struct paths *paths)
{
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        const struct node_pair *pair = node_find(map, spec->name);
        if (pair != NULL) {
            resolve_option(pair->value, spec, paths);
            continue;
        }
        struct node *value = resolve_default(spec, paths);
        if (value == NULL)
            continue;
        map->pairs = memory_resize(map->pairs, map->count + 1, sizeof *map->pairs);
        map->pairs[map->count++] =
            (struct node_pair){.key = memory_dup(spec->name, strlen(spec->name)), .value = value};
    }
}

static void resolve_paths(struct node *root, const struct topology *topology, struct paths *paths)
{
    const struct node *stages = node_find(root, "stages")->value;
    for (size_t i = 0; i < topology->stage_count; i++) {
        const struct stage *stage = &topology->stages[i];
        if (stage->worker != 0 || stage->kind->internal)
            continue;
        struct node *map = node_find(stages, stage->base)->value;
        resolve_map(map, stage->kind->options, paths);
        resolve_map(map, kind_common_options, paths);
    }
}

/* --- texts --- */

/*
 * A pattern may be empty if variables have made it so, but must not be written so. No shell can set
 * a variable that is called 0.
 */
#define NO_PATTERN "${0:-}"

static void protect(struct node *scalar, const char *key)
{
    struct buf text = {0};
    if (scalar->text[0] == '\0' && strcmp(key, test_names[TEST_MATCHES]) == 0)
        buf_add_text(&text, NO_PATTERN);
    else
        expand_protect(scalar->text, &text);
    set_text(scalar, memory_dup(text.data, text.len));
    buf_done(&text);
}

/* The texts of types and names of stages are not expanded, but have no dollar sign either. */
static void protect_all(struct node *node, const char *key)
{
    if (node->tag == NODE_SCALAR)
        protect(node, key);
    for (size_t i = 0; i < node->count; i++) {
        if (node->tag == NODE_LIST)
            protect_all(node->items[i], "");
        else
            protect_all(node->pairs[i].value, node->pairs[i].key);
    }
}

/* --- the whole --- */

static int check_directory(const struct paths *paths, struct err *e)
{
    const char *bad =
        paths->directory[0] != '/' ? "is not an absolute path" : text_not_plain(paths->directory);
    if (paths->relative == NULL || bad == NULL)
        return 0;
    struct buf shown = {0};
    text_printable(paths->directory, strlen(paths->directory), 256, &shown);
    (void)err_set(e, ERR_INVALID,
                  "the path '%s' of the topology is relative to the directory '%s', which %s; make "
                  "it absolute, or start from another directory",
                  paths->relative, buf_text(&shown), bad);
    buf_done(&shown);
    return ERR_INVALID;
}

int resolved_write(const struct topology *topology, const char *directory, struct buf *out,
                   struct err *e)
{
    REQUIRE(topology->resolved != NULL);
    size_t before = out->len;
    struct paths paths = {.directory = directory};
    struct node *root = expand_node(topology->resolved, "");
    resolve_paths(root, topology, &paths);
    int rc = check_directory(&paths, e);
    if (rc == 0) {
        protect_all(root, "");
        buf_add_format(out, "# topology '%s', resolved: variables and settings are applied\n",
                       topology->name);
        yaml_write(root, out);
    }
    node_free(root);
    if (out->len - before <= TOPOLOGY_BYTES_MAX)
        return rc;
    rc = err_set(e, ERR_RANGE,
                 "the topology '%s' has %zu bytes with all variables replaced; the maximum is %u",
                 topology->name, out->len - before, TOPOLOGY_BYTES_MAX);
    out->len = before;
    return rc;
}
