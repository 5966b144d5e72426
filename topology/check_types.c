/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "common/memory.h"
#include "common/text.h"
#include "topology/check_p.h"

static const char *nearest_type(const char *text)
{
    static const char *const names[] = {
#define X(tag, name, meaning) tag == VALUE_MONEY ? "money(USD)" : name,
        VALUE_TAG_LIST(X)
#undef X
    };
    return text_nearest(text, names, VALUE_TAG_COUNT);
}

/* money(ABC) with a code that is well-formed, but not in the table. */
static bool is_unknown_currency(const char *text)
{
    return strlen(text) == 10 && strncmp(text, "money(", 6) == 0 && text[9] == ')' &&
           strspn(text + 6, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static void add_unknown_type(struct checker *c, const struct node *node)
{
    const char *nearest = nearest_type(node->text);
    if (is_unknown_currency(node->text))
        diagnostics_add(c->diagnostics, node->place,
                        "'%s' is no type; '%.3s' is no ISO 4217 code that bulkhead knows",
                        node->text, node->text + 6);
    else
        diagnostics_add(c->diagnostics, node->place, "'%s' is no type; %s%s%s", node->text,
                        nearest != NULL ? "did you mean '" : "",
                        nearest != NULL ? nearest
                                        : "it can be string, bytes, int, bool, timestamp, or "
                                          "money(CODE) with an ISO 4217 code",
                        nearest != NULL ? "'?" : "");
}

static void check_type_field(struct checker *c, struct contract *contract,
                             const struct node_pair *pair)
{
    struct type type;
    if (pair->value->tag != NODE_SCALAR) {
        diagnostics_add(c->diagnostics, pair->value->place, "the field '%s' should have a type",
                        pair->key);
        return;
    }
    if (type_parse(pair->value->text, &type) != 0) {
        add_unknown_type(c, pair->value);
        type = (struct type){.tag = VALUE_STRING}; /* the field is there, whatever its type */
    }
    if (!text_is_name(pair->key) || contract_add(contract, pair->key, type) != 0)
        diagnostics_add(c->diagnostics, pair->key_place,
                        "'%s' cannot be a field: names are a letter, then letters, digits, '-' "
                        "and '_', and a type has %u fields at most",
                        pair->key, FIELDS_MAX);
}

void check_types(struct checker *c, const struct node *root)
{
    const struct node_pair *types = node_find(root, "types");
    if (types == NULL) {
        c->types_failed = check_head_misspelt(root, "types");
        return;
    }
    if (types->value->tag != NODE_MAP) {
        c->types_failed = true;
        diagnostics_add(c->diagnostics, types->value->place,
                        "'types:' should be a map of names, each with a map of fields");
        return;
    }
    c->topology->types = memory_new(types->value->count, sizeof *c->topology->types);
    for (size_t i = 0; i < types->value->count; i++) {
        const struct node_pair *pair = &types->value->pairs[i];
        if (!text_is_name(pair->key)) {
            diagnostics_add(c->diagnostics, pair->key_place,
                            "'%s' is no name for a type; use a letter, then letters, digits, '-' "
                            "and '_', %u characters at most",
                            pair->key, NAME_BYTES_MAX);
            c->types_failed = true;
            continue;
        }
        struct named_type *type = &c->topology->types[c->topology->type_count++];
        memcpy(type->name, pair->key, strlen(pair->key) + 1);
        if (pair->value->tag != NODE_MAP || pair->value->count == 0)
            diagnostics_add(c->diagnostics, pair->value->place,
                            "the type '%s' should be a map of fields: { id: string }", pair->key);
        for (size_t k = 0; pair->value->tag == NODE_MAP && k < pair->value->count; k++)
            check_type_field(c, &type->contract, &pair->value->pairs[k]);
    }
}
