/* SPDX-License-Identifier: MIT */
#include "topology/expand.h"

#include <stdlib.h>
#include <string.h>

#include "common/bounds.h"
#include "common/memory.h"
#include "common/text.h"

static int expand_part(const char *at, const char *end, const char *directory, unsigned depth,
                       struct buf *out, struct err *e);

/* The '}' that closes a reference whose inside begins at `at`, counting nested ones. */
static const char *find_close(const char *at, const char *end)
{
    unsigned open = 1;
    for (; at < end; at++) {
        if (at[0] == '$' && at + 1 < end && at[1] == '{')
            open++;
        else if (*at == '}' && --open == 0)
            return at;
    }
    return NULL;
}

static const char *find_default(const char *at, const char *end)
{
    for (; at + 1 < end; at++) {
        if (at[0] == ':' && at[1] == '-')
            return at;
    }
    return NULL;
}

static int expand_reference(const char *at, const char *end, const char *directory, unsigned depth,
                            struct buf *out, struct err *e)
{
    const char *fallback = find_default(at, end);
    const char *name_end = fallback != NULL ? fallback : end;
    size_t name_len = (size_t)(name_end - at);
    if (name_len == 0 || strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789_") < name_len)
        return err_set(e, ERR_INVALID,
                       "'${%.*s}' does not name a variable; write ${NAME} or ${NAME:-default}, or "
                       "$$ for a dollar sign",
                       (int)(end - at), at);
    char *name = memory_dup(at, name_len);
    const char *value = strcmp(name, "TOPOLOGY_DIR") == 0 ? directory : getenv(name);
    int rc = 0;
    const char *bad = value != NULL ? text_not_plain(value) : NULL;
    if (bad != NULL)
        rc = err_set(e, ERR_INVALID, "the value of the environment variable %s %s", name, bad);
    else if (value != NULL && (*value != '\0' || fallback == NULL))
        buf_add_text(out, value);
    else if (fallback != NULL)
        rc = expand_part(fallback + 2, end, directory, depth + 1, out, e);
    else
        rc = err_set(e, ERR_INVALID,
                     "the environment variable %s is not set; set it, or write ${%s:-default}",
                     name, name);
    free(name);
    return rc;
}

static int expand_part(const char *at, const char *end, const char *directory, unsigned depth,
                       struct buf *out, struct err *e)
{
    if (depth > EXPANSION_DEPTH_MAX)
        return err_set(e, ERR_INVALID, "variables are nested more than %u deep",
                       EXPANSION_DEPTH_MAX);
    while (at < end) {
        if (at[0] != '$') {
            buf_add_byte(out, (uint8_t)*at++);
            continue;
        }
        if (at + 1 < end && at[1] == '$') {
            buf_add_byte(out, '$');
            at += 2;
            continue;
        }
        if (at + 1 == end || at[1] != '{') {
            buf_add_byte(out, (uint8_t)*at++);
            continue;
        }
        const char *close = find_close(at + 2, end);
        if (close == NULL)
            return err_set(e, ERR_INVALID, "'${' has no closing '}'");
        int rc = expand_reference(at + 2, close, directory, depth, out, e);
        if (rc != 0)
            return rc;
        at = close + 1;
    }
    return 0;
}

int expand_text(const char *text, const char *directory, struct buf *out, struct err *e)
{
    return expand_part(text, text + strlen(text), directory, 0, out, e);
}

void expand_protect(const char *text, struct buf *out)
{
    for (; *text != '\0'; text++) {
        if (text[0] == '$' && (text[1] == '$' || text[1] == '{'))
            buf_add_byte(out, '$');
        buf_add_byte(out, (uint8_t)*text);
    }
}

char *expand_variables(const struct node *scalar)
{
    struct buf names = {0};
    for (const char *at = scalar->text; !scalar->as_it_is && (at = strchr(at, '$')) != NULL;) {
        bool is_reference = at[1] == '{';
        at += is_reference || at[1] == '$' ? 2 : 1; /* "$$" is a dollar sign */
        if (!is_reference)
            continue;
        size_t len = strcspn(at, ":}$");
        if (len == strlen("TOPOLOGY_DIR") && memcmp(at, "TOPOLOGY_DIR", len) == 0)
            continue;
        buf_add_format(&names, "%s%.*s", names.len != 0 ? ", " : "", (int)len, at);
    }
    char *variables = names.len != 0 ? memory_dup(names.data, names.len) : NULL;
    buf_done(&names);
    return variables;
}

char *expand_scalar(const struct node *scalar, const char *directory, struct diagnostics *d)
{
    struct buf expanded = {0};
    struct err e;
    char *text = NULL;
    if (scalar->as_it_is)
        text = memory_dup(scalar->text, strlen(scalar->text));
    else if (expand_text(scalar->text, directory, &expanded, &e) == 0)
        text = memory_dup(expanded.data, expanded.len);
    else
        diagnostics_add(d, scalar->place, "%s", e.text);
    buf_done(&expanded);
    char *variables = text != NULL ? expand_variables(scalar) : NULL;
    if (variables != NULL)
        diagnostics_add_origin(d, scalar->place, variables);
    free(variables);
    return text;
}

struct node *expand_node(const struct node *node, const char *directory)
{
    struct node *copy = memory_new(1, sizeof *copy);
    *copy = (struct node){.tag = node->tag, .place = node->place, .nothing = node->nothing};
    if (node->tag == NODE_SCALAR) {
        struct buf text = {0};
        struct err e;
        if (node->as_it_is || expand_text(node->text, directory, &text, &e) != 0) {
            buf_reset(&text);
            buf_add_text(&text, node->text);
        }
        copy->text = memory_dup(text.data, text.len);
        copy->as_it_is = true;
        buf_done(&text);
    }
    if (node->tag == NODE_LIST)
        copy->items = memory_new(node->count + 1, sizeof(struct node *));
    if (node->tag == NODE_MAP)
        copy->pairs = memory_new(node->count + 1, sizeof *copy->pairs);
    for (; copy->count < node->count; copy->count++) {
        size_t i = copy->count;
        if (node->tag == NODE_LIST)
            copy->items[i] = expand_node(node->items[i], directory);
        else
            copy->pairs[i] = (struct node_pair){
                .key = memory_dup(node->pairs[i].key, strlen(node->pairs[i].key)),
                .key_place = node->pairs[i].key_place,
                .value = expand_node(node->pairs[i].value, directory)};
    }
    return copy;
}
