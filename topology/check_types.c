/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <string.h>

#include "common/memory.h"
#include "common/type.h"
#include "topology/check_p.h"

static void check_type_field(struct checker *c, struct contract *contract,
                             const struct node_pair *pair)
{
    struct type type;
    if (pair->value->tag != NODE_SCALAR || pair->value->nothing) {
        diagnostics_add(c->diagnostics, pair->value->place,
                        "the field '%s' needs a type, like string", pair->key);
        contract_add_doubtful(contract, pair->key, TYPE_UNKNOWN);
        return;
    }
    struct err e;
    if (type_parse(pair->value->text, &type, &e) != 0) {
        diagnostics_add(c->diagnostics, pair->value->place, "'%s' is not a type; %s",
                        pair->value->text, e.text);
        /* The field exists, whatever its type. */
        type = (struct type){.tag = VALUE_STRING, .doubt = TYPE_UNKNOWN};
    }
    if (diagnostics_check_name(c->diagnostics, pair->key_place, pair->key) &&
        contract_add(contract, pair->key, type) != 0)
        diagnostics_add(c->diagnostics, pair->key_place,
                        "'%s' is one field too many; a type can have at most %u", pair->key,
                        FIELDS_MAX);
    contract->open |= contract_find(contract, pair->key) < 0;
}

/* Whether the text of a type was cut off by a comma, as in { a: decimal(10,2) }. */
static bool is_cut(const struct node *type)
{
    if (type->tag != NODE_SCALAR || type->nothing)
        return false;
    const char *open = strrchr(type->text, '(');
    return open != NULL && strchr(open, ')') == NULL;
}

/* The pieces of such a type look like fields without one; the error of the first is enough. */
static void check_fields(struct checker *c, struct contract *contract, const struct node *map)
{
    for (size_t i = 0; i < map->count; i++) {
        check_type_field(c, contract, &map->pairs[i]);
        bool cut = is_cut(map->pairs[i].value);
        while (cut && i + 1 < map->count && map->pairs[i + 1].value->nothing)
            cut = strchr(map->pairs[++i].key, ')') == NULL;
    }
}

/* An invalid name is kept if possible, so that its uses do not cause errors too. */
static void check_type(struct checker *c, const struct node_pair *pair)
{
    (void)diagnostics_check_name(c->diagnostics, pair->key_place, pair->key);
    struct named_type *type = &c->topology->types[c->topology->type_count++];
    size_t len = strlen(pair->key);
    c->types_failed |= len > NAME_BYTES_MAX;
    memcpy(type->name, pair->key, len <= NAME_BYTES_MAX ? len : NAME_BYTES_MAX);
    if (pair->value->tag != NODE_MAP || pair->value->count == 0)
        diagnostics_add(c->diagnostics, pair->value->place,
                        "the type '%s' should be a map of fields: { id: string }", pair->key);
    type->contract.open = pair->value->tag != NODE_MAP || pair->value->count == 0;
    if (pair->value->tag == NODE_MAP)
        check_fields(c, &type->contract, pair->value);
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
                        "'types:' should be a map of types by name, each a map of fields");
        return;
    }
    c->topology->types = memory_new(types->value->count, sizeof *c->topology->types);
    for (size_t i = 0; i < types->value->count; i++)
        check_type(c, &types->value->pairs[i]);
}
